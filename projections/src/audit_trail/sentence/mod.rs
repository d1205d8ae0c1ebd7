//! One plain sentence per event, for people.

mod campaign;
mod drift;
mod leaver;
mod provider;
mod settings;
mod webhook;

use domain::access::AccessEvent;
use domain::account::{AccountEvent, Presence, PublicationCause, Renewal, WithdrawalCause};
use domain::keyring::{Holder, KeyringEvent, RotationCause};
use domain::replay::{ReplayEvent, ReplayInclude, ReplayScope};
use domain::token::TokenEvent;
use domain::{Actor, ActorKind, Event, Failure, Recorded, Role, UserId};

/// Says what happened, in one sentence without a full stop: "ada linked an account at github".
pub fn sentence(recorded: &Recorded<Event>) -> String {
    let actor = &recorded.header.actor;
    let fact = match &recorded.event {
        Event::Access(event) => access(event),
        Event::Account(event) => account(actor, event),
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

fn account(actor: &Actor, event: &AccountEvent) -> String {
    use AccountEvent as E;
    match event {
        E::AccountLinked { user, provider, .. } => {
            format!("linked an account at {provider}{}", for_whom(actor, user))
        }
        E::GrantRenewed {
            user,
            provider,
            how: Renewal::Relink,
            ..
        } => format!("linked {} account at {provider} again", whose(actor, user)),
        E::GrantRenewed {
            user,
            provider,
            how: Renewal::Refresh,
            ..
        } => format!("refreshed {} grant at {provider}", whose(actor, user)),
        E::GrantLost {
            user,
            provider,
            failure,
            ..
        } => format!(
            "found that {} grant at {provider} no longer works ({})",
            whose(actor, user),
            failure.code.as_str()
        ),
        E::UnlinkRequested { user, provider, .. } => {
            format!(
                "asked to unlink {} account at {provider}",
                whose(actor, user)
            )
        }
        E::UnlinkForced { user, provider, .. } => format!(
            "ended the unlinking of {} account at {provider} by force",
            whose(actor, user)
        ),
        E::AccountUnlinked {
            user,
            provider,
            residue,
            ..
        } => format!(
            "unlinked {} account at {provider}{}",
            whose(actor, user),
            leaver::left_behind(residue)
        ),
        E::KeyPublicationRequested {
            user,
            provider,
            cause,
            ..
        } => format!(
            "asked for {} key to be put at {provider} ({})",
            whose(actor, user),
            match cause {
                PublicationCause::Link => "the account was linked",
                PublicationCause::Rotation => "the key takes the place of another",
                PublicationCause::Replay(_) => "a replay",
                PublicationCause::Retry => "another try",
                PublicationCause::Restore => "it was missing there",
                PublicationCause::AutoRestore => "it was missing there, and the policy says so",
            }
        ),
        E::KeyPublished {
            user,
            provider,
            presence,
            ..
        } => {
            let whose = whose(actor, user);
            match presence {
                Presence::Created => format!("put {whose} key at {provider}"),
                Presence::Found => format!("found {whose} key in place at {provider}"),
                Presence::Adopted => {
                    format!("found {whose} key at {provider}, where it was before us")
                }
                Presence::ByHand => format!("confirmed that {whose} key is at {provider}"),
            }
        }
        E::KeyPublicationFailed {
            user,
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "could not yet put {} key at {provider} {}",
            whose(actor, user),
            why(failure, *attempts)
        ),
        E::KeyPublicationParked {
            user,
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "gave up putting {} key at {provider} until somebody acts {}",
            whose(actor, user),
            why(failure, *attempts)
        ),
        E::KeyWithdrawalRequested {
            user,
            provider,
            cause,
            ..
        } => format!(
            "asked for {} key to be taken away from {provider} ({})",
            whose(actor, user),
            match cause {
                WithdrawalCause::Rotation => "another took its place",
                WithdrawalCause::Unlink => "the account is being unlinked",
                WithdrawalCause::Replay(_) => "a replay",
                WithdrawalCause::Retry => "another try",
            }
        ),
        E::KeyWithdrawn {
            user,
            provider,
            was_there: true,
            ..
        } => format!("took {} key away from {provider}", whose(actor, user)),
        E::KeyWithdrawn {
            user,
            provider,
            was_there: false,
            ..
        } => format!(
            "found that {} key is no longer at {provider}",
            whose(actor, user)
        ),
        E::KeyWithdrawalFailed {
            user,
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "could not yet take {} key away from {provider} {}",
            whose(actor, user),
            why(failure, *attempts)
        ),
        E::KeyWithdrawalParked {
            user,
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "gave up taking {} key away from {provider} until somebody acts {}",
            whose(actor, user),
            why(failure, *attempts)
        ),
        E::KeyReleased { user, provider, .. } => format!(
            "left {} key at {provider}, where it was before us",
            whose(actor, user)
        ),
        E::KeyPlacementDiscarded {
            user,
            provider,
            stays: true,
            ..
        } => format!(
            "gave up taking {} key away from {provider}: it stays there",
            whose(actor, user)
        ),
        E::KeyPlacementDiscarded { user, provider, .. } => {
            format!("gave up putting {} key at {provider}", whose(actor, user))
        }
        E::KeyExpiring {
            user,
            provider,
            expires_at,
            ..
        } => format!(
            "reminded that {provider} will end {} key on {}",
            whose(actor, user),
            expires_at.format("%Y-%m-%d")
        ),
        E::KeyDriftFound {
            user,
            provider,
            what,
            fingerprint,
            ..
        } => drift::found(user, provider, *what, fingerprint.as_deref()),
        E::KeyDriftSettled { user, provider, .. } => {
            format!("found that a key of {user}'s account at {provider} is as it should be")
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
