//! OAuth 1.0a with RSA-SHA1, as the OAuth provider of Atlassian's products does it.

pub(super) mod flow;
pub(super) mod message;
pub(super) mod problem;
pub(super) mod tokens;

/// Gives request tokens.
pub(super) const REQUEST_TOKEN: &str = "/plugins/servlet/oauth/request-token";
/// The page on which a person lets an app in.
pub(super) const AUTHORIZE: &str = "/plugins/servlet/oauth/authorize";
/// Gives access tokens.
pub(super) const ACCESS_TOKEN: &str = "/plugins/servlet/oauth/access-token";

/// Says whether a path looks at signatures by itself.
pub(super) fn is_servlet(inside: &str) -> bool {
    [REQUEST_TOKEN, AUTHORIZE, ACCESS_TOKEN].contains(&inside)
}
