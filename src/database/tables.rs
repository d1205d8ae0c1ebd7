//! Which table a name in braces stands for.

use std::borrow::Cow;

/// Which of its tables a projection works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Those that are read.
    Live,
    /// Those that are being filled to take their place.
    Next,
}

/// Replaces every `{name}` by the table it stands for: itself, or itself with `_next`.
pub fn resolve(sql: &str, generation: Generation) -> Cow<'_, str> {
    if !sql.contains('{') {
        return Cow::Borrowed(sql);
    }
    let mut resolved = String::with_capacity(sql.len() + 16);
    for piece in sql.split_inclusive(['{', '}']) {
        match piece.as_bytes().last() {
            Some(b'{') => resolved.push_str(&piece[..piece.len() - 1]),
            Some(b'}') => {
                resolved.push_str(&piece[..piece.len() - 1]);
                if generation == Generation::Next {
                    resolved.push_str("_next");
                }
            }
            _ => resolved.push_str(piece),
        }
    }
    Cow::Owned(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_braces_is_the_live_table_or_the_next() {
        let sql = "UPDATE {keys} SET idx = $1 WHERE {keys}.idx < $1";
        assert_eq!(
            resolve(sql, Generation::Live),
            "UPDATE keys SET idx = $1 WHERE keys.idx < $1"
        );
        assert_eq!(
            resolve(sql, Generation::Next),
            "UPDATE keys_next SET idx = $1 WHERE keys_next.idx < $1"
        );
        assert_eq!(resolve("SELECT 1", Generation::Next), "SELECT 1");
    }
}
