//! Scopes, and which of them open which route.

/// What a grant holds: the text of the `scope` parameter as the person agreed to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scopes(String);

/// These are for signing in (`OpenID` Connect); the API does not know them.
const OPEN_ID: [&str; 4] = ["openid", "profile", "email", "groups"];
const CATEGORIES: [&str; 9] = [
    "activitypub",
    "admin",
    "misc",
    "notification",
    "organization",
    "package",
    "issue",
    "repository",
    "user",
];

impl Scopes {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Returns the scopes of the API among them; nothing if there is none, or one that nobody
    /// knows: such a token may do everything (`GrantAdditionalScopes` in Gitea's source).
    fn of_the_api(&self) -> Option<Vec<&str>> {
        let scopes: Vec<&str> = self
            .0
            .split([' ', ','])
            .filter(|scope| !scope.is_empty() && !OPEN_ID.contains(scope))
            .collect();
        (!scopes.is_empty() && scopes.iter().all(|scope| known(scope))).then_some(scopes)
    }

    /// Says whether `scope` is among them, itself or through another.
    pub(super) fn cover(&self, scope: &str) -> bool {
        self.of_the_api().is_none_or(|held| {
            held.iter().any(|held| {
                *held == "all"
                    || *held == scope
                    || (held.strip_prefix("write:"))
                        .is_some_and(|category| scope.strip_prefix("read:") == Some(category))
            })
        })
    }

    /// Returns them as a refusal names them.
    pub(super) fn named(&self) -> String {
        self.of_the_api()
            .map_or_else(|| "all".to_owned(), |held| held.join(","))
    }
}

fn known(scope: &str) -> bool {
    let category = scope
        .strip_prefix("read:")
        .or_else(|| scope.strip_prefix("write:"));
    matches!(scope, "all" | "public-only")
        || category.is_some_and(|category| CATEGORIES.contains(&category))
}

/// Returns the scope that a route needs, named by method and path without the API prefix; nothing
/// for a route that is open to everybody.
pub(super) fn needed(method: &str, pattern: &str) -> Option<&'static str> {
    if !(pattern == "/user" || pattern.starts_with("/user/")) {
        return None;
    }
    Some(if method == "GET" || method == "HEAD" {
        "read:user"
    } else {
        "write:user"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scope_of_the_api_means_all_of_it() {
        for text in ["", "openid profile email", "nonsense", "read:user nonsense"] {
            assert!(Scopes::new(text).cover("write:user"), "{text}");
        }
    }

    #[test]
    fn writing_holds_reading_and_nothing_else() {
        let scopes = Scopes::new("openid write:user");
        assert!(scopes.cover("write:user") && scopes.cover("read:user"));
        assert!(!scopes.cover("read:repository"));
        assert!(!Scopes::new("read:user").cover("write:user"));
        assert!(!Scopes::new("public-only").cover("read:user"));
        assert!(Scopes::new("all").cover("write:user"));
    }
}
