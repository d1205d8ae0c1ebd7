//! What a caller sends, read field by field, so that one answer names every rejected field.

mod object;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use chrono::{DateTime, Utc};
use serde_json::Value;
use url::form_urlencoded;

use self::object::Object;
use super::problem::{FieldError, Problem};
use crate::vault::Secret;

/// The fields of a body or a query, and what is wrong with them so far.
#[derive(Debug)]
pub struct Input {
    fields: Vec<(String, Value)>,
    errors: Vec<FieldError>,
    /// A query has texts only: numbers and flags are read from them.
    texts_only: bool,
}

/// A field was rejected; [`Input::finish`] tells why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected;

impl Input {
    /// Reads a JSON object. No body at all is an object without fields.
    pub fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let fields = if body.is_empty() {
            Vec::new()
        } else {
            let object: Object = serde_json::from_slice(body).map_err(|error| {
                // The parser's own words may repeat what was sent; line and column do not.
                let (line, column) = (error.line(), error.column());
                let what = if error.is_data() {
                    "it must be one JSON object with each field once"
                } else {
                    "it is not JSON"
                };
                Problem::new("malformed-request")
                    .detail(format!("{what} (line {line}, column {column})"))
            })?;
            object.0
        };
        Ok(Self {
            fields,
            errors: Vec::new(),
            texts_only: false,
        })
    }

    /// Reads a query; a parameter that stands twice is rejected.
    pub fn from_query(uri: &Uri) -> Self {
        let mut input = Self {
            fields: Vec::new(),
            errors: Vec::new(),
            texts_only: true,
        };
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if input.fields.iter().any(|(known, _)| *known == name) {
                input.reject(shown(&name), "must stand once");
            } else {
                input
                    .fields
                    .push((name.into_owned(), Value::String(value.into_owned())));
            }
        }
        input
    }

    /// Takes a field that must be there.
    pub fn required<T>(&mut self, name: &'static str) -> Result<T, Rejected>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match self.text(name)? {
            Some(text) => self.parse(name, &text),
            None => Err(self.reject(name, "is required")),
        }
    }

    /// Takes a field that may be absent; null is absent.
    pub fn optional<T>(&mut self, name: &'static str) -> Result<Option<T>, Rejected>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match self.text(name)? {
            Some(text) => self.parse(name, &text).map(Some),
            None => Ok(None),
        }
    }

    /// Takes a secret text that may be absent: 1 to 4096 printable ASCII characters. The empty
    /// text, which forms send for what was not typed, is absent.
    pub fn secret(&mut self, name: &'static str) -> Result<Option<Secret>, Rejected> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > 4096 {
            return Err(self.reject(name, "must have at most 4096 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(self.reject(name, "must be printable ASCII without blanks"));
        }
        Ok(Some(text.into()))
    }

    /// Takes one of some words, if it is there.
    pub fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Rejected> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map_or_else(
            || {
                let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Err(self.reject(name, format!("must be one of {}", known.join(", "))))
            },
            |(_, value)| Ok(Some(*value)),
        )
    }

    /// Takes a list of words, each once, if it is there.
    pub fn words<T: Copy + PartialEq>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Vec<T>, Rejected> {
        let items = match self.take(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= words.len() => items,
            Some(_) => return Err(self.reject(name, "must be a list of words, each once")),
        };
        let mut taken = Vec::new();
        for item in items {
            let known = words
                .iter()
                .find(|(word, _)| item.as_str() == Some(word))
                .filter(|(_, value)| !taken.contains(value));
            let Some((_, value)) = known else {
                let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let detail = format!("must be a list of these, each once: {}", known.join(", "));
                return Err(self.reject(name, detail));
            };
            taken.push(*value);
        }
        Ok(taken)
    }

    /// Takes a list of texts that must be there; each rejected one is named by its place.
    pub fn list<T>(&mut self, name: &'static str, most: usize) -> Result<Vec<T>, Rejected>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let list = self.maybe_list(name, most)?;
        list.ok_or_else(|| self.reject(name, "is required"))
    }

    /// Takes a list of texts, if it is there.
    pub fn maybe_list<T>(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<Option<Vec<T>>, Rejected>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let items = match self.take(name) {
            Some(Value::Array(items)) if items.len() <= most => items,
            None | Some(Value::Null) => return Ok(None),
            Some(_) => return Err(self.reject(name, format!("must list at most {most} texts"))),
        };
        let mut taken = Ok(Vec::with_capacity(items.len()));
        for (number, item) in (1..).zip(&items) {
            let parsed = match item.as_str().map(str::parse::<T>) {
                Some(Ok(parsed)) => Ok(parsed),
                Some(Err(error)) => Err(format!("number {number}: {error}")),
                None => Err(format!("number {number}: must be a text")),
            };
            match (parsed, &mut taken) {
                (Ok(parsed), Ok(taken)) => taken.push(parsed),
                (Ok(_), Err(_)) => {}
                (Err(detail), _) => taken = Err(self.reject(name, detail)),
            }
        }
        taken.map(Some)
    }

    /// Takes true or false, if it is there.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Rejected> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) if self.texts_only && text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if self.texts_only && text == "false" => Ok(Some(false)),
            Some(_) => Err(self.reject(name, "must be true or false")),
        }
    }

    /// Takes a whole number that is not negative, if it is there.
    pub fn number(&mut self, name: &'static str) -> Result<Option<u64>, Rejected> {
        let number = match self.take(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) if self.texts_only => text.parse().ok(),
            Some(_) => None,
        };
        // What fits no column fits no field.
        number
            .filter(|number| i64::try_from(*number).is_ok())
            .map(Some)
            .ok_or_else(|| self.reject(name, "must be a whole number, 0 or more"))
    }

    /// Takes a whole number that has a range of its own, if it is there.
    pub fn ranged<T>(&mut self, name: &'static str) -> Result<Option<T>, Rejected>
    where
        T: TryFrom<u64, Error: fmt::Display>,
    {
        match self.number(name)?.map(T::try_from) {
            Some(Err(error)) => Err(self.reject(name, error.to_string())),
            Some(Ok(number)) => Ok(Some(number)),
            None => Ok(None),
        }
    }

    /// Takes a time, if it is there: RFC 3339, in any zone.
    pub fn time(&mut self, name: &'static str) -> Result<Option<DateTime<Utc>>, Rejected> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(Some(time.to_utc())),
            Err(_) => Err(self.reject(name, "must be a time such as 2026-11-22T11:02:53Z")),
        }
    }

    /// Takes whether a field says more than nothing, without reading it.
    pub fn has(&self, name: &str) -> bool {
        self.fields
            .iter()
            .any(|(known, value)| known == name && !value.is_null())
    }

    /// Rejects a field for a reason of the caller's own.
    pub fn reject(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Rejected {
        self.errors.push(FieldError {
            field: field.into(),
            detail: detail.into(),
        });
        Rejected
    }

    /// Returns what was built of the fields, or one problem that names every rejected one:
    /// fields nobody took are unknown.
    pub fn finish<T>(mut self, built: Result<T, Rejected>) -> Result<T, Problem> {
        for (name, _) in std::mem::take(&mut self.fields) {
            self.reject(shown(&name), "is not known here");
        }
        match built {
            Ok(built) if self.errors.is_empty() => Ok(built),
            Ok(_) | Err(Rejected) => Err(Problem::new("invalid-input").errors(self.errors)),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.remove(place).1)
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, Rejected> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            // No text of ours has it, and PostgreSQL keeps none that does.
            Some(Value::String(text)) if text.contains('\0') => {
                Err(self.reject(name, "must not contain control characters"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.reject(name, "must be a text")),
        }
    }

    fn parse<T>(&mut self, name: &'static str, text: &str) -> Result<T, Rejected>
    where
        T: FromStr<Err: fmt::Display>,
    {
        text.parse()
            .map_err(|error: T::Err| self.reject(name, error.to_string()))
    }
}

/// Returns the name of an unknown field as an answer may repeat it.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{BaseUrl, DisplayName};

    #[test]
    fn every_rejected_field_is_named_at_once() {
        let body = br#"{"name":7,"base_url":"git.example.com","colour":"red","pkce":"yes"}"#;
        let mut input = Input::from_json(body).unwrap();
        let name = input.required::<DisplayName>("name");
        let base_url = input.required::<BaseUrl>("base_url");
        let pkce = input.flag("pkce");
        let id = input.number("id");
        let problem = input
            .finish((|| Ok((name?, base_url?, pkce?, id?)))())
            .unwrap_err();
        let named: Vec<_> = problem
            .rejected()
            .iter()
            .map(|error| (error.field.as_ref(), error.detail.as_str()))
            .collect();
        assert_eq!(
            named,
            [
                ("name", "must be a text"),
                ("base_url", "must be a URL such as https://git.example.com"),
                ("pkce", "must be true or false"),
                ("colour", "is not known here"),
            ]
        );
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        let deep = "[".repeat(10_000);
        for body in [
            "[]",
            "7",
            "{",
            r#"{"a":1,"a":2}"#,
            r#"{"a":NaN}"#,
            r#"{"a":"\ud800"}"#,
            &deep,
            &format!(r#"{{"a":{deep}"#),
        ] {
            let problem = Input::from_json(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code, "malformed-request", "{body:.20}");
        }
        assert_eq!(
            Input::from_json(b"{\"a\":\"\xff\"}").unwrap_err().code,
            "malformed-request"
        );
    }

    #[test]
    fn a_number_that_fits_no_column_is_rejected() {
        let mut input = Input::from_json(br#"{"days":18446744073709551616}"#).unwrap();
        assert_eq!(input.number("days"), Err(Rejected));
        let mut input = Input::from_json(br#"{"days":1.5}"#).unwrap();
        assert_eq!(input.number("days"), Err(Rejected));
    }
}
