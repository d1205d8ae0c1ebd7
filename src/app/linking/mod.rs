//! Linking an account: begun by the API, started in a browser, finished at the callback.

mod asking;
mod by_hand;
mod claiming;
mod linkable;
mod meant;
mod sealing;
mod taking;

use domain::account::AccountError;
use domain::provider::{Callback, Registration};
use domain::{AccountId, Actor, ActorKind, Means, ProviderSlug, Refusal, SecretRef, UserId};
use serde::{Deserialize, Serialize};
use url::Url;

pub use by_hand::LinkedByHand;
pub use meant::Meant;

use super::dispatch::Completing;
use super::flows::{Boxed, Flow, cookie_name};
use super::grants::AccessError;
use super::oauth_apps::Use;
use super::tokens::Principal;
use super::{App, Caller, CaseError, CommandError, Rule};
use crate::providers::{Came, Tokens};
use crate::vault::Secret;

/// A flow that was begun.
#[derive(Debug)]
pub struct BegunLink {
    /// Where the person's browser starts. It works once.
    pub start_url: Url,
    /// Until when.
    pub expires_at: chrono::DateTime<chrono::Utc>,
}

/// What is about to be started, for whoever is asked whether they want it.
#[derive(Debug, Clone)]
pub struct Intended {
    /// The person who would get the account.
    pub user: UserId,
    /// What people call the provider.
    pub provider: String,
}

/// A flow that was started in a browser.
#[derive(Debug)]
pub struct StartedLink {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// The name of its cookie.
    pub cookie_name: String,
    /// What the cookie holds.
    pub cookie: Secret,
}

/// What a browser came back with.
#[derive(Debug, Default)]
pub struct Returned {
    /// The provider that the path names; none at the shared address.
    pub provider: Option<ProviderSlug>,
    /// The flow's `state`.
    pub state: String,
    /// What the provider gave for tokens, if it gave that.
    pub came: Option<Came>,
    /// The provider's error, if it gave that.
    pub error: Option<String>,
    /// Who answered, as they say (RFC 9207).
    pub issuer: Option<String>,
    /// What the browser's cookie of this flow holds.
    pub cookie: Option<String>,
}

/// A finished link.
#[derive(Debug)]
pub struct Linked {
    /// The account.
    pub account: AccountId,
    /// Where the browser goes.
    pub return_to: Option<String>,
}

/// Who a person is at a provider: what stands sealed in events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Profile {
    /// The provider's immutable number for the person.
    pub id: String,
    /// The login.
    pub login: String,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Returns what a profile is bound to when it is sealed.
pub fn profile_context(account: AccountId) -> String {
    format!("profile/{account}")
}

impl App {
    /// Begins to link an account for whoever asks.
    pub async fn begin_link(
        &self,
        principal: &Principal,
        provider: &ProviderSlug,
        return_to: Option<String>,
        meant: Meant,
    ) -> Result<BegunLink, CaseError> {
        let (_, revision) = self.linkable(provider).await?;
        self.admits(&principal.user).await?;
        let account = self.account_meant(&principal.user, provider, meant).await?;
        let boxed = Boxed {
            return_to,
            account,
            ..Boxed::default()
        };
        let (ticket, expires_at) = self
            .keep_flow(provider, revision, &principal.user, principal.token, boxed)
            .await?;
        let base = self.public_url.as_str().trim_end_matches('/');
        let start_url = format!("{base}/oauth/start/{}", ticket.expose_str());
        let start_url = start_url
            .parse()
            .map_err(|_| CommandError::Unavailable("the public URL takes no path".to_owned()))?;
        Ok(BegunLink {
            start_url,
            expires_at,
        })
    }

    /// Says what the flow of a ticket would do, without starting it.
    pub async fn intended_link(&self, ticket: &str) -> Result<Intended, CaseError> {
        let flow = self.flow_of_ticket(ticket).await?;
        let (registration, _) = self.linkable(&flow.provider).await?;
        Ok(Intended {
            user: flow.user,
            provider: registration.name.to_string(),
        })
    }

    /// Starts the flow of a ticket in a browser.
    pub async fn start_link(
        &self,
        ticket: &str,
        request: &Caller,
    ) -> Result<StartedLink, CaseError> {
        let flow = self.flow_of_ticket(ticket).await?;
        let owner = self.owner_of(&flow).await?;
        let registration = self.current(&flow).await?;
        let started = self.new_start();
        let (state, caller) = (started.state.as_str(), speaking_for(&owner, request));
        let begun = self
            .with_app(&registration, &caller, |adapter, oauth| async move {
                adapter.begin(&oauth, state).await
            })
            .await
            .map_err(unfit)?;
        self.note_accepted(&registration, Use::Begin, &caller).await;
        self.start_flow(flow, &started, begun.kept.as_ref()).await?;
        Ok(StartedLink {
            authorize_url: begun.authorize_url,
            cookie_name: cookie_name(&started.state, self.is_secure()),
            cookie: started.cookie.into(),
        })
    }

    /// Finishes a flow. Nothing is asked of the provider before everything else agrees.
    pub async fn finish_link(
        &self,
        returned: Returned,
        request: &Caller,
    ) -> Result<Linked, CaseError> {
        let flow = self.flow_of_state(&returned.state).await?;
        if !flow.boxed.is_from(returned.cookie.as_deref()) {
            return Err(Rule::FlowRefused.into());
        }
        let owner = self.owner_of(&flow).await?;
        let registration = match self.current(&flow).await {
            Ok(current) => current,
            Err(error) => {
                self.use_up(&flow).await?;
                return Err(error);
            }
        };
        let expected = match registration.callback {
            Callback::Own => Some(&flow.provider),
            Callback::Shared => None,
        };
        let issuer = returned.issuer.as_deref();
        if returned.provider.as_ref() != expected || !is_issuer(&registration, issuer) {
            self.use_up(&flow).await?;
            return Err(Rule::FlowRefused.into());
        }
        self.use_up(&flow).await?;
        let caller = speaking_for(&owner, request);
        if let Some(error) = returned.error {
            let adapter = self.providers.get(registration.kind);
            let adapter = adapter.ok_or(Rule::FlowOutdated)?;
            let why = adapter.turned_away(&error).failure;
            self.note_refused(&registration, &why, &caller).await;
            return Err(Rule::FlowDenied(why.code.remedy().to_owned()).into());
        }
        let came = returned.came.ok_or(Rule::FlowRefused)?;
        let bringing = {
            let (app, user, kept) = (self.clone(), flow.user.clone(), flow.boxed.kept());
            let (registration, caller) = (registration.clone(), caller.clone());
            async move {
                let given = app.exchange(&registration, &user, &came, kept.as_ref(), &caller);
                given.await
            }
        };
        // A browser that goes away does not take with it what is on its way.
        let broken = |_| CommandError::Unavailable("an exchange broke off".to_owned());
        let (mut exchanged, tokens) = Completing::new(bringing).await.map_err(broken)??;
        let linked = self
            .take_tokens(&flow, &registration, (&mut exchanged, &tokens), &caller)
            .await;
        self.note_accepted(&registration, Use::Exchange, &caller)
            .await;
        if registration.redirect_url.is_some() {
            // The person came back at it, so it is the one that the app is registered with.
            self.note_redirect(&registration, &caller).await;
        }
        match linked {
            Ok(account) => {
                self.forget_linked(exchanged, &tokens).await;
                Ok(Linked {
                    account,
                    return_to: flow.boxed.return_to,
                })
            }
            Err(error) => {
                // What we do not keep must not stay good for anything. Where it is unknown
                // whether we keep it, the sweep finds out; what is given up it gives back.
                let is_anothers = match &error {
                    CaseError::Command(CommandError::Refused(Refusal::Account(rule))) => {
                        *rule == AccountError::LinkGivenUp
                    }
                    CaseError::Command(error) => error.is_in_doubt(),
                    CaseError::Rule(_) => false,
                };
                if !is_anothers {
                    let back = self.hand_back(&registration, exchanged, &tokens, &caller);
                    Box::pin(back).await;
                }
                Err(error)
            }
        }
    }

    /// Exchanges what a browser brought back for tokens. They are good from then on, so they are
    /// kept before anything else is done with them.
    async fn exchange(
        &self,
        registration: &Registration,
        user: &UserId,
        came: &Came,
        kept: Option<&Secret>,
        caller: &Caller,
    ) -> Result<(SecretRef, Tokens), CaseError> {
        let tokens = self
            .with_app(registration, caller, |adapter, oauth| async move {
                adapter.exchange(&oauth, came, kept).await
            })
            .await
            .map_err(unfit)?;
        let exchanged = self
            .keep_tokens(user, registration, &tokens, caller)
            .await?;
        Ok((exchanged, tokens))
    }

    /// Says whether people reach this server over TLS.
    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Returns the provider of a flow, if nobody changed it since.
    async fn current(&self, flow: &Flow) -> Result<Registration, CaseError> {
        let (registration, revision) = match self.linkable(&flow.provider).await {
            Err(CaseError::Command(CommandError::Refused(_))) => {
                return Err(Rule::FlowOutdated.into());
            }
            other => other?,
        };
        if revision != flow.revision && self.is_outdated(flow).await? {
            return Err(Rule::FlowOutdated.into());
        }
        Ok(registration)
    }

    /// Returns who began a flow, if the token they began it with is still current.
    async fn owner_of(&self, flow: &Flow) -> Result<Principal, CaseError> {
        let owner = self.principal_of(flow.token).await?;
        owner
            .filter(|owner| owner.user == flow.user)
            .ok_or_else(|| Rule::FlowNotFound.into())
    }
}

fn refused(rule: AccountError) -> CaseError {
    CommandError::Refused(rule.into()).into()
}

/// Says why a provider's app could not be used for a flow.
fn unfit(error: AccessError) -> CaseError {
    match error {
        AccessError::Command(error) => error.into(),
        AccessError::NoTokens => Rule::FlowOutdated.into(),
        AccessError::Provider(failure) => {
            let code = failure.failure.code;
            Rule::FlowFailed(format!("{}: {}", code.as_str(), code.remedy())).into()
        }
    }
}

/// Compares who says to have answered with who was asked (RFC 9207): the origin must be theirs.
fn is_issuer(registration: &Registration, issuer: Option<&str>) -> bool {
    let Some(issuer) = issuer else { return true };
    Url::parse(issuer).is_ok_and(|issuer| issuer.origin() == registration.base_url.url().origin())
}

/// Speaks for the person who began the flow, from the browser that finished it.
fn speaking_for(owner: &Principal, request: &Caller) -> Caller {
    Caller {
        actor: Actor {
            kind: ActorKind::Person,
            id: owner.user.to_string(),
            roles: owner.roles.clone(),
            means: Means::Token(owner.token),
        },
        ..request.clone()
    }
}
