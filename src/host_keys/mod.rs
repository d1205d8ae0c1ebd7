//! The host keys of Git servers: the lines of a `known_hosts` file, and a look at what a server
//! offers.
//!
//! A line comes from the vendor where one publishes it, else from an admin who typed it or who
//! confirmed what [`scan`] found. A scan proves that the server holds the private half of each
//! key; it cannot prove that it is the right server: for that the admin compares fingerprints.

mod compare;
mod key;
mod line;
mod scan;
mod talk;
mod verify;
mod wire;

pub use compare::{Matches, compare};
pub use key::{KeyType, NoKey};
pub use line::{HostKey, NoHostKey, published};
pub use scan::{ScanError, Scanner, scan};
pub use talk::TalkError;
