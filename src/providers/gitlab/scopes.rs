//! Scopes: what is asked for, and what is granted.

/// Writes keys: nothing less does (GitLab, "OAuth 2.0 provider", authorized applications). It
/// reads them, and the person, too.
pub(super) const API: &str = "api";
/// What a link asks for.
pub(super) const ASKED: &[&str] = &[API];

/// Sorts a list of scopes, each once.
pub(super) fn sorted<'a>(scopes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scopes: Vec<String> = scopes.map(str::to_owned).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Reads a list with spaces between.
pub(super) fn parse(text: &str) -> Vec<String> {
    sorted(text.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_spaces_and_sorted() {
        assert_eq!(parse("read_user  api api"), ["api", "read_user"]);
        assert!(parse("").is_empty());
    }
}
