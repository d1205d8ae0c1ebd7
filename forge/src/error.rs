//! What can go wrong with a practice server itself.

use std::fmt;
use std::io;

/// A practice server that could not start, or a page that did not lead back to the app.
#[derive(Debug)]
pub enum ForgeError {
    /// The network said no.
    Io(io::Error),
    /// A URL that the practice browser cannot open.
    Url(String),
    /// The server answered with a page that has no way on.
    DeadEnd {
        /// The status of the page.
        status: u16,
        /// What the page says.
        page: String,
    },
}

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the practice server cannot be reached: {error}"),
            Self::Url(url) => write!(f, "the practice browser cannot open {url}"),
            Self::DeadEnd { status, page } => {
                write!(f, "the page leads nowhere (status {status}): {page}")
            }
        }
    }
}

impl std::error::Error for ForgeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Url(_) | Self::DeadEnd { .. } => None,
        }
    }
}

impl From<io::Error> for ForgeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
