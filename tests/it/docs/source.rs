//! Reads the types of `domain` as they stand in its source: names, fields, and what is said of
//! them.
//!
//! It knows only what rustfmt writes; that is enough for types that are stored.

use std::collections::BTreeMap;

use crate::support::tree::{files, read};

/// A struct or an enum.
#[derive(Debug, Default, Clone)]
pub(super) struct Type {
    pub(super) says: String,
    pub(super) is_enum: bool,
    pub(super) members: Vec<Member>,
    /// How serde writes names of variants.
    pub(super) snake_case: bool,
}

/// A field, or a variant with its fields.
#[derive(Debug, Default, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) says: String,
    /// The type of a field, or of what a variant wraps.
    pub(super) of: String,
    /// What serde calls it, where it is told.
    pub(super) renamed: Option<String>,
    /// Whether it stands in JSON only where there is something to say.
    pub(super) optional: bool,
    /// The fields of a variant.
    pub(super) fields: Vec<Member>,
}

/// Reads every public type of the crate.
pub(super) fn types() -> BTreeMap<String, Type> {
    let mut types = BTreeMap::new();
    for path in files("domain/src", ".rs") {
        let text = read(&path);
        let mut lines = Lines::of(&text);
        while let Some(line) = lines.next() {
            let item = line.strip_prefix("pub ").unwrap_or_default();
            let is_enum = item.starts_with("enum ");
            if !is_enum && !item.starts_with("struct ") || !line.ends_with('{') {
                lines.forget();
                continue;
            }
            let name = item.split([' ', '<', '{']).nth(1).unwrap_or_default();
            let (says, attributes) = lines.said();
            let members = members(&mut lines, is_enum);
            let kind = Type {
                says,
                is_enum,
                members,
                snake_case: attributes.contains("rename_all = \"snake_case\""),
            };
            types.insert(name.to_owned(), kind);
        }
    }
    types
}

/// Reads members up to the closing brace.
fn members(lines: &mut Lines<'_>, is_enum: bool) -> Vec<Member> {
    let mut members = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('}') {
            break;
        }
        let (says, attributes) = lines.said();
        let renamed = attributes.split("rename = \"").nth(1);
        let renamed = renamed
            .and_then(|rest| rest.split('"').next())
            .map(str::to_owned);
        let line = line.trim_end_matches(',');
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let mut member = Member {
            says,
            renamed,
            optional: attributes.contains("skip_serializing_if"),
            ..Member::default()
        };
        if let Some(name) = line.strip_suffix(" {") {
            name.clone_into(&mut member.name);
            member.fields = self::members(lines, false);
        } else if let Some((name, of)) = line.split_once('(').filter(|_| is_enum) {
            name.clone_into(&mut member.name);
            of.trim_end_matches(')').clone_into(&mut member.of);
        } else if let Some((name, of)) = line.split_once(": ").filter(|_| !is_enum) {
            name.clone_into(&mut member.name);
            of.clone_into(&mut member.of);
        } else {
            line.clone_into(&mut member.name);
        }
        members.push(member);
    }
    members
}

/// Lines of code, with the comments and attributes before them kept.
struct Lines<'a> {
    left: std::str::Lines<'a>,
    says: Vec<&'a str>,
    attributes: String,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            left: text.lines(),
            says: Vec::new(),
            attributes: String::new(),
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let line = self.left.next()?.trim();
            if let Some(said) = line.strip_prefix("///") {
                self.says.push(said.trim());
            } else if line.starts_with("#[") {
                let mut attribute = line.to_owned();
                while attribute.matches('[').count() > attribute.matches(']').count() {
                    attribute.push_str(self.left.next()?.trim());
                }
                self.attributes.push_str(&attribute);
            } else if !line.is_empty() && !line.starts_with("//") {
                return Some(line);
            }
        }
    }

    /// Takes what stood before the line: its words, and its attributes.
    fn said(&mut self) -> (String, String) {
        let said = (
            self.says.join(" ").replace("  ", " "),
            std::mem::take(&mut self.attributes),
        );
        self.says.clear();
        said
    }

    fn forget(&mut self) {
        self.said();
    }
}
