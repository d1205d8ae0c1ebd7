//! Scopes, and which of them open which route.

use std::collections::BTreeSet;

use super::apps::Permissions;

/// A set of scopes in which parents have swallowed their children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scopes(BTreeSet<String>);

/// Parents with everything they hold.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("admin:public_key", &["write:public_key", "read:public_key"]),
    ("write:public_key", &["read:public_key"]),
    (
        "admin:ssh_signing_key",
        &["write:ssh_signing_key", "read:ssh_signing_key"],
    ),
    ("write:ssh_signing_key", &["read:ssh_signing_key"]),
    ("user", &["read:user", "user:email", "user:follow"]),
    (
        "repo",
        &[
            "public_repo",
            "repo:status",
            "repo_deployment",
            "repo:invite",
        ],
    ),
];

fn holds(parent: &str, child: &str) -> bool {
    parent == child
        || FAMILIES
            .iter()
            .any(|(name, children)| *name == parent && children.contains(&child))
}

impl Scopes {
    /// Reads scopes separated by spaces, as an authorize URL has them.
    pub(super) fn parse(text: &str) -> Self {
        Self::normal(&text.split_whitespace().collect())
    }

    /// Drops what a parent in the set holds anyway.
    fn normal(all: &BTreeSet<&str>) -> Self {
        let swallowed = |scope: &str| {
            all.iter()
                .any(|parent| *parent != scope && holds(parent, scope))
        };
        let kept = all.iter().filter(|scope| !swallowed(scope));
        Self(kept.map(|scope| (*scope).to_owned()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether `scope` is in the set, itself or through a parent.
    pub(super) fn cover(&self, scope: &str) -> bool {
        self.0.iter().any(|held| holds(held, scope))
    }

    /// Returns what both sets cover.
    pub(super) fn within(&self, other: &Self) -> Self {
        let mine = self.iter().filter(|scope| other.cover(scope));
        let theirs = other.iter().filter(|scope| self.cover(scope));
        Self::normal(&mine.chain(theirs).collect())
    }

    /// Returns them joined with `separator`.
    pub(super) fn joined(&self, separator: &str) -> String {
        self.0
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(separator)
    }

    /// Returns each.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Permissions {
    /// Says whether they open a route that one of these scopes opens to the token of an OAuth app.
    pub(super) fn open(self, scopes: &[&str]) -> bool {
        match scopes.first() {
            None => true,
            Some(scope) if scope.ends_with(":ssh_signing_key") => self.signing,
            Some(_) => self.keys,
        }
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody.
    Open,
    /// A person's token; with one of the scopes, if there are any.
    Person(&'static [&'static str]),
    /// An app, with its client id and secret.
    App,
}

/// Returns who may call a route, named by method and path without the API prefix.
pub(super) fn access(route: &str) -> Access {
    match route {
        "GET /user" => Access::Person(&[]),
        "GET /user/keys" | "GET /user/keys/{id}" => {
            Access::Person(&["admin:public_key", "read:public_key", "write:public_key"])
        }
        "POST /user/keys" => Access::Person(&["admin:public_key", "write:public_key"]),
        "DELETE /user/keys/{id}" => Access::Person(&["admin:public_key"]),
        "GET /user/ssh_signing_keys" | "GET /user/ssh_signing_keys/{id}" => Access::Person(&[
            "admin:ssh_signing_key",
            "read:ssh_signing_key",
            "write:ssh_signing_key",
        ]),
        "POST /user/ssh_signing_keys" => {
            Access::Person(&["admin:ssh_signing_key", "write:ssh_signing_key"])
        }
        "DELETE /user/ssh_signing_keys/{id}" => Access::Person(&["admin:ssh_signing_key"]),
        route if route.contains(" /applications/{client_id}/") => Access::App,
        _ => Access::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_swallows_its_children() {
        let scopes = Scopes::parse("read:public_key admin:public_key write:public_key read:user");
        assert_eq!(scopes.joined(","), "admin:public_key,read:user");
    }

    #[test]
    fn within_is_what_both_allow() {
        let asked = Scopes::parse("admin:public_key repo");
        let allowed = Scopes::parse("read:public_key repo");
        assert_eq!(asked.within(&allowed).joined(" "), "read:public_key repo");
    }
}
