//! A Git server as an adapter sees it, without a network: every kind is played by this one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::provider::Protocol;
use domain::{ReasonCode, format_time};
use lanyard::clock::{Clock, FixedClock};
use lanyard::database::Database;
use lanyard::providers::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Identity, NewKey, OauthApp,
    ProviderFailure, RemoteKey, RemoteKeyId, Tokens, Wants,
};
use lanyard::vault::Secret;
use projections::Statement;

use crate::faults::{self, lost, outage, unauthorized};
use crate::gate::{Gate, Port, block_on};
use crate::hosts::{Entry, Host, Hosts, What};
use crate::process::instance;

/// Every Git server, behind the gate.
pub(crate) struct SimulatedGit {
    /// Which process asks.
    pub(crate) process: u64,
    /// Where the instances write down whose each lane is, if there are several.
    pub(crate) lanes: Option<Arc<dyn Database>>,
    pub(crate) hosts: Arc<Mutex<Hosts>>,
    pub(crate) gate: Gate,
    pub(crate) clock: Arc<FixedClock>,
}

impl SimulatedGit {
    /// Makes a call once it is let go.
    async fn call<T: Send>(
        &self,
        app: &OauthApp,
        token: Option<&str>,
        what: &str,
        work: impl FnOnce(&mut Hosts, &'static str, DateTime<Utc>) -> Result<T, ProviderFailure> + Send,
    ) -> Result<T, ProviderFailure> {
        let slug = app.provider.to_string();
        let call = async {
            let mut hosts = lock(&self.hosts);
            let (&name, host) = hosts
                .all
                .get_key_value(slug.as_str())
                .ok_or_else(|| outage(ReasonCode::ProviderUnreachable))?;
            let now = self.clock.now();
            if host.down {
                return Err(outage(ReasonCode::ProviderUnreachable));
            }
            if let Some(until) = host.limited_until.filter(|until| *until > now) {
                return Err(outage(ReasonCode::ProviderRateLimited).not_before(Some(until)));
            }
            work(&mut hosts, name, now)
        };
        let fault = |how: u64| {
            let failure = faults::fault(how, token.is_some(), self.clock.now());
            if let Some(token) = token.filter(|_| failure.grant == GrantVerdict::Expired) {
                lock(&self.hosts).refuses(&slug, token);
            }
            failure
        };
        let what = format!("{slug}: {what}");
        self.gate.pass(Port::Provider, what, call, fault).await
    }

    /// Says who has a provider's lane, where this process writes without it. One that stood still
    /// cannot know.
    fn out_of_turn(&self, at: &str) -> Option<String> {
        let lanes = self.lanes.as_ref().filter(|_| !self.gate.stood_still())?;
        let asked = Statement::new(
            "SELECT owner FROM lanes WHERE provider = $1 AND until > $2",
            [at.into(), format_time(self.clock.now()).into()],
        );
        let row = block_on(lanes.get(asked)).expect("it can be read");
        let owner = row.map(|row| row.text(0).expect("a name").to_owned());
        let owner = owner.unwrap_or_else(|| "nobody".to_owned());
        (owner != instance(self.process)).then_some(owner)
    }

    /// Makes a call with an access token.
    async fn with<T: Send>(
        &self,
        app: &OauthApp,
        access: &Secret,
        what: &str,
        work: impl FnOnce(&mut Hosts, &'static str, &'static str) -> Result<T, ProviderFailure> + Send,
    ) -> Result<T, ProviderFailure> {
        let token = access.expose_str().to_owned();
        self.call(app, Some(&token), what, |hosts, name, now| {
            let account = allowed(hosts.all.get_mut(name), &token, now)?;
            work(hosts, name, account)
        })
        .await
    }
}

/// Says whose account a token opens.
fn allowed(
    host: Option<&mut Host>,
    token: &str,
    now: DateTime<Utc>,
) -> Result<&'static str, ProviderFailure> {
    let refused = unauthorized();
    let Some(host) = host else {
        return Err(refused);
    };
    match host.grants.get(token) {
        Some(given) if given.dead => {
            host.refused.insert(given.account);
            Err(refused)
        }
        Some(given) if given.expires_at.is_none_or(|end| now < end) => Ok(given.account),
        Some(_) | None => Err(refused),
    }
}

fn host<'a>(hosts: &'a mut Hosts, name: &str) -> &'a mut Host {
    hosts.all.get_mut(name).expect("it was found")
}

fn tokens(host: &Host, access: &str) -> Tokens {
    let given = &host.grants[access];
    Tokens {
        access: access.into(),
        refresh: given.refresh.as_deref().map(Into::into),
        token_secret: given.secret.as_deref().map(Into::into),
        expires_at: given.expires_at,
        scopes: Some(vec!["keys".to_owned()]),
    }
}

fn remote(entry: &Entry) -> RemoteKey {
    RemoteKey {
        id: RemoteKeyId::new(entry.id.to_string()).expect("a number is an id"),
        title: entry.title.clone(),
        line: entry.line.clone(),
        expires_at: None,
        good_for: domain::reconcile::GoodFor::SigningIn,
    }
}

#[async_trait]
impl GitProvider for SimulatedGit {
    fn scopes(&self, _: Wants) -> &'static [&'static str] {
        &["keys"]
    }

    fn missing_scopes(&self, _: Wants, _: Option<&[String]>) -> Vec<String> {
        Vec::new()
    }

    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure> {
        let mut authorize_url = app.base_url.url();
        authorize_url.query_pairs_mut().append_pair("state", state);
        let kept = if app.protocol == Protocol::Oauth1 {
            let asked = self.call(app, None, "ask for a request token", |hosts, name, _| {
                Ok(format!("request-{}", host(hosts, name).number()))
            });
            Some(asked.await?.into())
        } else {
            None
        };
        Ok(Begun {
            authorize_url,
            kept,
        })
    }

    fn turned_away(&self, _: &str) -> ProviderFailure {
        lost()
    }

    async fn exchange(
        &self,
        app: &OauthApp,
        came: &Came,
        kept: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        let code = came.code.expose_str().to_owned();
        let fits = (app.protocol == Protocol::Oauth1) == kept.is_some();
        let what = format!("exchange the code of {code}");
        self.call(app, None, &what, |hosts, name, now| {
            let host = host(hosts, name);
            let account = host.keys.keys().find(|account| **account == code);
            let account = *account.filter(|_| fits).ok_or_else(lost)?;
            let access = host.grant(account, now);
            Ok(tokens(host, &access))
        })
        .await
    }

    async fn refresh(&self, app: &OauthApp, old: &Tokens) -> Result<Tokens, ProviderFailure> {
        let old = old
            .refresh
            .as_ref()
            .map(|token| token.expose_str().to_owned());
        self.call(app, None, "refresh", |hosts, name, now| {
            let host = host(hosts, name);
            // Each refresh token works once.
            let given = host
                .grants
                .values_mut()
                .filter(|given| given.refresh == old);
            let Some(given) = given.last().filter(|_| old.is_some()) else {
                return Err(lost());
            };
            if given.dead {
                host.refused.insert(given.account);
                return Err(lost());
            }
            given.dead = true;
            let account = given.account;
            let access = host.grant(account, now);
            Ok(tokens(host, &access))
        })
        .await
    }

    async fn identify(&self, app: &OauthApp, access: &Secret) -> Result<Identity, ProviderFailure> {
        self.with(app, access, "whose token is this", |_, _, account| {
            Ok(Identity {
                external_id: account.to_owned(),
                login: account.to_owned(),
                name: None,
                scopes: None,
            })
        })
        .await
    }

    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.with(app, access, "list keys", |hosts, name, account| {
            hosts.looked.insert((self.process, name, account));
            Ok(host(hosts, name).of(account).iter().map(remote).collect())
        })
        .await
    }

    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        let (title, line) = (new.title.to_owned(), new.key.line.clone());
        let what = format!("add {title}");
        self.with(app, access, &what, |hosts, name, account| {
            if !hosts.looked.remove(&(self.process, name, account)) {
                hosts.did(name, account, line.clone(), (What::Blindly, None));
            }
            let host = host(hosts, name);
            match host.holder(&line) {
                // Some keep a key twice if it is put there twice; none on two accounts.
                Some(holder) if holder == account && host.lenient => {}
                Some(_) => return Ok(Added::AlreadyThere),
                None => {}
            }
            let entry = Entry {
                id: host.number(),
                title,
                line: line.clone(),
                ours: true,
            };
            let added = remote(&entry);
            host.keys.entry(account).or_default().push(entry);
            let what = (What::Added, self.out_of_turn(name));
            hosts.did(name, account, line, what);
            Ok(Added::Created(added))
        })
        .await
    }

    async fn remove_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        let id = key.to_string();
        self.with(
            app,
            access,
            &format!("remove key {id}"),
            |hosts, name, account| {
                let keys = host(hosts, name).keys.entry(account).or_default();
                let Some(at) = keys.iter().position(|entry| entry.id.to_string() == id) else {
                    return Ok(false);
                };
                let gone = keys.remove(at);
                let what = What::Removed { ours: gone.ours };
                let what = (what, self.out_of_turn(name));
                hosts.did(name, account, gone.line, what);
                Ok(true)
            },
        )
        .await
    }

    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure> {
        let access = tokens.access.expose_str().to_owned();
        self.call(app, None, "revoke", |hosts, name, _| {
            if let Some(given) = host(hosts, name).grants.get_mut(&access) {
                given.dead = true;
            }
            Ok(())
        })
        .await
    }

    async fn test(&self, _: &OauthApp) -> Vec<Finding> {
        Vec::new()
    }
}

/// Looks at the servers.
pub(crate) fn lock(hosts: &Mutex<Hosts>) -> MutexGuard<'_, Hosts> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}
