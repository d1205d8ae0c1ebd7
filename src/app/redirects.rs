//! With which redirect URL an app is registered: an admin pasted it at the provider once, and has
//! to paste another when this server's address or the provider's `callback` changes.

use domain::BaseUrl;
use domain::provider::{Protocol, ProviderCommand, Registration};

use super::{App, Caller};
use crate::providers::Finding;

impl App {
    /// Returns the redirect URL that an app is registered with and that is no longer the one to be
    /// registered, if there is such a one.
    pub fn outdated_redirect<'a>(&self, registration: &'a Registration) -> Option<&'a BaseUrl> {
        let now = self.registered_redirect(registration)?;
        let noted = registration.redirect_url.as_ref()?;
        (*noted != now).then_some(noted)
    }

    /// Notes that an app is registered with the redirect URL as it is now.
    pub(super) async fn note_redirect(&self, registration: &Registration, caller: &Caller) {
        let Some(redirect_url) = self.registered_redirect(registration) else {
            return;
        };
        if registration.redirect_url.as_ref() != Some(&redirect_url) {
            let command = ProviderCommand::RecordRedirect { redirect_url };
            self.note(registration, command, caller).await;
        }
    }

    /// Says what to paste where the redirect URL changed since the app was registered.
    pub(super) fn judge_redirect(&self, registration: &Registration) -> Option<Finding> {
        let old = self.outdated_redirect(registration)?;
        let now = self.redirect_url(&registration.provider, registration.callback);
        Some(Finding {
            check: "redirect_url",
            ok: false,
            found: format!("it changed since the app was registered with {old}"),
            fix: format!(
                "paste the new one at the provider: {now}; the next account that is linked shows \
                 that it works"
            ),
        })
    }

    /// Returns the redirect URL to be registered, where one is: OAuth 1.0a tells it with each link,
    /// and where people paste their keys there is none.
    fn registered_redirect(&self, registration: &Registration) -> Option<BaseUrl> {
        let is_registered =
            registration.protocol == Protocol::Oauth2 && !registration.kind.is_by_hand();
        let url = self.redirect_url(&registration.provider, registration.callback);
        is_registered.then(|| url.as_str().parse().ok())?
    }
}
