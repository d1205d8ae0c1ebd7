//! What happens to API tokens.

use domain::token::TokenEvent;
use domain::{Event, Role};

use super::{Sample, later, token, user};

pub(super) fn samples() -> Vec<Sample> {
    samples! {
        &format!("token-{}", token()), Token(TokenEvent) with { token: token(), user: user(), };
        TokenCreated {
            name: "nightly export".parse().unwrap(),
            roles: vec![Role::Auditor],
            digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
            expires_at: later()
        }
        TokenRevoked {}
    }
}
