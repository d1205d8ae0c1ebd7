//! What people ask for.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::campaign::{CampaignCommand, CampaignScope, KeysPerMinute};
use domain::keyring::RotationCause;
use domain::provider::{Choice, ProviderCommand};
use domain::replay::{ReplayInclude, ReplayScope};
use domain::settings::{KeyAge, SettingsChanges};
use domain::{
    AccountId, Actor, ActorKind, CampaignId, KeyId, Means, ProviderSlug, ReplayId, Role, UserId,
};
use lanyard::app::campaigns::NewCampaign;
use lanyard::app::linking::{Meant, Returned};
use lanyard::app::tokens::{NewToken, Principal};
use lanyard::app::{App, Caller, CaseError};
use lanyard::providers::Came;
use uuid::Uuid;

use crate::places::Place;
use crate::process::{Answer, Told};

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Person(Arc<Principal>);

impl Person {
    /// Gives somebody a token.
    pub(crate) async fn arrives(app: App, name: &'static str) -> Self {
        let user: UserId = name.parse().unwrap();
        let roles = vec![Role::Member, Role::Operator, Role::Admin];
        let new = NewToken {
            user: user.clone(),
            name: "laptop".parse().unwrap(),
            roles: roles.clone(),
            life: TimeDelta::days(365),
        };
        let caller = Caller::system("test", app.new_id(), None);
        let made = app.create_token(new, &caller).await.unwrap();
        Self(Arc::new(Principal {
            user,
            roles,
            token: made.id,
            expires_at: made.expires_at,
        }))
    }

    pub(crate) fn user(&self) -> &UserId {
        &self.0.user
    }

    fn caller(&self, correlation: Uuid) -> Caller {
        Caller {
            actor: Actor {
                kind: ActorKind::Person,
                id: self.0.user.to_string(),
                roles: self.0.roles.clone(),
                means: Means::Token(self.0.token),
            },
            ..Caller::system("person", correlation, None)
        }
    }

    /// Asks, and tells what was answered.
    async fn asks<F>(self, app: App, what: String, ask: impl FnOnce(App, Caller) -> F) -> Answer
    where
        F: Future<Output = Result<Told, CaseError>>,
    {
        let correlation = app.new_id();
        let told = ask(app, self.caller(correlation)).await;
        Answer {
            what,
            correlation,
            told: told.map_err(|error| error.to_string()),
        }
    }

    /// Links the account of `login`.
    pub(crate) async fn links(
        self,
        app: App,
        place: Place,
        login: &'static str,
        asked_at: u64,
    ) -> Answer {
        let what = format!("{} links {login} at {}", self.0.user, place.at);
        let principal = self.0.clone();
        self.asks(app, what, async |app, caller| {
            let provider: ProviderSlug = place.at.parse().unwrap();
            if place.is_by_hand() {
                let (user, login) = (&principal.user, login.parse().unwrap());
                let linked = app.link_by_hand(user, &provider, &login, &caller).await?;
                return Ok(Told::At(linked.index));
            }
            let begun = app
                .begin_link(&principal, &provider, None, Meant::Another)
                .await?;
            let ticket = begun.start_url.path_segments().and_then(Iterator::last);
            let ticket = ticket.unwrap_or_default().to_owned();
            let started = app.start_link(&ticket, &caller).await?;
            let mut query = started.authorize_url.query_pairs();
            let state = query.find(|(name, _)| name == "state");
            let returned = Returned {
                provider: Some(provider),
                state: state
                    .map(|(_, state)| state.into_owned())
                    .unwrap_or_default(),
                came: Some(Came {
                    code: login.into(),
                    token: None,
                }),
                cookie: Some(started.cookie.expose_str().to_owned()),
                ..Returned::default()
            };
            let account = app.finish_link(returned, &caller).await?.account;
            Ok(Told::Linked { account, asked_at })
        })
        .await
    }

    /// Asks for a new key in the place of one.
    pub(crate) async fn rotates(self, app: App, key: KeyId, cause: RotationCause) -> Answer {
        let user = self.0.user.clone();
        let what = format!("{user} rotates {key}: {cause:?}");
        self.asks(app, what, async |app, caller| {
            let made = app.rotate_key(&user, key, cause, &caller).await?;
            Ok(Told::At(made.index))
        })
        .await
    }

    /// Unlinks an account.
    pub(crate) async fn unlinks(self, app: App, account: AccountId) -> Answer {
        let user = self.0.user.clone();
        let what = format!("{user} unlinks {account}");
        self.asks(app, what, async |app, caller| {
            let done = app.unlink(&user, account, &caller).await?;
            Ok(Told::At(done.index))
        })
        .await
    }

    /// Ends an account at once, whatever stays there.
    pub(crate) async fn forces_unlinking(self, app: App, account: AccountId) -> Answer {
        let user = self.0.user.clone();
        let what = format!("{user} forces the unlinking of {account}");
        self.asks(app, what, async |app, caller| {
            let done = app.force_unlink(&user, account, &caller).await?;
            Ok(Told::At(done.index))
        })
        .await
    }

    /// Has somebody else leave.
    pub(crate) async fn sees_off(self, app: App, leaver: UserId, force: bool) -> Answer {
        let what = format!("{} sees {leaver} off, by force: {force}", self.0.user);
        self.asks(app, what, async |app, caller| {
            let index = app.offboard(&leaver, force, &caller).await?;
            Ok(Told::At(index))
        })
        .await
    }

    /// Has every account at a provider looked at.
    pub(crate) async fn has_looked_at(self, app: App, at: &'static str) -> Answer {
        let what = format!("{} has everything at {at} looked at", self.0.user);
        self.asks(app, what, async |app, _| {
            app.sweep(&at.parse().unwrap()).await?;
            Ok(Told::At(None))
        })
        .await
    }

    /// Makes a key that is linked to nothing.
    pub(crate) async fn makes_a_personal_key(self, app: App) -> Answer {
        let user = self.0.user.clone();
        let what = format!("{user} makes a personal key");
        self.asks(app, what, async |app, caller| {
            let made = app.make_personal_key(&user, &caller).await?;
            Ok(Told::At(made.index))
        })
        .await
    }

    /// Replays a provider.
    pub(crate) async fn replays(
        self,
        app: App,
        at: &'static str,
        include: ReplayInclude,
    ) -> Answer {
        let what = format!("{} replays {at}: {include:?}", self.0.user);
        self.asks(app, what, async |app, caller| {
            let scope = ReplayScope {
                provider: at.parse().unwrap(),
                user: None,
                since: None,
                until: None,
                include,
            };
            let started = app.start_replay(scope, &caller).await?;
            Ok(Told::At(started.index))
        })
        .await
    }

    /// Stops a replay.
    pub(crate) async fn stops_replay(self, app: App, replay: ReplayId) -> Answer {
        let what = format!("{} stops replay {replay}", self.0.user);
        self.asks(app, what, async |app, caller| {
            Ok(Told::At(app.cancel_replay(replay, &caller).await?))
        })
        .await
    }

    /// Lets a replay go on.
    pub(crate) async fn resumes_replay(self, app: App, replay: ReplayId) -> Answer {
        let what = format!("{} lets replay {replay} go on", self.0.user);
        self.asks(app, what, async |app, caller| {
            Ok(Told::At(app.resume_replay(replay, &caller).await?))
        })
        .await
    }

    /// Begins a campaign.
    pub(crate) async fn begins_campaign(
        self,
        app: App,
        scope: CampaignScope,
        compromised: bool,
    ) -> Answer {
        let what = format!("{} begins a campaign", self.0.user);
        self.asks(app, what, async |app, caller| {
            let new = NewCampaign {
                scope,
                compromised,
                keys_per_minute: KeysPerMinute::default(),
            };
            Ok(Told::At(app.start_campaign(new, &caller).await?.index))
        })
        .await
    }

    /// Pauses, resumes or cancels a campaign.
    pub(crate) async fn moves_campaign(
        self,
        app: App,
        campaign: CampaignId,
        command: CampaignCommand,
    ) -> Answer {
        let what = format!("{}: {command:?} of {campaign}", self.0.user);
        self.asks(app, what, async |app, caller| {
            Ok(Told::At(
                app.move_campaign(campaign, command, &caller).await?,
            ))
        })
        .await
    }

    /// Says how many days old a key may be.
    pub(crate) async fn limits_age(self, app: App, days: Option<u64>) -> Answer {
        let what = format!("{} limits the age of keys: {days:?}", self.0.user);
        self.asks(app, what, async |app, caller| {
            let age = days.map(|days| KeyAge::try_from(days).unwrap());
            let changes = SettingsChanges {
                max_key_age_days: Some(age.map_or(Choice::Default, Choice::Own)),
                ..SettingsChanges::default()
            };
            let known = app.change_settings(changes, None, &caller).await?;
            Ok(Told::At(known.index))
        })
        .await
    }

    /// Says that a key is at an account, or gone from it.
    pub(crate) async fn confirms(
        self,
        app: App,
        account: AccountId,
        key: KeyId,
        placed: bool,
    ) -> Answer {
        let user = self.0.user.clone();
        let what = format!("{user} says that {key} is there: {placed}");
        self.asks(app, what, async |app, caller| {
            let asked = app.confirm_key(&user, (account, key), placed, &caller);
            Ok(Told::At(asked.await?.index))
        })
        .await
    }

    /// Pauses, resumes, disables or enables a provider.
    pub(crate) async fn switches(
        self,
        app: App,
        at: &'static str,
        command: ProviderCommand,
    ) -> Answer {
        let what = format!("{}: {command:?} at {at}", self.0.user);
        self.asks(app, what, async |app, caller| {
            let provider: ProviderSlug = at.parse().unwrap();
            let known = app
                .switch_provider(&provider, command, None, &caller)
                .await?;
            Ok(Told::At(known.index))
        })
        .await
    }
}
