//! Scopes: what is asked for, and which holds which.

use crate::providers::http::Answer;
use crate::vault::Secret;

/// Deletes keys, and so adds and lists them.
pub(super) const KEYS: &str = "admin:public_key";
/// Lists keys.
pub(super) const READ_KEYS: &str = "read:public_key";
/// Adds keys.
pub(super) const WRITE_KEYS: &str = "write:public_key";
/// Deletes keys for signing, and so adds and lists them.
pub(super) const SIGNING: &str = "admin:ssh_signing_key";
/// Lists keys for signing.
pub(super) const READ_SIGNING: &str = "read:ssh_signing_key";
/// Adds keys for signing.
pub(super) const WRITE_SIGNING: &str = "write:ssh_signing_key";
/// What a link asks for.
pub(super) const ASKED: &[&str] = &[KEYS, "read:user"];
/// What a link asks for where keys are to be good for signing too.
pub(super) const ASKED_FOR_SIGNING: &[&str] = &[KEYS, SIGNING, "read:user"];

/// Parents with the children that their presence grants.
const FAMILIES: [(&str, &[&str]); 5] = [
    (KEYS, &[WRITE_KEYS, READ_KEYS]),
    (WRITE_KEYS, &[READ_KEYS]),
    (SIGNING, &[WRITE_SIGNING, READ_SIGNING]),
    (WRITE_SIGNING, &[READ_SIGNING]),
    ("user", &["read:user", "user:email", "user:follow"]),
];

/// Says whether a scope is among those granted, itself or in a parent.
pub(super) fn covers(granted: &[String], wanted: &str) -> bool {
    granted.iter().any(|granted| {
        granted == wanted
            || FAMILIES
                .iter()
                .any(|(parent, children)| parent == granted && children.contains(&wanted))
    })
}

/// Reads a list with commas or spaces between.
pub(super) fn parse(text: &str) -> Vec<String> {
    let mut scopes: Vec<String> = text
        .split([',', ' '])
        .map(str::trim)
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Says whether a token has scopes at all: those of GitHub Apps have permissions in their place,
/// and every list of scopes that comes with them is empty.
pub(super) fn has_scopes(token: &Secret) -> bool {
    !token.expose().starts_with(b"ghu_")
}

/// Returns the scopes that an answer says the token has.
pub(super) fn of_answer(answer: &Answer, token: &Secret) -> Option<Vec<String>> {
    has_scopes(token)
        .then(|| answer.header("x-oauth-scopes").map(parse))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_commas_or_spaces_and_sorted() {
        let expected = ["admin:public_key", "read:user"];
        assert_eq!(parse("read:user,admin:public_key"), expected);
        assert_eq!(parse("read:user, admin:public_key,"), expected);
        assert_eq!(parse("admin:public_key read:user read:user"), expected);
        assert!(parse("").is_empty());
    }

    #[test]
    fn a_parent_covers_its_children_and_no_child_its_parent() {
        for (granted, wanted, covered) in [
            ("admin:public_key", "admin:public_key", true),
            ("admin:public_key", "write:public_key", true),
            ("admin:public_key", "read:public_key", true),
            ("write:public_key", "read:public_key", true),
            ("write:public_key", "admin:public_key", false),
            ("read:public_key", "write:public_key", false),
            ("user", "read:user", true),
            ("read:user", "user", false),
            ("repo", "admin:public_key", false),
        ] {
            assert_eq!(
                covers(&[granted.to_owned()], wanted),
                covered,
                "{granted} {wanted}"
            );
        }
    }

    #[test]
    fn the_token_of_a_github_app_has_no_scopes() {
        assert!(has_scopes(&"gho_x".into()));
        assert!(!has_scopes(&"ghu_x".into()));
    }
}
