//! What looks find at a provider.

use domain::SecretRef;
use domain::provider::ProviderEvent;
use domain::reconcile::Drift;
use uuid::Uuid;

use super::{Person, Story, github};

impl Story {
    /// A key that was taken away from ada's account is there again for a while; another is there
    /// that nobody knows.
    pub(super) async fn drift(&self, ada: &Person) {
        self.tell("sweep", ada.drifted(Some(1), Drift::Foreign))
            .await;
        self.tell("sweep", ada.settled(Some(1))).await;
        self.tell("sweep", ada.drifted(Some(1), Drift::Foreign))
            .await;
        self.tell("sweep", ada.drifted(None, Drift::Foreign)).await;
        self.tell("sweep", ada.settled(None)).await;
        self.tell("sweep", ada.drifted(None, Drift::Foreign)).await;
        let (provider, secret) = (github(), SecretRef::new(Uuid::from_u128(5)));
        self.tell("root", ProviderEvent::HookSecretSet { provider, secret })
            .await;
    }
}
