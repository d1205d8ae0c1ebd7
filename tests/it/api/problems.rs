//! The pages behind the `type` of a problem.

use domain::account::AccountError;
use domain::keyring::{Algorithm, KeyringError};
use domain::provider::{ProviderError, ProviderKind};
use domain::replay::ReplayError;
use domain::token::TokenError;
use domain::webhook::WebhookError;
use domain::{Refusal, RefusalKind};
use lanyard::api::catalogue;

use crate::support::app::TestApp;

#[tokio::test]
async fn every_problem_has_a_page_that_says_what_to_do() {
    let app = TestApp::new().await;
    let anyone = app.anyone();
    let list = anyone.get("/problems").await;
    for entry in catalogue::ALL {
        assert!(list.body.contains(entry.code));
        let page = anyone.get(&format!("/problems/{}", entry.code)).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
        assert!(page.body.contains(entry.title) && page.body.contains(entry.remedy));
    }
    let answer = anyone.get("/problems/no-such-thing").await;
    answer.is_problem(404, "not-found");
}

/// A rule of each sort and more, with the status that follows from it.
fn rules() -> Vec<Refusal> {
    let account = [
        AccountError::NotFound,
        AccountError::LinkedElsewhere,
        AccountError::Unlinking,
        AccountError::GrantSuperseded,
        AccountError::LinkGivenUp,
        AccountError::NotParked,
        AccountError::KeysRemain,
    ];
    let keyring = [KeyringError::NotFound, KeyringError::RotationUnderWay];
    let provider = [
        ProviderError::AlreadyAdded,
        ProviderError::SlugRetired,
        ProviderError::NotFound,
        ProviderError::AlgorithmNotAccepted {
            kind: ProviderKind::Github,
            algorithm: Algorithm::Ed25519,
        },
        ProviderError::AppMissing,
        ProviderError::AppNotUsed(ProviderKind::Ssh),
        ProviderError::ProtocolNotSpoken(ProviderKind::Github),
        ProviderError::SecretStaged,
        ProviderError::NoSecretStaged,
        ProviderError::KeyIsOurs,
        ProviderError::BaseUrlFixed,
        ProviderError::AccountsLinked,
    ];
    let replay = [
        ReplayError::NotFound,
        ReplayError::AlreadyStarted,
        ReplayError::EmptyWindow,
    ];
    let token = [
        TokenError::NotFound,
        TokenError::AlreadyCreated,
        TokenError::NoRole,
        TokenError::BadLife,
    ];
    let webhook = [WebhookError::NotFound, WebhookError::AlreadyAdded];
    let mut rules: Vec<Refusal> = Vec::new();
    rules.extend(account.map(Refusal::from));
    rules.extend(keyring.map(Refusal::from));
    rules.extend(provider.map(Refusal::from));
    rules.extend(replay.map(Refusal::from));
    rules.extend(token.map(Refusal::from));
    rules.extend(webhook.map(Refusal::from));
    rules
}

/// Lists the codes that the source says in the bodies of `fn code`.
fn codes_in(source: &str) -> Vec<&str> {
    let bodies = source.split("fn code(&self)").skip(1);
    let bodies = bodies.map(|rest| rest.split("\n    }\n").next().unwrap());
    let texts = bodies.flat_map(|body| body.split('"').skip(1).step_by(2));
    texts.collect()
}

#[test]
fn every_rule_that_the_source_names_stands_in_the_catalogue() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let aggregates = std::fs::read_dir(root.join("domain/src")).unwrap();
    let errors = aggregates.map(|entry| entry.unwrap().path().join("error.rs"));
    let mut sources: Vec<_> = errors.filter(|path| path.is_file()).collect();
    sources.push(root.join("src/app/rule.rs"));
    let mut seen = 0;
    for path in sources {
        let source = std::fs::read_to_string(&path).unwrap();
        for code in codes_in(&source) {
            assert!(
                catalogue::find(code).is_some(),
                "{code} of {} has no page",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} codes are found in the source");
}

#[test]
fn a_rule_has_the_status_of_its_sort() {
    for refusal in rules() {
        let entry = catalogue::find(refusal.code());
        let entry = entry.unwrap_or_else(|| panic!("{} has no page", refusal.code()));
        let status = match refusal.kind() {
            RefusalKind::NotFound => 404,
            RefusalKind::Conflict => 409,
            RefusalKind::Invalid => 422,
            RefusalKind::Forbidden => 403,
        };
        assert_eq!(entry.status, status, "{}", entry.code);
    }
}
