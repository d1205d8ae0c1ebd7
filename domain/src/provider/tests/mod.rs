//! Every rule and every refusal.

mod beside;
mod breaker;
mod kinds;

use cqrs_es::test::AggregateTestExecutor;

use super::ProviderCommand as C;
use super::ProviderError as Refusal;
use super::ProviderEvent as E;
use super::*;
use crate::keyring::Algorithm;
use crate::samples::{github, given, secret};
use crate::{Description, RefusalKind, RefusedRule};

const CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

fn add() -> AddProvider {
    AddProvider {
        provider: github(),
        kind: ProviderKind::Github,
        name: "GitHub".parse().unwrap(),
        description: Description::default(),
        base_url: "https://github.com".parse().unwrap(),
        client_id: Some("Iv1.abc".parse().unwrap()),
        client_secret: Some(secret(1)),
        callback: Callback::Own,
        algorithm: None,
        pkce: None,
        protocol: Protocol::Oauth2,
        public_key: None,
        signing: false,
        ca_bundle: None,
        proxy: None,
        on_missing: OnMissing::Report,
    }
}

fn added() -> E {
    let add = add();
    E::ProviderAdded {
        provider: add.provider,
        kind: add.kind,
        name: add.name,
        description: add.description,
        base_url: add.base_url,
        client_id: add.client_id,
        client_secret: add.client_secret,
        callback: add.callback,
        algorithm: add.algorithm,
        pkce: add.pkce,
        protocol: add.protocol,
        public_key: add.public_key,
        signing: add.signing,
        ca_bundle: add.ca_bundle,
        proxy: add.proxy,
        on_missing: add.on_missing,
    }
}

fn change(changes: ProviderChanges) -> C {
    C::ChangeProvider {
        changes,
        linked_accounts: 0,
    }
}

fn changed(changes: ProviderChanges) -> E {
    let provider = github();
    E::ProviderChanged { provider, changes }
}

fn disabled() -> E {
    let provider = github();
    E::ProviderDisabled { provider }
}

fn enabled() -> E {
    let provider = github();
    E::ProviderEnabled { provider }
}

fn paused() -> E {
    let provider = github();
    E::ProviderPaused { provider }
}

fn resumed() -> E {
    let provider = github();
    E::ProviderResumed { provider }
}

fn removed() -> E {
    let provider = github();
    E::ProviderRemoved { provider }
}

fn remove(linked_accounts: u64) -> C {
    C::RemoveProvider { linked_accounts }
}

/// A new value for everything that can change.
fn everything() -> ProviderChanges {
    ProviderChanges {
        name: Some("Our GitHub".parse().unwrap()),
        description: Some("for all".parse().unwrap()),
        base_url: Some("https://git.example.com/github".parse().unwrap()),
        client_id: Some("Iv1.def".parse().unwrap()),
        client_secret: Some(secret(2)),
        callback: Some(Callback::Shared),
        algorithm: Some(Choice::Own(Algorithm::Rsa4096)),
        pkce: Some(Choice::Own(false)),
        signing: Some(true),
        ca_bundle: Some(Choice::Own(CA.parse().unwrap())),
        proxy: Some(Choice::Own(
            "http://proxy.example.com:3128".parse().unwrap(),
        )),
        on_missing: Some(OnMissing::Restore),
    }
}

fn absent() -> AggregateTestExecutor<Provider> {
    given([])
}

fn there() -> AggregateTestExecutor<Provider> {
    given([added()])
}

fn gone() -> AggregateTestExecutor<Provider> {
    given([added(), removed()])
}

#[test]
fn an_admin_adds_a_provider() {
    absent()
        .when(C::AddProvider(add()))
        .then_expect_events(vec![added()]);
}

#[test]
fn the_same_provider_again_gives_no_event() {
    there()
        .when(C::AddProvider(add()))
        .then_expect_events(vec![]);
}

#[test]
fn a_name_names_one_provider_and_is_never_used_again() {
    let another = C::AddProvider(AddProvider {
        client_secret: Some(secret(2)),
        ..add()
    });
    there()
        .when(another.clone())
        .then_expect_error(Refusal::AlreadyAdded);
    gone().when(another).then_expect_error(Refusal::SlugRetired);
}

#[test]
fn github_needs_an_app() {
    for incomplete in [
        AddProvider {
            client_id: None,
            ..add()
        },
        AddProvider {
            client_secret: None,
            ..add()
        },
    ] {
        absent()
            .when(C::AddProvider(incomplete))
            .then_expect_error(Refusal::AppMissing);
    }
}

#[test]
fn what_changes_is_recorded() {
    there()
        .when(change(everything()))
        .then_expect_events(vec![changed(everything())]);
}

#[test]
fn what_already_is_and_what_is_absent_give_no_event() {
    there()
        .when(change(ProviderChanges::default()))
        .then_expect_events(vec![]);
    there()
        .and(vec![changed(everything())])
        .when(change(everything()))
        .then_expect_events(vec![]);
    there()
        .when(change(ProviderChanges {
            algorithm: Some(Choice::Default),
            pkce: Some(Choice::Default),
            ..ProviderChanges::default()
        }))
        .then_expect_events(vec![]);
}

#[test]
fn of_what_is_asked_only_what_changes_is_recorded() {
    let renamed = ProviderChanges {
        name: Some("GitHub.com".parse().unwrap()),
        ..ProviderChanges::default()
    };
    there()
        .and(vec![changed(everything())])
        .when(change(ProviderChanges {
            name: renamed.name.clone(),
            ..everything()
        }))
        .then_expect_events(vec![changed(renamed)]);
}

#[test]
fn a_choice_can_be_taken_back() {
    let back = ProviderChanges {
        algorithm: Some(Choice::Default),
        pkce: Some(Choice::Default),
        ..ProviderChanges::default()
    };
    there()
        .and(vec![changed(everything())])
        .when(change(back.clone()))
        .then_expect_events(vec![changed(back)]);
}

#[test]
fn the_base_url_is_fixed_while_accounts_are_linked() {
    let moved = |base_url: &str| C::ChangeProvider {
        changes: ProviderChanges {
            base_url: Some(base_url.parse().unwrap()),
            ..ProviderChanges::default()
        },
        linked_accounts: 1,
    };
    there()
        .when(moved("https://github.example.com"))
        .then_expect_error(Refusal::BaseUrlFixed);
    there()
        .when(moved("https://github.com/"))
        .then_expect_events(vec![]);
}

#[test]
fn a_provider_is_stopped_and_let_go_on_once_each() {
    // command, what it follows, what it gives
    let table = [
        (C::DisableProvider, vec![], vec![disabled()]),
        (C::DisableProvider, vec![disabled()], vec![]),
        (C::EnableProvider, vec![disabled()], vec![enabled()]),
        (C::EnableProvider, vec![], vec![]),
        (C::PauseProvider, vec![], vec![paused()]),
        (C::PauseProvider, vec![paused()], vec![]),
        (C::ResumeProvider, vec![paused()], vec![resumed()]),
        (C::ResumeProvider, vec![], vec![]),
        // The two are not mixed.
        (C::ResumeProvider, vec![disabled()], vec![]),
        (C::EnableProvider, vec![paused()], vec![]),
        (C::DisableProvider, vec![paused()], vec![disabled()]),
        (C::PauseProvider, vec![disabled()], vec![paused()]),
        (
            C::DisableProvider,
            vec![disabled(), enabled()],
            vec![disabled()],
        ),
        (C::PauseProvider, vec![paused(), resumed()], vec![paused()]),
    ];
    for (command, history, expected) in table {
        there()
            .and(history)
            .when(command)
            .then_expect_events(expected);
    }
}

#[test]
fn a_provider_is_removed_once() {
    there().when(remove(0)).then_expect_events(vec![removed()]);
    gone().when(remove(0)).then_expect_events(vec![]);
}

#[test]
fn a_provider_with_linked_accounts_cannot_be_removed() {
    there()
        .when(remove(1))
        .then_expect_error(Refusal::AccountsLinked);
}

#[test]
fn a_provider_that_is_not_there_can_only_be_added() {
    for command in [
        change(everything()),
        C::DisableProvider,
        C::EnableProvider,
        C::PauseProvider,
        C::ResumeProvider,
    ] {
        absent()
            .when(command.clone())
            .then_expect_error(Refusal::NotFound);
        gone().when(command).then_expect_error(Refusal::NotFound);
    }
    absent()
        .when(remove(0))
        .then_expect_error(Refusal::NotFound);
}

#[test]
fn a_registration_is_what_was_said_last() {
    let mut provider = Provider::default();
    assert_eq!(provider.registration(), None);
    for event in [added(), changed(everything()), disabled(), paused()] {
        provider.apply(event);
    }
    let now = provider.registration().unwrap();
    assert_eq!(now.base_url.as_str(), "https://git.example.com/github");
    assert_eq!(now.algorithm, Some(Algorithm::Rsa4096));
    assert_eq!(now.client_secret, Some(secret(2)));
    assert!(now.disabled && now.paused);
    provider.apply(removed());
    assert_eq!(provider.registration(), None);
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    use RefusalKind::{Conflict, Invalid, NotFound};
    let not_accepted = Refusal::AlgorithmNotAccepted {
        kind: ProviderKind::Github,
        algorithm: Algorithm::Rsa3072,
    };
    let table = [
        (Refusal::AlreadyAdded, "provider-already-added", Conflict),
        (Refusal::SlugRetired, "provider-slug-retired", Conflict),
        (Refusal::NotFound, "provider-not-found", NotFound),
        (not_accepted, "provider-algorithm-not-accepted", Invalid),
        (Refusal::AppMissing, "provider-app-missing", Invalid),
        (
            Refusal::AppNotUsed(ProviderKind::Ssh),
            "provider-app-not-used",
            Invalid,
        ),
        (
            Refusal::ProtocolNotSpoken(ProviderKind::Gitea),
            "provider-protocol-not-spoken",
            Invalid,
        ),
        (Refusal::BitbucketCloud, "provider-bitbucket-cloud", Invalid),
        (Refusal::SecretStaged, "provider-secret-staged", Conflict),
        (
            Refusal::NoSecretStaged,
            "provider-no-secret-staged",
            Conflict,
        ),
        (Refusal::KeyIsOurs, "provider-key-is-ours", Invalid),
        (Refusal::BaseUrlFixed, "provider-base-url-fixed", Conflict),
        (
            Refusal::AccountsLinked,
            "provider-accounts-linked",
            Conflict,
        ),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}
