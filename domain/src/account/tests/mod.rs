//! Every rule and every refusal.

mod force;
/// Declares a builder of an event with ada's account, ada and github in it.
macro_rules! events {
    ($($name:ident($($arg:ident: $type:ty),*) = $event:ident { $($field:ident: $value:expr),* };)*) => { $(
        fn $name($($arg: $type),*) -> E {
            E::$event { account: account(), user: ada(), provider: github(), $($field: $value),* }
        }
    )* };
}

mod discard;
mod drift;
mod given_up;
mod keys;
mod link;
mod revoking;

use cqrs_es::test::AggregateTestExecutor;

use super::AccountCommand as C;
use super::AccountError as Refusal;
use super::AccountEvent as E;
use super::*;
use crate::UserId;
use crate::samples::{
    account, ada, bob, github, given, grant, key, noon, outage, replay, revoked, sealed,
};

fn link(user: &UserId, generation: u64) -> C {
    C::LinkAccount {
        account: account(),
        user: user.clone(),
        provider: github(),
        profile: sealed(user),
        grant: Some(grant(generation)),
    }
}

fn unlink(user: UserId) -> C {
    C::UnlinkAccount { user }
}

fn publish(cause: PublicationCause) -> C {
    let key = key(1);
    C::RequestKeyPublication {
        key,
        cause,
        link: None,
    }
}

fn withdraw(cause: WithdrawalCause) -> C {
    let key = key(1);
    C::RequestKeyWithdrawal { key, cause }
}

fn record_published(presence: Presence) -> C {
    C::RecordKeyPublished {
        key: key(1),
        remote_key: Some("77".to_owned()),
        presence,
        expires_at: None,
    }
}

fn record_withdrawn() -> C {
    C::RecordKeyWithdrawn {
        key: key(1),
        was_there: true,
    }
}

fn record_publication_failed(retry: bool) -> C {
    C::RecordKeyPublicationFailed {
        key: key(1),
        failure: outage(),
        retry_at: retry.then(noon),
    }
}

fn record_withdrawal_failed(retry: bool) -> C {
    C::RecordKeyWithdrawalFailed {
        key: key(1),
        failure: outage(),
        retry_at: retry.then(noon),
    }
}

fn record_lost(generation: u64) -> C {
    C::RecordGrantLost {
        generation,
        failure: revoked(),
    }
}

fn record_refreshed(generation: u64) -> C {
    C::RecordGrantRenewed {
        how: Renewal::Refresh,
        grant: grant(generation),
    }
}

fn record_unlinked(residue: &[Residue]) -> C {
    C::RecordAccountUnlinked {
        residue: residue.to_vec(),
    }
}

events! {
    linked() = AccountLinked { profile: sealed(&ada()), grant: Some(grant(1)) };
    renewed(generation: u64) = GrantRenewed {
        how: Renewal::Relink, profile: Some(sealed(&ada())), grant: grant(generation)
    };
    refreshed(generation: u64) = GrantRenewed {
        how: Renewal::Refresh, profile: None, grant: grant(generation)
    };
    lost() = GrantLost { failure: revoked() };
    unlinking() = UnlinkRequested {};
    forced() = UnlinkForced {};
    unlinked(residue: &[Residue]) = AccountUnlinked { residue: residue.to_vec() };
    requested(cause: PublicationCause) = KeyPublicationRequested { key: key(1), cause: cause };
    published(presence: Presence) = KeyPublished {
        key: key(1), remote_key: Some("77".to_owned()), presence: presence, expires_at: None
    };
    publication_failed(attempts: u32) = KeyPublicationFailed {
        key: key(1), failure: outage(), attempts: attempts, retry_at: noon()
    };
    publication_parked(attempts: u32) = KeyPublicationParked {
        key: key(1), failure: outage(), attempts: attempts
    };
    withdrawal_requested(cause: WithdrawalCause) = KeyWithdrawalRequested {
        key: key(1), cause: cause
    };
    withdrawn() = KeyWithdrawn { key: key(1), was_there: true };
    withdrawal_failed(attempts: u32) = KeyWithdrawalFailed {
        key: key(1), failure: outage(), attempts: attempts, retry_at: noon()
    };
    withdrawal_parked(attempts: u32) = KeyWithdrawalParked {
        key: key(1), failure: outage(), attempts: attempts
    };
    revocation_failed(attempts: u32) = GrantRevocationFailed {
        failure: outage(), attempts: attempts, retry_at: noon()
    };
    revocation_parked(attempts: u32) = GrantRevocationParked {
        failure: outage(), attempts: attempts
    };
    revocation_requested() = GrantRevocationRequested {};
    released() = KeyReleased { key: key(1) };
}

fn not_linked() -> AggregateTestExecutor<Account> {
    given([])
}

fn after<const N: usize>(events: [E; N]) -> AggregateTestExecutor<Account> {
    given(std::iter::once(linked()).chain(events))
}
