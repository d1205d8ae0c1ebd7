//! What a notice says, and what to do about it. Nothing in it names a person.

use domain::{NoticeKind, ReasonCode};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::NoticeRow;

impl NoticeRow {
    /// Says what it is, in a sentence without a full stop.
    pub fn words(&self) -> String {
        let provider = &self.provider;
        match self.kind {
            NoticeKind::NeedsRelink => {
                format!("the link to {provider} no longer works and must be made again")
            }
            NoticeKind::KeyBlocked => {
                format!("a key at {provider} waits for somebody: it is not tried again by itself")
            }
            NoticeKind::RevocationBlocked => format!(
                "access at {provider} could not be revoked and is not tried again by itself: \
                 an account waits to be unlinked"
            ),
            NoticeKind::KeyDrift => {
                format!("the keys at {provider} are not what they should be")
            }
            NoticeKind::KeyExpiring => match self.expires_at {
                Some(end) => {
                    let day = end.format("%Y-%m-%d");
                    format!("{provider} ends a key on {day}")
                }
                None => format!("{provider} ends a key soon"),
            },
            NoticeKind::AppRefused => format!("{provider} refuses the registered app"),
            NoticeKind::ProviderDown => {
                format!("{provider} does not answer: keys wait until it does")
            }
            NoticeKind::ProviderPaused => {
                format!("key sync at {provider} is paused by an operator")
            }
        }
    }

    /// Says what to do about it.
    pub fn remedy(&self) -> &'static str {
        match (self.kind, self.reason()) {
            (
                NoticeKind::NeedsRelink
                | NoticeKind::KeyBlocked
                | NoticeKind::KeyDrift
                | NoticeKind::AppRefused,
                Some(code),
            ) => code.remedy(),
            (NoticeKind::NeedsRelink, None) => ReasonCode::GrantRevoked.remedy(),
            (NoticeKind::KeyBlocked, None) => ReasonCode::KeyRejected.remedy(),
            (NoticeKind::AppRefused, None) => ReasonCode::AppCredentialsInvalid.remedy(),
            (NoticeKind::RevocationBlocked, Some(code)) if code.is_of_the_app() => code.remedy(),
            (NoticeKind::RevocationBlocked, _) => {
                "an operator asks for another try once the provider answers, or an admin forces \
                 the unlinking: then the person takes the access away at the provider"
            }
            (NoticeKind::KeyDrift, None) => {
                "look at what differs, then have the key put there again or keep it as it is"
            }
            (NoticeKind::KeyExpiring, _) => {
                "nothing where Lanyard carries keys: a new one takes its place in time; where you \
                 carry them, paste the key again before that day"
            }
            (NoticeKind::ProviderDown, _) => {
                "nothing: keys go on by themselves; if it lasts, look at the provider's status page"
            }
            (NoticeKind::ProviderPaused, _) => "nothing: an operator resumes the provider",
        }
    }

    /// Returns the reason of the failure, where the code is one.
    fn reason(&self) -> Option<ReasonCode> {
        let code: StrDeserializer<'_, Error> = self.code.as_deref()?.into_deserializer();
        ReasonCode::deserialize(code).ok()
    }
}
