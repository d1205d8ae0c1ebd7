//! The life of notices: opened once, closed once, whatever comes between and however often it is
//! heard.

use domain::account::{AccountEvent, PublicationCause, Renewal, WithdrawalCause};
use domain::provider::ProviderEvent;
use domain::reconcile::Drift;
use domain::{Blame, Failure, NoticeKind, ReasonCode};
use projections::notices::{self, Change, Filter, NoticeRow, Phase, Seen};
use projections::{Limit, Statement};

use super::{Base, events};
use crate::support::logs::noon;
use crate::support::story::{Person, Story, github};

fn blocked(code: ReasonCode) -> Failure {
    Failure::new(Blame::Us, code, Some("said by the provider"))
}

/// Hears a story in every kind of database; asserts that all see the same.
async fn seen<T: PartialEq + std::fmt::Debug>(
    story: &Story,
    question: impl Fn() -> Statement,
    read: fn(&projections::Row) -> Result<T, projections::UnreadableRow>,
) -> Vec<T> {
    let mut all = Vec::new();
    for base in Base::of_every_kind().await {
        base.hear(story).await;
        all.push(base.read(question(), read).await);
    }
    for other in &all[1..] {
        assert_eq!(*other, all[0]);
    }
    all.remove(0)
}

async fn of(story: &Story, filter: &Filter) -> Vec<NoticeRow> {
    let page = || notices::page(filter, None, Limit::default());
    seen(story, page, notices::from_row).await
}

/// Lists what opened and closed, in order: `+needs_relink`, `-needs_relink`.
async fn told(story: &Story) -> Vec<String> {
    let all = || notices::changes(&[], &Seen::default(), Limit::default());
    let changes = seen(story, all, notices::change_from_row).await;
    changes.iter().map(sign).collect()
}

fn sign(change: &Change) -> String {
    let sign = match change.phase {
        Phase::Opened => '+',
        Phase::Closed => '-',
    };
    format!("{sign}{}", change.notice.kind.as_str())
}

#[tokio::test]
async fn a_lost_grant_is_told_once_and_once_when_it_is_renewed() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    story.tell("publisher", ada.grant_lost()).await;
    story.tell("publisher", ada.grant_lost()).await;
    let open = of(&story, &Filter::default()).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].kind, NoticeKind::NeedsRelink);
    assert_eq!(open[0].code.as_deref(), Some("grant_revoked"));
    assert_eq!(open[0].user, Some(ada.user()));
    assert_eq!(open[0].account, Some(ada.account()));
    assert_eq!((open[0].opened, open[0].closed_at), (1, None));
    story.tell("ada", ada.renewed(2, Renewal::Relink)).await;
    story
        .tell("publisher", ada.renewed(3, Renewal::Refresh))
        .await;
    assert_eq!(told(&story).await, ["+needs_relink", "-needs_relink"]);
    story.tell("publisher", ada.grant_lost()).await;
    let story = told(&story).await;
    assert_eq!(story, ["+needs_relink", "-needs_relink", "+needs_relink"]);
}

#[tokio::test]
async fn who_is_leaving_is_not_asked_to_link_again() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    story.tell("publisher", ada.grant_lost()).await;
    story.tell("ada", ada.unlink_requested()).await;
    assert_eq!(told(&story).await, ["+needs_relink", "-needs_relink"]);
    story
        .tell("publisher", ada.renewed(2, Renewal::Refresh))
        .await;
    story.tell("publisher", ada.grant_lost()).await;
    story.tell("policy", ada.unlinked()).await;
    assert_eq!(told(&story).await, ["+needs_relink", "-needs_relink"]);
    // Once linked again, it is another story.
    story.tell("ada", ada.linked()).await;
    story.tell("publisher", ada.grant_lost()).await;
    assert_eq!(told(&story).await.len(), 3);
}

#[tokio::test]
async fn a_blocked_key_is_told_once_however_often_it_is_tried_and_why_it_waits_now() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    for code in [ReasonCode::KeyRejected, ReasonCode::KeyConflictOtherAccount] {
        story
            .tell("policy", ada.requested(1, PublicationCause::Retry))
            .await;
        story.tell("publisher", ada.parked(1, &blocked(code))).await;
    }
    let open = of(&story, &Filter::default()).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].key, Some(ada.key(1)));
    assert_eq!(open[0].code.as_deref(), Some("key_conflict_other_account"));
    assert_eq!(open[0].opened, 2, "it is open since the first");
    story.tell("publisher", ada.published(1)).await;
    assert_eq!(told(&story).await, ["+key_blocked", "-key_blocked"]);
}

#[tokio::test]
async fn drift_is_told_of_a_key_or_of_a_fingerprint_as_it_is_now() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    story.tell("publisher", ada.published(1)).await;
    for (key, what) in [
        (Some(1), Drift::Missing),
        (Some(1), Drift::Changed),
        (None, Drift::Foreign),
        (None, Drift::Foreign),
    ] {
        story.tell("sweep", ada.drifted(key, what)).await;
    }
    let open = of(&story, &Filter::default()).await;
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].key, None);
    assert_eq!(open[0].fingerprint.as_deref(), Some("SHA256:unknown"));
    assert_eq!(open[0].code.as_deref(), Some("key_foreign"));
    assert_eq!(open[1].key, Some(ada.key(1)));
    assert_eq!(open[1].fingerprint, None);
    assert_eq!(open[1].code.as_deref(), Some("key_changed_at_provider"));
    story.tell("sweep", ada.settled(None)).await;
    let still = Filter {
        open: Some(true),
        ..Filter::default()
    };
    assert_eq!(of(&story, &still).await.len(), 1, "the other one is");
    story.tell("sweep", ada.settled(Some(1))).await;
    let expected = ["+key_drift", "+key_drift", "-key_drift", "-key_drift"];
    assert_eq!(told(&story).await, expected);
}

#[tokio::test]
async fn a_key_that_is_wanted_otherwise_no_longer_waits() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    let failure = blocked(ReasonCode::KeyRejected);
    for key in [1, 2] {
        story.tell("publisher", ada.parked(key, &failure)).await;
    }
    story
        .tell("policy", ada.withdrawing(1, WithdrawalCause::Rotation))
        .await;
    let open = Filter {
        open: Some(true),
        ..Filter::default()
    };
    let left = of(&story, &open).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].key, Some(ada.key(2)));
    story
        .tell("publisher", ada.withdrawal_parked(1, &failure))
        .await;
    story.tell("policy", ada.unlinked()).await;
    assert_eq!(of(&story, &open).await, []);
    assert_eq!(of(&story, &Filter::default()).await.len(), 3);
}

#[tokio::test]
async fn a_reminder_is_over_when_the_key_is_put_there_again() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    let expires_at = noon() + chrono::TimeDelta::days(30);
    let expiring = AccountEvent::KeyExpiring {
        account: ada.account(),
        user: ada.user(),
        provider: github(),
        key: ada.key(1),
        expires_at,
    };
    story.tell("policy", expiring).await;
    let open = of(&story, &Filter::default()).await;
    assert_eq!(open[0].expires_at, Some(expires_at));
    story.tell("ada", ada.published(1)).await;
    assert_eq!(told(&story).await, ["+key_expiring", "-key_expiring"]);
}

#[tokio::test]
async fn a_providers_notices_are_of_nobody_and_end_with_it() {
    let story = Story::new();
    let provider = github;
    for event in [
        ProviderEvent::ProviderAppRefused {
            provider: provider(),
            failure: Failure::new(Blame::App, ReasonCode::AppSuspended, None),
        },
        ProviderEvent::ProviderPaused {
            provider: provider(),
        },
        ProviderEvent::ProviderAppAccepted {
            provider: provider(),
        },
        ProviderEvent::ProviderRemoved {
            provider: provider(),
        },
    ] {
        story.tell("root", event).await;
    }
    assert_eq!(
        told(&story).await,
        [
            "+app_refused",
            "+provider_paused",
            "-app_refused",
            "-provider_paused",
        ]
    );
    let all = of(&story, &Filter::default()).await;
    assert!(all.iter().all(|row| row.user.is_none()));
}

#[tokio::test]
async fn twice_is_once_in_the_middle_of_a_notice_too() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    let failure = blocked(ReasonCode::KeyRejected);
    for _ in 0..2 {
        story.tell("publisher", ada.grant_lost()).await;
        story.tell("publisher", ada.parked(1, &failure)).await;
        story.tell("publisher", ada.parked(1, &failure)).await;
        story.tell("ada", ada.renewed(2, Renewal::Relink)).await;
        story.tell("publisher", ada.published(1)).await;
    }
    story.tell("ada", ada.unlink_requested()).await;
    story.tell("publisher", ada.grant_lost()).await;
    story.tell("policy", ada.unlinked()).await;
    let once = Base::after(&story).await.rows().await;
    let heard = events(&*story.log).await;
    for chunk in 1..=heard.len() {
        let base = Base::after(&Story::new()).await;
        let twice = heard.chunks(chunk).flat_map(|chunk| [chunk, chunk]);
        let statements = twice.flatten().flat_map(|event| {
            let all = projections::ALL.iter();
            all.flat_map(move |known| known.apply(event))
        });
        base.database.transact(statements.collect()).await.unwrap();
        assert_eq!(base.rows().await, once, "by {chunk}");
    }
}

#[tokio::test]
async fn a_reader_of_changes_misses_none_and_sees_none_twice() {
    let story = Story::new();
    let people = ["ada", "bob"].map(Person::new);
    let failure = blocked(ReasonCode::KeyRejected);
    for person in &people {
        story.tell(person.name(), person.linked()).await;
        for key in [1, 2, 3] {
            story.tell("publisher", person.parked(key, &failure)).await;
        }
        // One event closes three notices.
        story.tell("policy", person.unlinked()).await;
        story.tell("policy", person.linked()).await;
        story.tell("publisher", person.grant_lost()).await;
    }
    for base in Base::of_every_kind().await {
        base.hear(&story).await;
        let read = async |kinds: &[NoticeKind], limit: u32| {
            let mut seen = Seen::default();
            let mut all = Vec::new();
            loop {
                let asked = notices::changes(kinds, &seen, Limit::new(limit).unwrap());
                let page = base.read(asked, notices::change_from_row).await;
                let Some(last) = page.last() else { return all };
                seen = last.at.clone();
                all.extend(page);
            }
        };
        let whole = read(&[], 1_000).await;
        assert_eq!(whole.len(), 14);
        assert!(whole.is_sorted_by_key(|change| change.at.clone()));
        for limit in 1..=5 {
            assert_eq!(read(&[], limit).await, whole, "{} by {limit}", base.name);
        }
        let some = read(&[NoticeKind::NeedsRelink, NoticeKind::KeyDrift], 1).await;
        assert_eq!(some.len(), 2);
    }
}

#[tokio::test]
async fn a_person_sees_their_own_and_those_of_their_providers() {
    let story = Story::new();
    let people = ["ada", "bob"].map(Person::new);
    for person in &people {
        story.tell(person.name(), person.linked()).await;
        story.tell("publisher", person.grant_lost()).await;
    }
    let paused = ProviderEvent::ProviderPaused { provider: github() };
    story.tell("olga", paused).await;
    let mine = |or_at: Vec<_>| Filter {
        user: Some(people[0].user()),
        or_at,
        ..Filter::default()
    };
    let kinds = |rows: Vec<NoticeRow>| rows.iter().map(|row| row.kind).collect::<Vec<_>>();
    assert_eq!(
        kinds(of(&story, &mine(vec![github()])).await),
        [NoticeKind::ProviderPaused, NoticeKind::NeedsRelink]
    );
    let elsewhere = vec!["gitlab".parse().unwrap(), "gitea".parse().unwrap()];
    for or_at in [vec![], elsewhere] {
        let own = of(&story, &mine(or_at)).await;
        assert_eq!(kinds(own), [NoticeKind::NeedsRelink]);
    }
    let by_kind = Filter {
        kind: Some(NoticeKind::ProviderPaused),
        provider: Some(github()),
        ..Filter::default()
    };
    assert_eq!(of(&story, &by_kind).await.len(), 1);
}

#[tokio::test]
async fn a_parked_revocation_is_told_once_until_the_account_is_unlinked() {
    let (story, ada) = (Story::new(), Person::new("ada"));
    story.tell("ada", ada.linked()).await;
    story.tell("ada", ada.unlink_requested()).await;
    story.tell("policy", ada.revocation_parked()).await;
    story.tell("oona", ada.revocation_requested()).await;
    story.tell("policy", ada.revocation_parked()).await;
    assert_eq!(told(&story).await, ["+revocation_blocked"]);
    story.tell("policy", ada.unlinked()).await;
    assert_eq!(
        told(&story).await,
        ["+revocation_blocked", "-revocation_blocked"]
    );
}
