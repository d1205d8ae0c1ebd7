//! The address at which a person agrees, for every provider of OAuth 2.0.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use url::Url;
use zeroize::Zeroizing;

use super::{Begun, OauthApp};
use crate::clock::Ids;
use crate::vault::Secret;

/// Builds the address (RFC 6749 section 4.1.1), with a PKCE challenge (RFC 7636) if so wished.
pub(super) fn begin(
    ids: &dyn Ids,
    app: &OauthApp,
    authorize: Url,
    scopes: &[&str],
    pkce: bool,
    state: &str,
) -> Begun {
    let client = BasicClient::new(ClientId::new(app.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(authorize))
        .set_redirect_uri(RedirectUrl::from_url(app.redirect_url.clone()));
    let mut request = client
        .authorize_url(|| CsrfToken::new(state.to_owned()))
        .add_scopes(scopes.iter().map(|asked| Scope::new((*asked).to_owned())));
    let kept = pkce.then(|| verifier(ids));
    if let Some(verifier) = &kept {
        let verifier = PkceCodeVerifier::new(verifier.expose_str().to_owned());
        request =
            request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    }
    let (authorize_url, _) = request.url();
    Begun {
        authorize_url,
        kept,
    }
}

/// Makes a PKCE verifier of 256 bits.
fn verifier(ids: &dyn Ids) -> Secret {
    let mut random = Zeroizing::new([0; 32]);
    ids.fill(&mut *random);
    URL_SAFE_NO_PAD.encode(*random).into()
}
