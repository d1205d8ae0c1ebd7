//! Who is there, and where keys go.

use domain::provider::{AddProvider, Callback, OnMissing, Protocol, ProviderKind};
use lanyard::app::{App, Caller};

use crate::chance::Chance;

pub(crate) const PEOPLE: [&str; 3] = ["ada", "bob", "cleo"];

/// How many providers a simulation has.
const CHOSEN: usize = 3;

/// A provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) at: &'static str,
    pub(crate) kind: ProviderKind,
}

/// Every provider that a simulation may have: with tokens that are refreshed and not, with OAuth
/// 1.0a, and without any.
pub(crate) const EVERYWHERE: [Place; 5] = [
    Place::of("hub", ProviderKind::Github),
    Place::of("lab", ProviderKind::Gitlab),
    Place::of("tea", ProviderKind::Gitea),
    Place::of("bucket", ProviderKind::BitbucketServer),
    Place::of("box", ProviderKind::Ssh),
];

impl Place {
    const fn of(at: &'static str, kind: ProviderKind) -> Self {
        Self { at, kind }
    }

    /// Says whether people carry their keys there themselves.
    pub(crate) const fn is_by_hand(self) -> bool {
        self.kind.is_by_hand()
    }
}

/// Chooses the providers of a simulation.
pub(crate) fn choose(chance: &mut Chance) -> Vec<Place> {
    let mut chosen = EVERYWHERE.to_vec();
    while chosen.len() > CHOSEN {
        chosen.remove(chance.below(chosen.len()));
    }
    chosen
}

/// Returns what an account is told by from all others at a provider.
pub(crate) fn external_id(place: Place, login: &str) -> String {
    if place.is_by_hand() {
        // As `App::link_by_hand` makes it.
        format!("{login}/{login}")
    } else {
        login.to_owned()
    }
}

/// Registers a provider.
pub(crate) async fn registers(app: App, place: Place) {
    let Place { at, kind } = place;
    let (by_hand, signed) = (place.is_by_hand(), kind == ProviderKind::BitbucketServer);
    // Nothing is signed with it here.
    let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    let added = AddProvider {
        provider: at.parse().unwrap(),
        kind,
        name: at.parse().unwrap(),
        description: "simulated".parse().unwrap(),
        base_url: format!("https://{at}.example.com").parse().unwrap(),
        client_id: (!by_hand).then(|| "client".parse().unwrap()),
        client_secret: None,
        callback: Callback::Own,
        algorithm: None,
        pkce: None,
        protocol: if signed {
            Protocol::Oauth1
        } else {
            Protocol::Oauth2
        },
        public_key: signed.then(|| public.parse().unwrap()),
        signing: false,
        ca_bundle: None,
        proxy: None,
        on_missing: OnMissing::default(),
    };
    let caller = Caller::system("test", app.new_id(), None);
    let secret = (!by_hand).then(|| "client secret".into());
    app.add_provider(added, secret, &caller).await.unwrap();
}
