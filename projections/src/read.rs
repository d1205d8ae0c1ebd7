//! From columns back to facts.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::Error as WordError;

use crate::{Row, UnreadableRow};

/// Reads a row from its first column to its last, so that no reader counts columns.
pub(crate) struct Reader<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(row: &'a Row) -> Self {
        Self { row, next: 0 }
    }

    fn column(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub(crate) fn text(&mut self) -> Result<String, UnreadableRow> {
        let column = self.column();
        self.row.text(column).map(str::to_owned)
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, UnreadableRow> {
        let column = self.column();
        Ok(self.row.maybe_text(column)?.map(str::to_owned))
    }

    pub(crate) fn number(&mut self) -> Result<u64, UnreadableRow> {
        let column = self.column();
        self.row.number(column)
    }

    pub(crate) fn small_number(&mut self) -> Result<u32, UnreadableRow> {
        let column = self.column();
        u32::try_from(self.row.number(column)?).map_err(|_| UnreadableRow {
            column,
            expected: "a small number",
        })
    }

    pub(crate) fn maybe_number(&mut self) -> Result<Option<u64>, UnreadableRow> {
        let column = self.column();
        self.row.maybe_number(column)
    }

    /// Reads an id, a name, or a word.
    pub(crate) fn parsed<T: FromStr>(&mut self) -> Result<T, UnreadableRow> {
        let column = self.column();
        self.row.parsed(column, "a text of its kind")
    }

    /// Reads an id, a name, or a word, if there is one.
    pub(crate) fn maybe<T: FromStr>(&mut self) -> Result<Option<T>, UnreadableRow> {
        let column = self.column();
        match self.row.maybe_text(column)? {
            Some(_) => self.row.parsed(column, "a text of its kind").map(Some),
            None => Ok(None),
        }
    }

    /// Reads a time.
    pub(crate) fn time(&mut self) -> Result<DateTime<Utc>, UnreadableRow> {
        let column = self.column();
        from_time(self.row.text(column)?, column)
    }

    /// Reads a time, if there is one.
    pub(crate) fn maybe_time(&mut self) -> Result<Option<DateTime<Utc>>, UnreadableRow> {
        let column = self.column();
        let time = self.row.maybe_text(column)?;
        time.map(|time| from_time(time, column)).transpose()
    }

    /// Reads the word that stands for a state in events too.
    pub(crate) fn word<'de, T: Deserialize<'de>>(&mut self) -> Result<T, UnreadableRow>
    where
        'a: 'de,
    {
        let column = self.column();
        from_word(self.row.text(column)?, column)
    }

    /// Reads the word that stands for a state in events too, if there is one.
    pub(crate) fn maybe_word<'de, T: Deserialize<'de>>(
        &mut self,
    ) -> Result<Option<T>, UnreadableRow>
    where
        'a: 'de,
    {
        let column = self.column();
        self.row
            .maybe_text(column)?
            .map(|word| from_word(word, column))
            .transpose()
    }

    /// Reads a word of the policy.
    pub(crate) fn known<T>(
        &mut self,
        from_word: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, UnreadableRow> {
        let column = self.column();
        from_word(self.row.text(column)?).ok_or(UnreadableRow {
            column,
            expected: "a word of its kind",
        })
    }

    /// Reads JSON.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, UnreadableRow> {
        let column = self.column();
        serde_json::from_str(self.row.text(column)?).map_err(|_| UnreadableRow {
            column,
            expected: "JSON of its kind",
        })
    }

    /// Reads a yes or a no.
    pub(crate) fn yes_no(&mut self) -> Result<bool, UnreadableRow> {
        self.maybe_yes_no()?.ok_or(UnreadableRow {
            column: self.next - 1,
            expected: "yes or no",
        })
    }

    /// Reads a yes or a no, if there is either.
    pub(crate) fn maybe_yes_no(&mut self) -> Result<Option<bool>, UnreadableRow> {
        let column = self.column();
        match self.row.maybe_text(column)? {
            Some("yes") => Ok(Some(true)),
            Some("no") => Ok(Some(false)),
            None => Ok(None),
            Some(_) => Err(UnreadableRow {
                column,
                expected: "yes or no",
            }),
        }
    }

    /// Reads the three columns of a failure, if there was one.
    pub(crate) fn failure(&mut self) -> Result<Option<Failure>, UnreadableRow> {
        let (blame, code, detail) = (self.maybe_word()?, self.maybe_word()?, self.maybe_text()?);
        Ok(match (blame, code) {
            (Some(blame), Some(code)) => Some(Failure {
                blame,
                code,
                detail,
            }),
            (_, _) => None,
        })
    }
}

/// Reads a time in the one form that is written here: faster than in any form that there is.
fn from_time(time: &str, column: usize) -> Result<DateTime<Utc>, UnreadableRow> {
    match DateTime::parse_from_rfc3339(time) {
        Ok(time) => Ok(time.to_utc()),
        Err(_) => Err(UnreadableRow {
            column,
            expected: "a time",
        }),
    }
}

fn from_word<'de, T: Deserialize<'de>>(word: &'de str, column: usize) -> Result<T, UnreadableRow> {
    let deserializer = IntoDeserializer::<'de, WordError>::into_deserializer(word);
    T::deserialize(deserializer).map_err(|_| UnreadableRow {
        column,
        expected: "a word of its kind",
    })
}
