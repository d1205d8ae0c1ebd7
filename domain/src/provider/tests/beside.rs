//! What accompanies a registration: a second secret, a removal under way, alarms, host keys.

use super::*;
use crate::{Blame, Failure, ReasonCode, UserId};

fn stage() -> C {
    C::StageSecret {
        secret: secret(2),
        public_key: None,
    }
}

fn staged() -> E {
    E::ProviderSecretStaged {
        provider: github(),
        secret: secret(2),
        public_key: None,
    }
}

fn confirmed() -> E {
    let provider = github();
    E::ProviderSecretConfirmed { provider }
}

fn dropped() -> E {
    let provider = github();
    E::ProviderSecretDropped { provider }
}

#[test]
fn two_secrets_work_side_by_side_until_one_is_confirmed_or_dropped() {
    there().when(stage()).then_expect_events(vec![staged()]);
    let both = || given::<Provider>([added(), staged()]);
    both()
        .when(stage())
        .then_expect_error(Refusal::SecretStaged);
    both()
        .when(C::ConfirmSecret)
        .then_expect_events(vec![confirmed()]);
    both()
        .when(C::DropSecret)
        .then_expect_events(vec![dropped()]);
    there()
        .when(C::ConfirmSecret)
        .then_expect_error(Refusal::NoSecretStaged);
    there().when(C::DropSecret).then_expect_events(vec![]);
    let of = |last| {
        let mut provider = Provider::default();
        for event in [added(), staged(), last] {
            provider.apply(event);
        }
        let now = provider.registration().unwrap().clone();
        (now.client_secret, now.staged)
    };
    assert_eq!(of(confirmed()), (Some(secret(2)), None));
    assert_eq!(of(dropped()), (Some(secret(1)), None));
}

#[test]
fn the_key_of_oauth_1_is_staged_and_never_sent() {
    let mut bitbucket = add();
    bitbucket.kind = ProviderKind::BitbucketServer;
    bitbucket.protocol = Protocol::Oauth1;
    let mut provider = Provider::default();
    for event in provider.decide(C::AddProvider(bitbucket)).unwrap() {
        provider.apply(event);
    }
    let sent = change(ProviderChanges {
        client_secret: Some(secret(2)),
        ..ProviderChanges::default()
    });
    assert_eq!(provider.decide(sent), Err(Refusal::KeyIsOurs));
    assert!(provider.decide(stage()).is_ok());
}

fn leave(force: bool) -> C {
    C::RequestRemoval { force }
}

fn leaving(force: bool) -> E {
    let provider = github();
    E::ProviderRemovalRequested { provider, force }
}

#[test]
fn a_removal_is_asked_for_once_and_refused_while_accounts_are_linked() {
    let asked = || leaving(false);
    there().when(leave(false)).then_expect_events(vec![asked()]);
    let leaves = || given::<Provider>([added(), asked()]);
    leaves().when(leave(false)).then_expect_events(vec![]);
    leaves()
        .when(remove(1))
        .then_expect_error(Refusal::AccountsLinked);
    leaves().when(remove(0)).then_expect_events(vec![removed()]);
}

#[test]
fn a_removal_is_forced_once_at_the_beginning_or_later() {
    there()
        .when(leave(true))
        .then_expect_events(vec![leaving(true)]);
    given::<Provider>([added(), leaving(false)])
        .when(leave(true))
        .then_expect_events(vec![leaving(true)]);
    for force in [false, true] {
        given::<Provider>([added(), leaving(true)])
            .when(leave(force))
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_removal_can_be_called_off_until_the_provider_is_gone() {
    let cancelled = || E::ProviderRemovalCancelled { provider: github() };
    there().when(C::CancelRemoval).then_expect_events(vec![]);
    given::<Provider>([added(), leaving(true)])
        .when(C::CancelRemoval)
        .then_expect_events(vec![cancelled()]);
    // And asked for again: the force went with it.
    let back = || given::<Provider>([added(), leaving(true), cancelled()]);
    back().when(C::CancelRemoval).then_expect_events(vec![]);
    back()
        .when(leave(false))
        .then_expect_events(vec![leaving(false)]);
    given::<Provider>([added(), leaving(false), cancelled(), leaving(false)])
        .when(leave(true))
        .then_expect_events(vec![leaving(true)]);
    given::<Provider>([added(), removed()])
        .when(C::CancelRemoval)
        .then_expect_error(Refusal::NotFound);
    absent()
        .when(C::CancelRemoval)
        .then_expect_error(Refusal::NotFound);
}

#[test]
fn a_refused_app_raises_one_alarm_until_it_is_accepted() {
    let failure = Failure::new(Blame::App, ReasonCode::AppCredentialsInvalid, None);
    let report = || C::RecordAppRefused {
        failure: failure.clone(),
    };
    let refused = E::ProviderAppRefused {
        provider: github(),
        failure: failure.clone(),
    };
    let accepted = E::ProviderAppAccepted { provider: github() };
    there()
        .when(report())
        .then_expect_events(vec![refused.clone()]);
    let alarmed = || given::<Provider>([added(), refused.clone()]);
    alarmed().when(report()).then_expect_events(vec![]);
    alarmed()
        .when(C::RecordAppAccepted)
        .then_expect_events(vec![accepted.clone()]);
    there()
        .when(C::RecordAppAccepted)
        .then_expect_events(vec![]);
    absent().when(report()).then_expect_events(vec![]);
}

#[test]
fn host_keys_are_recorded_when_they_change() {
    let keys = vec!["git.example.com ssh-ed25519 AAAAC3Nza".parse().unwrap()];
    let record = || C::RecordHostKeys {
        source: HostKeySource::Entered,
        keys: keys.clone(),
    };
    let recorded = E::ProviderHostKeysRecorded {
        provider: github(),
        source: HostKeySource::Entered,
        keys: keys.clone(),
    };
    there()
        .when(record())
        .then_expect_events(vec![recorded.clone()]);
    given::<Provider>([added(), recorded])
        .when(record())
        .then_expect_events(vec![]);
}

#[test]
fn a_redirect_url_is_noted_when_it_is_another() {
    let record = |url: &str| C::RecordRedirect {
        redirect_url: url.parse().unwrap(),
    };
    let noted = |url: &str| E::ProviderRedirectNoted {
        provider: github(),
        redirect_url: url.parse().unwrap(),
    };
    let (old, new) = ("https://old.example.com/x", "https://new.example.com/x");
    there()
        .when(record(old))
        .then_expect_events(vec![noted(old)]);
    let known = || given::<Provider>([added(), noted(old)]);
    known().when(record(old)).then_expect_events(vec![]);
    known()
        .when(record(new))
        .then_expect_events(vec![noted(new)]);
    absent().when(record(old)).then_expect_events(vec![]);
}

#[test]
fn a_grant_that_stays_is_told_also_where_the_provider_is_gone() {
    let failure = Failure::new(Blame::Grant, ReasonCode::RemoveByHand, Some("by hand"));
    let ada: UserId = "ada".parse().unwrap();
    let record = || C::RecordGrantLeft {
        provider: github(),
        user: ada.clone(),
        account: None,
        failure: failure.clone(),
    };
    let left = || E::ProviderGrantLeft {
        provider: github(),
        user: ada.clone(),
        account: None,
        failure: failure.clone(),
    };
    there().when(record()).then_expect_events(vec![left()]);
    let removed = E::ProviderRemoved { provider: github() };
    given::<Provider>([added(), left(), removed])
        .when(record())
        .then_expect_events(vec![left()]);
}
