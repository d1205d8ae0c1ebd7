//! What it means when no answer comes at all.

use std::error::Error;
use std::io;

use domain::{Blame, ReasonCode};

use super::NotAllowed;
use crate::providers::ProviderFailure;

/// Judges a URL that was not called.
pub(super) fn not_allowed(refused: NotAllowed) -> ProviderFailure {
    // An admin typed it or an operator must list it: no person's grant is to blame.
    ProviderFailure::new(Blame::App, ReasonCode::ProviderUnreachable).detail(refused.to_string())
}

/// Judges a call whose own proxy must not be called.
pub(super) fn proxy_not_allowed(refused: NotAllowed) -> ProviderFailure {
    ProviderFailure::new(Blame::App, ReasonCode::ProviderUnreachable)
        .detail(format!("the provider's proxy: {refused}"))
}

/// Judges a call for which there is no client: the provider's own certificates or proxy are at
/// fault.
pub(super) fn no_client() -> ProviderFailure {
    ProviderFailure::new(Blame::App, ReasonCode::ProviderTls)
        .detail("the provider's CA bundle or proxy cannot be used")
}

/// Judges a call without an answer. The words are ours: those of the libraries quote URLs.
pub(super) fn failure(error: &reqwest::Error) -> ProviderFailure {
    if let Some(refused) = chain(error).find_map(find::<NotAllowed>) {
        return not_allowed(*refused);
    }
    let (code, words) = if let Some(tls) = chain(error).find_map(find::<rustls::Error>) {
        (ReasonCode::ProviderTls, tls_words(tls))
    } else {
        let words = if error.is_dns() {
            "the host name is not known".to_owned()
        } else if error.is_timeout() {
            "no answer in time".to_owned()
        } else if error.is_connect() {
            connect_words(chain(error).find_map(find::<io::Error>)).to_owned()
        } else if error.is_builder() {
            return ProviderFailure::new(Blame::Us, ReasonCode::Internal)
                .detail("the request could not be made");
        } else {
            "the connection ended before the answer did".to_owned()
        };
        (ReasonCode::ProviderUnreachable, words)
    };
    ProviderFailure::new(Blame::Provider, code).detail(words)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Finds a cause of one type; an `io::Error` hides what it carries from `source`.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref::<T>() {
        return Some(found);
    }
    let carried = error.downcast_ref::<io::Error>()?.get_ref()?;
    find::<T>(carried)
}

fn connect_words(error: Option<&io::Error>) -> &'static str {
    match error.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            "there is no route to the host"
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => {
            "the connection was reset"
        }
        _ => "no connection could be made",
    }
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as C;
    let known = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            C::Expired | C::ExpiredContext { .. } => Some("the certificate has expired"),
            C::NotValidYet | C::NotValidYetContext { .. } => {
                Some("the certificate is not yet valid")
            }
            C::UnknownIssuer => {
                Some("the certificate is signed by an authority that this system does not trust")
            }
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                Some("the certificate is for another host name")
            }
            C::Revoked => Some("the certificate was revoked"),
            _ => None,
        },
        rustls::Error::InvalidMessage(_) => Some("the server does not speak TLS at this port"),
        _ => None,
    };
    known.map_or_else(|| format!("no trusted connection: {error}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tls_error_is_found_inside_io_errors() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        let found = find::<rustls::Error>(&wrapped).unwrap();
        assert!(tls_words(found).contains("does not trust"));
    }

    #[test]
    fn certificates_are_refused_for_reasons_that_people_understand() {
        use rustls::CertificateError as C;
        for (error, words) in [
            (C::Expired, "expired"),
            (C::NotValidForName, "another host name"),
            (C::UnknownIssuer, "does not trust"),
        ] {
            let words_of = tls_words(&rustls::Error::InvalidCertificate(error));
            assert!(words_of.contains(words), "{words_of}");
        }
    }
}
