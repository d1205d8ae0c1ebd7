//! Hosts where people paste their keys: linked by login, confirmed by word.

use domain::account::{Account, AccountCommand, WithdrawalCause};
use domain::provider::{Provider, ProviderCommand};
use domain::{Blame, Failure, KeyId, ProviderSlug, ReasonCode};
use lanyard::app::Caller;
use serde_json::{Value, json};

use crate::support::actors::Actor;
use crate::support::app::TestApp;
use crate::support::by_hand::{azure, builds, confirmation, confirms, links};
use crate::support::github::Practice;
use crate::support::worker::Hands;

const ACCOUNTS: &str = "/api/v1/users/me/accounts";
const KEYS: &str = "/api/v1/users/me/keys";

/// Lets the worker do what is due now; returns the only key of the person, and its only place.
async fn only_key(app: &TestApp, hands: &mut Hands, person: &Actor<'_>) -> (Value, Value) {
    hands.settle(&app.clock, app.app.now()).await;
    let seen = person.sees(KEYS).await.is(200);
    let keys = seen["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1, "{seen}");
    (keys[0].clone(), keys[0]["placements"][0].clone())
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_is_linked_at_once_by_its_login() {
    let app = TestApp::new().await;
    azure(&app).await;
    let ada = app.user("ada").await;
    let body = json!({ "provider": "azure", "login": " ada@example.com " });
    let answer = ada.post(ACCOUNTS, body.clone()).await;
    let linked = answer.is(201);
    let account = text(&linked, "account");
    assert_eq!(
        linked,
        json!({
            "account": account, "user": "ada", "provider": "azure", "status": "linked",
            "login": "ada@example.com",
        })
    );
    let place = format!("/api/v1/users/ada/accounts/{account}");
    assert_eq!(answer.header("location"), place);
    assert!(!answer.header("lanyard-index").is_empty());
    let seen = ada.sees(&place).await.is(200);
    assert_eq!(seen["login"], "ada@example.com");
    assert_eq!(seen["external_id"], "ada/ada@example.com");
    assert_eq!(
        (&seen["status"], &seen["scopes"]),
        (&json!("linked"), &json!([]))
    );
    assert_eq!(seen["expires_at"], Value::Null);
    let again = ada.post(ACCOUNTS, body).await;
    assert_eq!(again.is(200), linked);
    assert_eq!(again.header("lanyard-index"), "");
    let auditor = app.auditor().await;
    let found = auditor
        .sees("/api/v1/audit/events?type=AccountLinked")
        .await
        .is(200);
    assert_eq!(found["events"].as_array().unwrap().len(), 1);
    assert_eq!(
        found["events"][0]["sentence"],
        "ada linked an account at azure"
    );
    assert!(
        !found["events"][0]["event"]
            .to_string()
            .contains("example.com")
    );
}

#[tokio::test]
async fn accounts_of_one_person_differ_by_login_and_those_of_two_never_meet() {
    let app = TestApp::new().await;
    builds(&app).await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let git = links(&ada, "builds", "git").await;
    let mut accounts = vec![
        git.clone(),
        links(&ada, "builds", "deploy").await,
        links(&bob, "builds", "git").await,
    ];
    accounts.sort_unstable();
    accounts.dedup();
    assert_eq!(accounts.len(), 3);
    let seen = ada.sees(ACCOUNTS).await.is(200);
    assert_eq!(seen["accounts"].as_array().unwrap().len(), 2);
    let path = format!("{ACCOUNTS}/{git}");
    bob.get(&path).await.is_problem(404, "account-not-found");
}

#[tokio::test]
async fn a_login_is_needed_by_hand_and_nowhere_else() {
    let app = TestApp::new().await;
    builds(&app).await;
    let _practice = Practice::new(&app).await;
    let ada = app.user("ada").await;
    let long = "x".repeat(101);
    let id = "0199aaaa-0000-7000-8000-000000000000";
    for (body, wrong) in [
        (json!({ "provider": "builds" }), vec!["login"]),
        (json!({ "provider": "builds", "login": "" }), vec!["login"]),
        (
            json!({ "provider": "builds", "login": long }),
            vec!["login"],
        ),
        (
            json!({ "provider": "builds", "login": "a\nb" }),
            vec!["login"],
        ),
        (
            json!({ "provider": "github", "login": "ada" }),
            vec!["login"],
        ),
        (
            json!({ "provider": "builds", "return_to": "/", "account": id }),
            vec!["login", "return_to", "account"],
        ),
    ] {
        let answer = ada.post(ACCOUNTS, body.clone()).await;
        assert_eq!(answer.rejected(), wrong, "{body}");
    }
    let body = json!({ "provider": "nowhere", "login": "ada" });
    let answer = ada.post(ACCOUNTS, body).await;
    answer.is_problem(404, "provider-not-found");
    let begun = ada.post(ACCOUNTS, json!({ "provider": "github" })).await;
    assert_eq!(begun.header("location"), "");
    let begun = begun.is(201);
    let fields: Vec<_> = begun.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["expires_at", "start_url"]);
}

#[tokio::test]
async fn a_provider_that_is_stopped_or_goes_takes_no_new_account() {
    let app = TestApp::new().await;
    builds(&app).await;
    let (ada, admin) = (app.user("ada").await, app.admin().await);
    let body = json!({ "provider": "builds", "login": "git" });
    let switch = |verb: &str| format!("/api/v1/providers/builds/{verb}");
    admin.post(&switch("disable"), json!({})).await;
    let answer = ada.post(ACCOUNTS, body.clone()).await;
    answer.is_problem(409, "provider-disabled");
    admin.post(&switch("enable"), json!({})).await;
    let leaves = ProviderCommand::RequestRemoval { force: false };
    let caller = Caller::system("test", app.app.new_id(), None);
    let builds: ProviderSlug = "builds".parse().unwrap();
    let done = app
        .app
        .dispatch
        .execute::<Provider>(&builds, leaves, &caller);
    done.await.unwrap();
    let answer = ada.post(ACCOUNTS, body).await;
    answer.is_problem(409, "provider-leaving");
}

#[tokio::test]
async fn azure_gets_rsa_keys_whatever_the_deployment_makes() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.user("ada").await, app.admin().await);
    let mut body = json!({
        "provider": "azure", "kind": "azure_devops", "name": "Azure DevOps",
        "base_url": "https://dev.azure.com/contoso", "algorithm": "ed25519",
    });
    let answer = admin.post("/api/v1/providers", body.clone()).await;
    answer.is_problem(422, "provider-algorithm-not-accepted");
    body["algorithm"] = Value::Null;
    admin.post("/api/v1/providers", body).await.is(201);
    let path = "/api/v1/providers/azure";
    let answer = admin
        .patch(path, json!({ "algorithm": "ecdsa-p256" }))
        .await;
    answer.is_problem(422, "provider-algorithm-not-accepted");
    let settings = admin.get("/api/v1/settings").await.is(200);
    assert_eq!(settings["algorithm"], "ed25519");
    links(&ada, "azure", "ada").await;
    let mut hands = Hands::new(&app.app);
    let (key, _) = only_key(&app, &mut hands, &ada).await;
    assert_eq!(key["algorithm"], "rsa-4096");
    assert!(text(&key, "public_key").starts_with("ssh-rsa "), "{key}");
}

#[tokio::test]
async fn the_member_sees_what_to_paste_where_and_how() {
    let app = TestApp::new().await;
    azure(&app).await;
    let (ada, operator) = (app.user("ada").await, app.operator().await);
    let account = links(&ada, "azure", "ada").await;
    let mut hands = Hands::new(&app.app);
    let (key, placement) = only_key(&app, &mut hands, &ada).await;
    assert_eq!(placement["status"], "requested");
    let asked = &placement["by_hand"];
    assert_eq!(asked["do"], "paste");
    assert_eq!(
        asked["where"],
        "https://dev.azure.com/contoso/_usersSettings/keys"
    );
    assert_eq!(
        asked["clone_url"],
        "git@ssh.dev.azure.com:v3/contoso/PROJECT/REPO"
    );
    let line = format!("{} lanyard-ada-azure", text(&key, "public_key"));
    assert_eq!(asked["public_key"], line);
    let id = text(&key, "key");
    let public = ada.get(&format!("{KEYS}/{id}.pub")).await;
    assert_eq!(
        public.body,
        format!("{line}\n"),
        "one line, whoever copies it"
    );
    assert_eq!(asked["steps"].as_array().unwrap().len(), 6);
    assert!(asked["steps"].to_string().contains("no line feed after it"));
    let one = ada.get(&format!("{KEYS}/{id}")).await.is(200);
    assert_eq!(one, key);
    let pending = operator.get("/api/v1/sync").await.is(200);
    assert_eq!(pending["placements"][0]["status"], "requested");
    assert_eq!(pending["placements"][0]["by_hand"], Value::Null);
    let known = confirms(&ada, &account, &id, true).await;
    assert_eq!(
        known,
        json!({
            "account": account, "key": id, "status": "published",
            "expires_at": "2027-11-22T09:00:00.000000Z",
        })
    );
    let (_, placement) = only_key(&app, &mut hands, &ada).await;
    assert_eq!(placement["status"], "published");
    assert_eq!(placement["presence"], "by_hand");
    assert_eq!(placement["expires_at"], "2027-11-22T09:00:00.000000Z");
    assert_eq!(placement["by_hand"], Value::Null);
}

#[tokio::test]
async fn what_does_not_fit_is_not_confirmed() {
    let app = TestApp::new().await;
    builds(&app).await;
    let (ada, bob, admin) = (
        app.user("ada").await,
        app.user("bob").await,
        app.admin().await,
    );
    let account = links(&ada, "builds", "git").await;
    let mut hands = Hands::new(&app.app);
    let (key, _) = only_key(&app, &mut hands, &ada).await;
    let key = text(&key, "key");
    let path = confirmation(&account, &key);
    let (yes, no) = (json!({ "placed": true }), json!({ "placed": false }));
    assert_eq!(ada.post(&path, json!({})).await.rejected(), ["placed"]);
    let body = json!({ "placed": "yes", "key": key });
    assert_eq!(ada.post(&path, body).await.rejected(), ["placed", "key"]);
    let answer = ada.post(&path, no.clone()).await;
    answer.is_problem(409, "confirmation-other-way");
    let other = confirmation(&account, "0199aaaa-0000-7000-8000-000000000000");
    let answer = ada.post(&other, yes.clone()).await;
    answer.is_problem(404, "key-not-found");
    let answer = bob.post(&path, yes.clone()).await;
    answer.is_problem(404, "account-not-found");
    let of_ada = path.replace("/me/", "/ada/");
    let answer = bob.post(&of_ada, yes.clone()).await;
    answer.is_problem(403, "forbidden");
    let answer = admin.post(&of_ada, yes.clone()).await;
    answer.is_problem(403, "forbidden");
    // A host that ends no key by itself: to say it again says nothing new.
    let first = ada.post(&path, yes.clone()).await;
    assert!(!first.header("lanyard-index").is_empty());
    let again = ada.post(&path, yes.clone()).await;
    assert_eq!(again.is(200), first.is(200));
    assert_eq!(again.header("lanyard-index"), "");
    ada.delete(&format!("{ACCOUNTS}/{account}")).await.is(202);
    hands.settle(&app.clock, app.app.now()).await;
    let answer = ada.post(&path, yes.clone()).await;
    answer.is_problem(409, "confirmation-other-way");
    let gone = ada.post(&path, no.clone()).await.is(200);
    assert_eq!(gone["status"], "withdrawn");
    let again = ada.post(&path, no.clone()).await;
    assert_eq!(again.is(200), gone);
    assert_eq!(again.header("lanyard-index"), "");
    let answer = ada.post(&path, yes).await;
    answer.is_problem(409, "confirmation-not-due");
    hands.settle(&app.clock, app.app.now()).await;
    let answer = ada.post(&path, no).await;
    answer.is_problem(404, "account-not-found");
}

#[tokio::test]
async fn a_key_that_a_provider_does_not_let_go_is_removed_and_confirmed_by_its_owner() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let account = practice.links(&ada, "octocat").await;
    let mut hands = Hands::new(&app.app);
    let (key, _) = only_key(&app, &mut hands, &ada).await;
    let key = text(&key, "key");
    let path = confirmation(&account, &key);
    for placed in [true, false] {
        let answer = ada.post(&path, json!({ "placed": placed })).await;
        answer.is_problem(409, "not-by-hand");
    }
    let id: KeyId = key.parse().unwrap();
    let caller = Caller::system("test", app.app.new_id(), None);
    for command in [
        AccountCommand::RequestKeyWithdrawal {
            key: id,
            cause: WithdrawalCause::Rotation,
        },
        AccountCommand::RecordKeyWithdrawalFailed {
            key: id,
            failure: Failure {
                blame: Blame::Provider,
                code: ReasonCode::RemoveByHand,
                detail: None,
            },
            retry_at: None,
        },
    ] {
        let account: domain::AccountId = account.parse().unwrap();
        let done = app
            .app
            .dispatch
            .execute::<Account>(&account, command, &caller);
        done.await.unwrap();
    }
    let seen = ada.sees(&format!("{KEYS}/{key}")).await.is(200);
    let placement = &seen["placements"][0];
    assert_eq!(placement["failure"]["code"], "remove_by_hand");
    let asked = &placement["by_hand"];
    assert_eq!(asked["do"], "remove");
    let base_url = practice.github.base_url().to_string();
    let page = format!("{}/settings/keys", base_url.trim_end_matches('/'));
    assert_eq!(asked["where"], page);
    let answer = ada.post(&path, json!({ "placed": true })).await;
    answer.is_problem(409, "confirmation-other-way");
    let known = confirms(&ada, &account, &key, false).await;
    assert_eq!(known["status"], "withdrawn");
    let seen = ada.sees(&format!("{KEYS}/{key}")).await.is(200);
    assert_eq!(seen["placements"][0]["status"], "withdrawn");
    assert_eq!(seen["placements"][0]["by_hand"], Value::Null);
}
