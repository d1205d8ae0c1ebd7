//! OAuth applications and the redirect URIs they may use.

/// An application as its owner sees it right after registering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLabApp {
    /// The application id.
    pub client_id: String,
    /// The secret, shown this once.
    pub client_secret: String,
}

/// The scopes that an application may have and that matter here.
pub(super) const KNOWN_SCOPES: [&str; 8] = [
    "api",
    "read_api",
    "read_user",
    "read_repository",
    "write_repository",
    "openid",
    "profile",
    "email",
];

/// An application as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) secret: String,
    /// One line each; a browser is sent to one of these and nowhere else.
    pub(super) redirects: Vec<String>,
    /// The scopes ticked when it was registered; nobody grants more.
    pub(super) scopes: Vec<String>,
}
