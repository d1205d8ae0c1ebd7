//! People who have linked, and whose keys are still to be put at the providers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cqrs_es::Aggregate;
use domain::account::{Account, AccountEvent, Grant, PublicationCause};
use domain::keyring::{Algorithm, Holder, Keyring, KeyringEvent, PublicKey};
use domain::provider::{AddProvider, Callback, OnMissing, Protocol, ProviderKind};
use domain::{
    AccountId, Actor, ActorKind, Draft, EventId, Header, KeyId, LoggedEvent, Means, Origin,
    ProviderSlug, Sealed, SecretRef, StreamName, UserId,
};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::place::Place;
use crate::app::grants::StoredTokens;
use crate::app::{App, Caller};
use crate::eventlog::Append;
use crate::providers::Tokens;
use crate::vault::{Owner, Purpose};

/// How many people are written at the same time.
const AT_ONCE: usize = 256;

/// Registers the providers, and links everybody at each of them.
pub(super) async fn link(place: &Place, people: u64, providers: &[&str]) -> anyhow::Result<()> {
    for name in providers {
        register(&place.app, name).await?;
    }
    let mut linked = stream::iter(0..people)
        .map(|number| one(place, number, providers))
        .buffer_unordered(AT_ONCE);
    while linked.try_next().await?.is_some() {}
    Ok(())
}

async fn register(app: &App, name: &str) -> anyhow::Result<()> {
    let added = AddProvider {
        provider: name.parse()?,
        kind: ProviderKind::Gitlab,
        name: name.parse()?,
        description: "".parse()?,
        base_url: format!("https://{name}.example.com").parse()?,
        client_id: Some("client".parse()?),
        client_secret: None,
        callback: Callback::Own,
        algorithm: None,
        pkce: None,
        protocol: Protocol::Oauth2,
        public_key: None,
        signing: false,
        ca_bundle: None,
        proxy: None,
        on_missing: OnMissing::default(),
    };
    let caller = Caller::system("bench", app.new_id(), None);
    let secret = "a client secret".into();
    app.add_provider(added, Some(secret), &caller).await?;
    Ok(())
}

/// Links one person everywhere.
async fn one(place: &Place, number: u64, providers: &[&str]) -> anyhow::Result<()> {
    let app = &place.app;
    let user: UserId = format!("user-{number}").parse()?;
    let mut keys = Vec::new();
    for name in providers {
        let provider: ProviderSlug = name.parse()?;
        let account = AccountId::new(app.new_id());
        let token = format!("{name}-{number}");
        place.hosts.open(name, token.clone());
        let key = KeyId::new(app.new_id());
        let grant = grant(app, &user, account, &token).await?;
        keys.push(KeyringEvent::KeyGenerated {
            user: user.clone(),
            key,
            holder: Holder::Account(account),
            algorithm: Algorithm::Ed25519,
            public_key: public_key(app),
            private_key: SecretRef::new(app.new_id()),
        });
        let linked = AccountEvent::AccountLinked {
            account,
            user: user.clone(),
            provider: provider.clone(),
            // Nobody opens it.
            profile: Sealed {
                person: user.clone(),
                sealed: "AA".repeat(64),
            },
            grant: Some(grant),
        };
        let requested = AccountEvent::KeyPublicationRequested {
            account,
            user: user.clone(),
            provider,
            key,
            cause: PublicationCause::Link,
        };
        append::<Account>(app, &account.to_string(), vec![linked, requested]).await?;
    }
    append::<Keyring>(app, user.as_str(), keys).await
}

/// Keeps a token that never runs out, as linking does.
async fn grant(app: &App, user: &UserId, account: AccountId, token: &str) -> anyhow::Result<Grant> {
    let tokens = Tokens {
        access: token.into(),
        refresh: None,
        token_secret: None,
        expires_at: None,
        scopes: None,
    };
    let stored = StoredTokens::new(&tokens, app.now()).to_secret();
    let owner = Owner::Person(user.clone());
    let subject = account.to_string();
    let sealed = app
        .vault
        .seal(&owner, Purpose::GrantTokens, &subject, &stored);
    Ok(Grant {
        secret: sealed.await?,
        generation: 1,
        scopes: vec!["keys".to_owned()],
        missing_scopes: vec![],
        expires_at: None,
        refreshable: false,
    })
}

fn public_key(app: &App) -> PublicKey {
    let mut random = [0; 32];
    app.ids.fill(&mut random);
    let blob = [&b"\0\0\0\x0bssh-ed25519\0\0\0 "[..], &random].concat();
    PublicKey {
        line: format!("ssh-ed25519 {}", STANDARD_NO_PAD.encode(blob)),
        fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(random)),
    }
}

async fn append<A: Aggregate<Event: LoggedEvent>>(
    app: &App,
    id: &str,
    events: Vec<A::Event>,
) -> anyhow::Result<()> {
    let stream = StreamName::of(A::TYPE, &id);
    let correlation = app.new_id();
    let drafts = (1..).zip(&events).map(|(version, event)| {
        let header = Header {
            id: EventId::new(app.new_id()),
            actor: Actor {
                kind: ActorKind::System,
                id: "bench".to_owned(),
                roles: vec![],
                means: Means::Internal,
            },
            origin: Origin {
                request: None,
                sender: None,
            },
            reason: None,
            correlation,
            causation: None,
        };
        Draft::new(&header, &stream, version, event)
    });
    let append = Append {
        stream: stream.clone(),
        expected: 0,
        events: drafts.collect(),
    };
    app.log.append(append).await?;
    Ok(())
}
