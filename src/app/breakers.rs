//! Whether a provider may be called, and what became of it: the breaker, with its events.

use domain::breaker::{Admission, Sign, Transition};
use domain::provider::{Provider, ProviderCommand, Registration};
use domain::{Failure, ProviderSlug};

use super::{App, Caller, CommandError};

impl App {
    /// Says whether what is done in the background may call a provider now, and counts on it that
    /// it does. The first probe of an outage is an event, those after it are not.
    pub async fn admit(
        &self,
        registration: &Registration,
        caller: &Caller,
    ) -> Result<Admission, CommandError> {
        let (provider, now) = (&registration.provider, self.now());
        let admission = self.pace.breaker(provider, |breaker| {
            breaker.follow(registration.outage.as_ref(), now);
            breaker.admit(now)
        });
        if let Admission::Probe { first: true, .. } = admission {
            let probed = ProviderCommand::RecordBreakerHalfOpened;
            self.dispatch
                .execute::<Provider>(provider, probed, caller)
                .await?;
        }
        Ok(admission)
    }

    /// Notes what a try says of a provider's health; returns the index of the event, if it
    /// changed what is known of it.
    pub async fn note_health(
        &self,
        provider: &ProviderSlug,
        sign: Sign,
        failure: Option<&Failure>,
        caller: &Caller,
    ) -> Result<Option<u64>, CommandError> {
        if sign == Sign::Well {
            self.pace.went_through(provider);
        }
        let now = self.now();
        let changed = self
            .pace
            .breaker(provider, |breaker| breaker.note(sign, now));
        let command = match (changed, failure) {
            (Some(Transition::Opened { attempts }), Some(failure)) => {
                tracing::warn!(provider.slug = %provider, reason = failure.code.as_str(), "a provider does not answer and is left alone");
                ProviderCommand::RecordBreakerOpened {
                    failure: failure.clone(),
                    attempts,
                    at: now,
                }
            }
            (Some(Transition::Closed), _) => {
                tracing::info!(provider.slug = %provider, "a provider answers again");
                ProviderCommand::RecordBreakerClosed
            }
            (Some(Transition::Opened { .. }), None) | (None, _) => return Ok(None),
        };
        let executed = self
            .dispatch
            .execute::<Provider>(provider, command, caller)
            .await?;
        Ok(executed.index)
    }
}
