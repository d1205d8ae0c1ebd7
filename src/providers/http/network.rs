//! The way to one provider, where it is not everybody's.

use domain::{CaBundle, ProxyUrl};

/// What is particular about the way to a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Network {
    /// Certificates of authorities that are trusted besides the system's.
    pub ca_bundle: Option<CaBundle>,
    /// The proxy, where it is not the deployment's.
    pub proxy: Option<ProxyUrl>,
}
