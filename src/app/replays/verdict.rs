//! What a replay would do about one key, given what the provider lists.

use chrono::{DateTime, Utc};
use domain::account::Placement;
use domain::reconcile::{Drift, Known, Listed, Observed, Verdict, Wanted, decide};

/// What a replay would do about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Would {
    /// Put it there.
    Create,
    /// Take note that it was there before us.
    Adopt,
    /// Take it away.
    Withdraw,
    /// Nothing at the provider: it is as it should be, or is left to the person.
    Nothing,
    /// It cannot be known now.
    Unknown,
}

impl Would {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Adopt,
        Self::Withdraw,
        Self::Nothing,
        Self::Unknown,
    ];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Withdraw => "withdraw",
            Self::Nothing => "nothing",
            Self::Unknown => "unknown",
        }
    }
}

/// What a look at one key comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// What a replay would do.
    pub(super) would: Would,
    /// Whether everything is as the log says: a replay need not even take it up.
    pub(super) in_place: bool,
    /// What keeps a replay from mending it.
    pub(super) trouble: Option<Drift>,
}

impl Judged {
    const fn new(would: Would) -> Self {
        Self {
            would,
            in_place: false,
            trouble: None,
        }
    }
}

/// Says what the publisher will do, once it is asked to: the same table decides for both.
pub(super) fn judge(
    placement: &Placement,
    known: &Known<'_>,
    list: &[Listed<'_>],
    now: DateTime<Utc>,
) -> Judged {
    let observed = Observed::of(known, list);
    let wanted = Wanted::of(placement.status);
    let verdict = match decide(wanted, known, observed, now) {
        // What is not in place is requested again: then it is to be put there.
        Verdict::Drift(_) if wanted == Wanted::Kept => decide(Wanted::Put, known, observed, now),
        verdict => verdict,
    };
    match verdict {
        Verdict::Add => Judged::new(Would::Create),
        Verdict::Adopt(_) => Judged::new(Would::Adopt),
        Verdict::Remove(_) if wanted == Wanted::Taken => Judged::new(Would::Withdraw),
        // What is there is of the wrong type: it is put there anew.
        Verdict::Remove(_) => Judged::new(Would::Create),
        Verdict::Found(_) | Verdict::Release(_) => Judged::new(Would::Nothing),
        Verdict::Nothing => Judged {
            in_place: matches!(wanted, Wanted::Kept | Wanted::Nothing),
            ..Judged::new(Would::Nothing)
        },
        Verdict::Drift(drift) => Judged {
            trouble: Some(drift),
            ..Judged::new(Would::Nothing)
        },
    }
}

#[cfg(test)]
mod tests {
    use domain::KeyId;
    use domain::account::{PlacementStatus, PublicationCause, WithdrawalCause};
    use domain::reconcile::GoodFor;
    use uuid::Uuid;

    use super::*;

    const LINE: &str = "ssh-ed25519 AAAA1";
    const OURS: &str = "Lanyard lanyard.example.com ada 000000000001";

    fn placed(status: PlacementStatus) -> Placement {
        let replay = KeyId::new(Uuid::nil()).uuid();
        Placement {
            status,
            remote_key: Some("77".to_owned()),
            adopted: false,
            attempts: 0,
            replay: Some(domain::ReplayId::new(replay)),
            expires_at: None,
            reminded: false,
            drift: None,
            restored: false,
        }
    }

    fn listed(remote_key: &'static str, title: &'static str) -> Listed<'static> {
        Listed {
            remote_key,
            line: LINE,
            title,
            expires_at: None,
            good_for: GoodFor::SigningIn,
        }
    }

    #[test]
    fn every_case_has_its_word() {
        use Would::{Adopt, Create, Nothing, Withdraw};
        let put = PlacementStatus::Publishing(PublicationCause::Retry);
        let kept = PlacementStatus::Published;
        let taken = PlacementStatus::Withdrawing(WithdrawalCause::Rotation);
        let (ours, theirs) = (listed("77", OURS), listed("78", "laptop"));
        let renewed = listed("79", OURS);
        let ended = Listed {
            expires_at: Some(DateTime::UNIX_EPOCH),
            ..ours
        };
        for (status, there, would, in_place) in [
            (put, None, Create, false),
            (put, Some(ours), Nothing, false),
            (put, Some(theirs), Adopt, false),
            (put, Some(ended), Nothing, false),
            (kept, None, Create, false),
            (kept, Some(ours), Nothing, true),
            (kept, Some(renewed), Nothing, false),
            (kept, Some(theirs), Adopt, false),
            (kept, Some(ended), Nothing, false),
            (taken, None, Nothing, false),
            (taken, Some(ours), Withdraw, false),
            (taken, Some(theirs), Nothing, false),
        ] {
            let placement = placed(status);
            let known = Known::new(Some(LINE), OURS, Some(&placement));
            let list: Vec<_> = there.into_iter().collect();
            let judged = judge(&placement, &known, &list, DateTime::UNIX_EPOCH);
            assert_eq!(
                (judged.would, judged.in_place),
                (would, in_place),
                "{status:?} {there:?}"
            );
            let is_ended = there == Some(ended) && status != taken;
            assert_eq!(judged.trouble.is_some(), is_ended, "{status:?} {there:?}");
        }
    }
}
