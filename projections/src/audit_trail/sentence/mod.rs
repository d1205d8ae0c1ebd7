//! One plain sentence per event, for people.

mod account;
mod campaign;
mod drift;
mod leaver;
mod provider;
mod settings;
mod webhook;

use domain::access::AccessEvent;
use domain::keyring::{Holder, KeyringEvent, RotationCause};
use domain::replay::{ReplayEvent, ReplayInclude, ReplayScope};
use domain::token::TokenEvent;
use domain::{Actor, ActorKind, Event, Failure, Recorded, Role, UserId};

/// Says what happened, in one sentence without a full stop: "ada linked an account at github".
pub fn sentence(recorded: &Recorded<Event>) -> String {
    let actor = &recorded.header.actor;
    let fact = match &recorded.event {
        Event::Access(event) => access(event),
        Event::Account(event) => account::account(actor, event),
        Event::Campaign(event) => campaign::campaign(event),
        Event::Keyring(event) => keyring(actor, event),
        Event::Provider(event) => provider::provider(event),
        Event::Offboarding(event) => leaver::offboarding(event),
        Event::Replay(event) => replay(event),
        Event::Settings(event) => settings::settings(event),
        Event::Token(event) => token(actor, event),
        Event::Webhook(event) => webhook::webhook(event),
    };
    format!("{} {fact}", subject(actor))
}

fn subject(actor: &Actor) -> String {
    match actor.kind {
        ActorKind::Person => actor.id.clone(),
        ActorKind::System => format!("the {}", actor.id),
        ActorKind::Terminal => "somebody at the server's terminal".to_owned(),
    }
}

fn is(actor: &Actor, user: &UserId) -> bool {
    actor.kind == ActorKind::Person && actor.id == user.as_str()
}

/// Whose it is, where it is not the actor's own: " for ada".
fn for_whom(actor: &Actor, user: &UserId) -> String {
    if is(actor, user) {
        String::new()
    } else {
        format!(" for {user}")
    }
}

/// Whose it is: "their" or "ada's".
fn whose(actor: &Actor, user: &UserId) -> String {
    if is(actor, user) {
        "their".to_owned()
    } else {
        format!("{user}'s")
    }
}

fn counted(count: u64, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

fn why(failure: &Failure, attempts: u32) -> String {
    let code = failure.code.as_str();
    match attempts {
        1 => format!("({code}, 1 failed try)"),
        attempts => format!("({code}, {attempts} failed tries)"),
    }
}

fn access(event: &AccessEvent) -> String {
    match event {
        AccessEvent::AuditRead { query: _, returned } => {
            format!("read the audit trail ({})", counted(*returned, "event"))
        }
    }
}

fn purpose(holder: Holder) -> &'static str {
    match holder {
        Holder::Account(_) => "an account",
        Holder::Personal => "personal use",
    }
}

fn keyring(actor: &Actor, event: &KeyringEvent) -> String {
    match event {
        KeyringEvent::KeyGenerated {
            user,
            holder,
            algorithm,
            ..
        } => format!(
            "made {} {algorithm} key for {}",
            whose(actor, user),
            purpose(*holder)
        ),
        KeyringEvent::KeyRotated {
            user,
            holder,
            algorithm,
            cause,
            ..
        } => format!(
            "rotated {} key for {} to a new {algorithm} key{}",
            whose(actor, user),
            purpose(*holder),
            match cause {
                RotationCause::Requested => "",
                RotationCause::Compromised => ": the old one must not be trusted any more",
                RotationCause::Age => ": the old one had reached the greatest age",
                RotationCause::Campaign {
                    compromised: false, ..
                } => " in a campaign",
                RotationCause::Campaign {
                    compromised: true, ..
                } => " in a campaign: the old one must not be trusted any more",
            }
        ),
        KeyringEvent::KeyRetired { user, holder, .. } => format!(
            "retired {} old key for {}",
            whose(actor, user),
            purpose(*holder)
        ),
    }
}

fn replay(event: &ReplayEvent) -> String {
    match event {
        ReplayEvent::ReplayStarted {
            replay: _,
            scope,
            planned,
        } => {
            let ReplayScope {
                provider,
                user,
                since: _,
                until: _,
                include,
            } = scope;
            let which = match include {
                ReplayInclude::Unfinished => "unfinished ",
                ReplayInclude::Requested => "requested ",
                ReplayInclude::Failed => "failed ",
                ReplayInclude::Parked => "parked ",
                ReplayInclude::All => "",
            };
            let of = user
                .as_ref()
                .map_or_else(String::new, |user| format!(" of {user}"));
            format!(
                "started a replay of {provider}: {}{of}",
                counted(*planned, &format!("{which}key"))
            )
        }
        ReplayEvent::ReplayCancelled { provider, .. } => {
            format!("cancelled a replay of {provider}")
        }
        ReplayEvent::ReplayResumed { provider, .. } => {
            format!("resumed a replay of {provider}")
        }
        ReplayEvent::ReplayCompleted {
            provider,
            settled,
            parked,
            ..
        } => format!(
            "completed a replay of {provider}: {} as the log says, {parked} waiting for somebody",
            counted(*settled, "key")
        ),
    }
}

fn token(actor: &Actor, event: &TokenEvent) -> String {
    match event {
        TokenEvent::TokenCreated {
            user, name, roles, ..
        } => {
            let roles: Vec<_> = roles.iter().copied().map(Role::as_str).collect();
            format!(
                "made the API token \"{name}\"{} as {}",
                for_whom(actor, user),
                roles.join(", ")
            )
        }
        TokenEvent::TokenRevoked { user, .. } => {
            format!("revoked an API token{}", for_whom(actor, user))
        }
    }
}
