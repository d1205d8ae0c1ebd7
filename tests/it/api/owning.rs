//! Whose account it is: first links, links anew, and what is kept of them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::linking::{ACCOUNTS, failed, kept_tokens};
use crate::support::app::TestApp;
use crate::support::github::Practice;

#[tokio::test]
async fn a_grant_that_is_too_small_is_refused_and_revoked() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    practice.github.grants_at_most("octocat", "read:user");
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 403, "scopes-missing").await;
    assert_eq!(practice.github.live_tokens_of("octocat"), 0);
    assert_eq!(kept_tokens(&app).await, 0);
}

#[tokio::test]
async fn an_account_belongs_to_whoever_linked_it_first() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    practice.links(&ada, "octocat").await;
    let start = practice.begins(&bob, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 409, "account-linked-elsewhere").await;
    let page = app.anyone().get(answer.header("location")).await;
    assert!(!page.body.contains("ada"), "who it is stays unsaid");
    assert_eq!(practice.github.live_tokens_of("octocat"), 1, "ada's");
    assert_eq!(kept_tokens(&app).await, 1);
    let seen = bob.sees(ACCOUNTS).await.is(200);
    assert_eq!(seen, json!({ "accounts": [] }));
}

#[tokio::test]
async fn of_two_who_link_one_account_at_once_one_gets_it() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let mut ways = Vec::new();
    for person in [&ada, &bob] {
        let start = practice.begins(person, json!({})).await;
        let browser = practice.starts(&start).await;
        let back = practice.agrees(&browser, "octocat").await;
        ways.push((browser, back));
    }
    let (one, other) = tokio::join!(
        practice.comes_back(&ways[0].0, &ways[0].1),
        practice.comes_back(&ways[1].0, &ways[1].1),
    );
    let mut places = [one.header("location"), other.header("location")];
    places.sort_unstable();
    let refused = "/oauth/failed/account-linked-elsewhere";
    assert_eq!(places, [refused, "/oauth/linked"]);
    assert_eq!(kept_tokens(&app).await, 1);
}

#[tokio::test]
async fn linking_again_renews_the_grant_of_the_same_account() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let account = practice.links(&ada, "octocat").await;
    practice.github.rename_user("octocat", "hubot");
    app.after(TimeDelta::hours(1));
    assert_eq!(practice.links(&ada, "hubot").await, account);
    let seen = ada.get(&format!("{ACCOUNTS}/{account}")).await.is(200);
    assert_eq!(seen["login"], "hubot");
    assert_eq!(seen["expires_at"], "2026-11-22T18:00:00.000000Z");
    // Those of the link before are on their way back to the provider (`stories::exchanged`).
    assert_eq!(kept_tokens(&app).await, 2);
    let auditor = app.auditor().await;
    let renewed = auditor
        .sees("/api/v1/audit/events?type=GrantRenewed")
        .await
        .is(200);
    let sentence = &renewed["events"][0]["sentence"];
    assert_eq!(*sentence, "ada linked their account at github again");
}

#[tokio::test]
async fn an_account_that_was_unlinked_can_be_linked_anew() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let account = practice.links(&ada, "octocat").await;
    practice.links(&ada, "octocat").await;
    app.unlinks(&ada, &account).await;
    assert_eq!(practice.links(&bob, "octocat").await, account);
    let path = format!("/api/v1/users/me/accounts/{account}");
    ada.get(&path).await.is_problem(404, "account-not-found");
    bob.get(&path).await.is(200);
}

#[tokio::test]
async fn somebody_else_than_the_account_that_is_linked_again_is_stopped() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    practice.github.add_user("hubot");
    let ada = app.user("ada").await;
    let account = practice.links(&ada, "octocat").await;
    let start = practice.begins(&ada, json!({ "account": account })).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "hubot").await;
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 409, "other-identity").await;
    assert_eq!(practice.github.live_tokens_of("hubot"), 0);
    let seen = ada.sees(ACCOUNTS).await.is(200);
    assert_eq!(seen["accounts"].as_array().unwrap().len(), 1);
    // Without naming an account, it is another account.
    practice.links(&ada, "hubot").await;
    let seen = ada.sees(ACCOUNTS).await.is(200);
    assert_eq!(seen["accounts"].as_array().unwrap().len(), 2);
    let bob = app.user("bob").await;
    let body = json!({ "provider": "github", "account": account });
    let answer = bob.post(ACCOUNTS, body).await;
    answer.is_problem(404, "account-not-found");
}

#[tokio::test]
async fn a_provider_set_to_the_shared_url_is_linked_there() {
    let app = TestApp::new().await;
    let practice = Practice::with(&app, "shared").await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    practice.links(&ada, "octocat").await;
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let back = back.replace("/oauth/callback?", "/oauth/callback/github?");
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 400, "flow-refused").await;
}

#[tokio::test]
async fn no_secret_of_a_link_lies_about() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, auditor) = (app.user("ada").await, app.auditor().await);
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    practice.comes_back(&browser, &back).await;
    let account = ada.sees(ACCOUNTS).await;
    let trail = auditor.sees("/api/v1/audit/events?limit=1000").await;
    let (_, cookie) = browser.cookie.split_once('=').unwrap();
    let ticket = start.rsplit('/').next().unwrap();
    let state = back.split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap();
    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("accounts".to_owned(), account.body.into_bytes()),
        ("trail".to_owned(), trail.body.into_bytes()),
    ];
    for file in std::fs::read_dir(app.home()).unwrap() {
        let path = file.unwrap().path();
        places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    for stored in app.app.log.read_all(0, 1000).await.unwrap() {
        places.push((stored.index.to_string(), stored.line.into_bytes()));
    }
    // Tokens as GitHub writes them: user-to-server, and refresh.
    for secret in [cookie, ticket, state, "gho_", "ghu_", "ghr_"] {
        for (place, bytes) in &places {
            let mut windows = bytes.windows(secret.len());
            let found = windows.any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {place}");
        }
    }
}

#[tokio::test]
async fn the_events_of_a_link_say_who_and_from_where() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, auditor) = (app.user("ada").await, app.auditor().await);
    practice.links(&ada, "octocat").await;
    let found = auditor
        .sees("/api/v1/audit/events?type=AccountLinked")
        .await
        .is(200);
    let event = &found["events"][0];
    assert_eq!(event["sentence"], "ada linked an account at github");
    let actor = &event["event"]["actor"];
    assert_eq!(actor["kind"], "person");
    assert_eq!(actor["id"], "ada");
    assert_eq!(actor["roles"], json!(["member"]));
    assert!(actor["means"]["token"].is_string());
    assert_eq!(event["personal"]["address"], "192.0.2.7");
    assert_eq!(event["personal"]["profile"]["login"], "octocat");
    assert!(!event["event"].to_string().contains("octocat"));
    let Value::Object(data) = &event["event"]["data"] else {
        panic!("{event}");
    };
    assert_eq!(data["grant"]["generation"], 1);
}
