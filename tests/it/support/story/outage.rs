//! A provider that goes away and comes back.

use domain::provider::ProviderEvent;

use super::{Story, down, github};
use crate::support::logs::noon;

impl Story {
    /// GitHub goes away, is probed, and comes back; then it goes away again.
    pub(super) async fn outage(&self) {
        let (provider, since) = (github(), noon());
        let opened = ProviderEvent::BreakerOpened {
            provider: provider.clone(),
            failure: down(),
            attempts: 5,
            since,
        };
        self.tell("publisher", opened.clone()).await;
        let half_opened = ProviderEvent::BreakerHalfOpened {
            provider: provider.clone(),
            since,
        };
        self.tell("publisher", half_opened).await;
        let closed = ProviderEvent::BreakerClosed { provider, since };
        self.tell("publisher", closed).await;
        self.tell("publisher", opened).await;
    }
}
