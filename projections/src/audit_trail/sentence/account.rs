//! What is said of accounts and of the keys there.

use domain::Actor;
use domain::account::{AccountEvent, Presence, PublicationCause, Renewal, WithdrawalCause};

use super::{drift, for_whom, leaver, whose, why};

pub(super) fn account(actor: &Actor, event: &AccountEvent) -> String {
    use AccountEvent as E;
    match event {
        E::AccountLinked { user, provider, .. } => {
            format!("linked an account at {provider}{}", for_whom(actor, user))
        }
        E::LinkGivenUp { user, provider, .. } => format!(
            "gave up a link of {} account at {provider} that took too long",
            whose(actor, user)
        ),
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
        E::GrantRevocationRequested { user, provider, .. } => format!(
            "asked for another try to revoke {} grant at {provider}",
            whose(actor, user)
        ),
        E::GrantRevocationFailed {
            user,
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "could not yet revoke {} grant at {provider} {}",
            whose(actor, user),
            why(failure, *attempts)
        ),
        E::GrantRevocationParked {
            user,
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "gave up revoking {} grant at {provider} until somebody acts {}",
            whose(actor, user),
            why(failure, *attempts)
        ),
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
