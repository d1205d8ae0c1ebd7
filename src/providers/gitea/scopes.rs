//! Scopes: what is asked for, and what a grant allows.

/// Lists, adds and deletes keys, and says who the person is: writing holds reading.
pub(super) const KEYS: &str = "write:user";
/// Lists keys, and says who the person is.
pub(super) const READ: &str = "read:user";
/// What a link asks for. Without any scope of the API a token could do everything.
pub(super) const ASKED: &[&str] = &[KEYS];

/// These are for signing in (`OpenID` Connect); the API does not know them.
const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "groups"];

/// Says whether a grant allows what a scope stands for. A grant without a scope of the API, or
/// with one of the time before there were any like these, allows everything
/// (`GrantAdditionalScopes` in Gitea's source).
pub(super) fn covers(granted: &[String], wanted: &str) -> bool {
    let mut of_the_api = granted
        .iter()
        .map(String::as_str)
        .filter(|scope| !SIGN_IN.contains(scope))
        .peekable();
    let reading = wanted.strip_prefix("read:");
    of_the_api.peek().is_none()
        || of_the_api.any(|scope| {
            let writing = scope.strip_prefix("write:");
            !known(scope)
                || scope == "all"
                || scope == wanted
                || writing.is_some() && writing == reading
        })
}

fn known(scope: &str) -> bool {
    scope == "all"
        || scope == "public-only"
        || scope.starts_with("read:")
        || scope.starts_with("write:")
}

/// Reads a list with spaces or commas between.
pub(super) fn parse(text: &str) -> Vec<String> {
    let mut scopes: Vec<String> = text
        .split([' ', ','])
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_covers_reading_and_no_scope_covers_all() {
        for (granted, wanted, covered) in [
            ("write:user", "write:user", true),
            ("write:user", "read:user", true),
            ("read:user", "read:user", true),
            ("read:user", "write:user", false),
            ("write:repository", "read:user", false),
            ("read:repository openid", "write:user", false),
            ("public-only", "write:user", false),
            ("all", "write:user", true),
            ("openid profile", "write:user", true),
            ("", "write:user", true),
            ("repo", "write:user", true),
        ] {
            assert_eq!(covers(&parse(granted), wanted), covered, "{granted}");
        }
    }

    #[test]
    fn lists_are_read_with_spaces_or_commas_and_sorted() {
        assert_eq!(
            parse("write:user, openid write:user"),
            ["openid", "write:user"]
        );
        assert!(parse(" ").is_empty());
    }
}
