//! What is sent of a provider, read field by field.

use std::str::FromStr;

use domain::keyring::Algorithm;
use domain::provider::{
    AddProvider, Callback, Choice, OnMissing, Protocol, ProviderChanges, ProviderKind,
};
use domain::{BaseUrl, CaBundle, ClientId, Description, DisplayName, ProviderSlug, ProxyUrl};

use crate::api::input::{Input, Rejected};
use crate::api::problem::Problem;
use crate::app::App;
use crate::app::secrets::LONGEST_CONSUMER_KEY;
use crate::providers::Network;
use crate::vault::Secret;

const PROTOCOLS: [(&str, Protocol); 2] =
    [("oauth2", Protocol::Oauth2), ("oauth1", Protocol::Oauth1)];
const CALLBACKS: [(&str, Callback); 2] = [("own", Callback::Own), ("shared", Callback::Shared)];
const ON_MISSING: [(&str, OnMissing); 2] = [
    ("report", OnMissing::Report),
    ("restore", OnMissing::Restore),
];
const PKCE: [(&str, Choice<bool>); 3] = [
    ("always", Choice::Own(true)),
    ("never", Choice::Own(false)),
    ("default", Choice::Default),
];

/// What is said of a secret that nobody has to send.
pub(super) const KEY_IS_OURS: &str =
    "is left out for oauth1: Lanyard makes a key pair, and answers with the public half";

/// Reads a provider to be registered.
pub(super) fn read_new(
    app: &App,
    mut input: Input,
) -> Result<(AddProvider, Option<Secret>), Problem> {
    let provider = input.required::<ProviderSlug>("provider");
    let kind = input.required::<Kind>("kind").map(|kind| kind.0);
    let name = input.required::<DisplayName>("name");
    let description = input.optional::<Description>("description");
    let base_url = input.required::<BaseUrl>("base_url");
    let base_url = base_url.and_then(|url| callable(app, &mut input, url));
    let client_id = input.optional::<ClientId>("client_id");
    let secret = input.secret("client_secret");
    let callback = input.word("callback", &CALLBACKS);
    let algorithm = input.optional::<Algorithm>("algorithm");
    let pkce = input.flag("pkce");
    let protocol = input.word("protocol", &PROTOCOLS);
    let protocol = match (kind, protocol) {
        (Ok(ProviderKind::BitbucketServer), Ok(None)) => Err(input.reject(
            "protocol",
            "is required for a Bitbucket Server: oauth1 (an application link, every version) or \
             oauth2 (an incoming link, from 7.21 on)",
        )),
        (_, protocol) => protocol,
    };
    let secret = match (&protocol, secret) {
        (Ok(Some(Protocol::Oauth1)), Ok(Some(_))) => {
            Err(input.reject("client_secret", KEY_IS_OURS))
        }
        (_, secret) => secret,
    };
    let client_id = match (&protocol, client_id) {
        (Ok(Some(Protocol::Oauth1)), Ok(Some(key)))
            if key.as_str().len() > LONGEST_CONSUMER_KEY =>
        {
            let detail = format!("must have at most {LONGEST_CONSUMER_KEY} characters");
            Err(input.reject("client_id", detail))
        }
        (_, client_id) => client_id,
    };
    let signing = input.flag("signing");
    let ca_bundle = input.optional::<CaBundle>("ca_bundle");
    let proxy = input.optional::<ProxyUrl>("proxy");
    let network = usable(app, &mut input, ca_bundle, proxy);
    let on_missing = input.word("on_missing", &ON_MISSING);
    input.finish((|| {
        let Network { ca_bundle, proxy } = network?;
        let added = AddProvider {
            provider: provider?,
            kind: kind?,
            name: name?,
            description: description?.unwrap_or_default(),
            base_url: base_url?,
            client_id: client_id?,
            client_secret: None,
            callback: callback?.unwrap_or(Callback::Own),
            algorithm: algorithm?,
            pkce: pkce?,
            protocol: protocol?.unwrap_or_default(),
            public_key: None,
            signing: signing?.unwrap_or_default(),
            ca_bundle,
            proxy,
            on_missing: on_missing?.unwrap_or_default(),
        };
        Ok((added, secret?))
    })())
}

/// Reads new values of a provider.
pub(super) fn read_changes(
    app: &App,
    mut input: Input,
) -> Result<(ProviderChanges, Option<Secret>), Problem> {
    let name = input.optional::<DisplayName>("name");
    let description = input.optional::<Description>("description");
    let base_url = match input.optional::<BaseUrl>("base_url") {
        Ok(Some(url)) => callable(app, &mut input, url).map(Some),
        other => other,
    };
    let client_id = input.optional::<ClientId>("client_id");
    let secret = input.secret("client_secret");
    let callback = input.word("callback", &CALLBACKS);
    let algorithm = input.optional::<Chosen<Algorithm>>("algorithm");
    let pkce = input.word("pkce", &PKCE);
    let signing = input.flag("signing");
    let ca_bundle = input.optional::<Chosen<CaBundle>>("ca_bundle");
    let proxy = input.optional::<Chosen<ProxyUrl>>("proxy");
    let on_missing = input.word("on_missing", &ON_MISSING);
    let own_ca = ca_bundle.clone();
    let own_proxy = proxy.clone();
    let checked = usable(
        app,
        &mut input,
        own_ca.map(|chosen| chosen.and_then(|chosen| chosen.0.own())),
        own_proxy.map(|chosen| chosen.and_then(|chosen| chosen.0.own())),
    );
    input.finish((|| {
        let changes = ProviderChanges {
            name: name?,
            description: description?,
            base_url: base_url?,
            client_id: client_id?,
            client_secret: None,
            callback: callback?,
            algorithm: algorithm?.map(|chosen| chosen.0),
            pkce: pkce?,
            signing: signing?,
            ca_bundle: checked.and(ca_bundle)?.map(|chosen| chosen.0),
            proxy: proxy?.map(|chosen| chosen.0),
            on_missing: on_missing?,
        };
        Ok((changes, secret?))
    })())
}

/// A setting of its own, or `default`.
#[derive(Clone)]
struct Chosen<T>(Choice<T>);

impl<T: FromStr> FromStr for Chosen<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" {
            return Ok(Self(Choice::Default));
        }
        text.parse().map(|own| Self(Choice::Own(own)))
    }
}

/// A kind of provider, by its word.
struct Kind(ProviderKind);

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut kinds = ProviderKind::ALL.into_iter();
        if let Some(kind) = kinds.find(|kind| kind.as_str() == text) {
            return Ok(Self(kind));
        }
        let words = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
        Err(if text.contains("bitbucket") {
            format!(
                "must be one of {words}; Bitbucket Cloud lets no app manage people's SSH keys: add \
                 it as ssh, and people paste their keys there"
            )
        } else {
            format!("must be one of {words}")
        })
    }
}

/// Rejects certificates that cannot be read, and a proxy that would never be called.
fn usable(
    app: &App,
    input: &mut Input,
    ca_bundle: Result<Option<CaBundle>, Rejected>,
    proxy: Result<Option<ProxyUrl>, Rejected>,
) -> Result<Network, Rejected> {
    let network = Network {
        ca_bundle: ca_bundle?,
        proxy: proxy?,
    };
    match app.check_network(&network) {
        Ok(()) => Ok(network),
        Err((field, why)) => Err(input.reject(field, why)),
    }
}

/// Rejects a base URL that would never be called.
fn callable(app: &App, input: &mut Input, url: BaseUrl) -> Result<BaseUrl, Rejected> {
    match app.check_base_url(&url) {
        Ok(()) => Ok(url),
        Err(why) => Err(input.reject("base_url", why)),
    }
}
