//! People's linked accounts.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::github::Practice;

#[tokio::test]
async fn everybody_sees_their_own_and_an_admin_sees_all() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, bob, admin) = (
        app.user("ada").await,
        app.user("bob").await,
        app.admin().await,
    );
    let account = practice.links(&ada, "octocat").await;
    let own = ada.get("/api/v1/users/me/accounts").await.is(200);
    assert_eq!(own, ada.get("/api/v1/users/ada/accounts").await.is(200));
    assert_eq!(own, admin.get("/api/v1/users/ada/accounts").await.is(200));
    let path = format!("/api/v1/users/ada/accounts/{account}");
    bob.get(&path).await.is_problem(403, "forbidden");
    bob.delete(&path).await.is_problem(403, "forbidden");
    let path = format!("/api/v1/users/bob/accounts/{account}");
    bob.get(&path).await.is_problem(404, "account-not-found");
    bob.delete(&path).await.is_problem(404, "account-not-found");
    let body = json!({ "provider": "github" });
    let answer = admin.post("/api/v1/users/ada/accounts", body).await;
    answer.is_problem(403, "forbidden");
}

#[tokio::test]
async fn an_account_that_is_being_unlinked_is_so_at_once() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let account = practice.links(&ada, "octocat").await;
    let path = format!("/api/v1/users/ada/accounts/{account}");
    let gone = ada.delete(&path).await;
    gone.is(202);
    assert_eq!(gone.header("location"), path);
    assert_eq!(ada.sees(&path).await.is(200)["status"], "unlinking");
    let again = ada.delete(&path).await;
    again.is(202);
    assert_eq!(again.header("lanyard-index"), "");
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let answer = practice.comes_back(&browser, &back).await;
    assert_eq!(answer.header("location"), "/oauth/failed/account-unlinking");
}

#[tokio::test]
async fn a_base_url_stays_and_a_provider_stays_while_accounts_are_linked() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, admin) = (app.user("ada").await, app.admin().await);
    practice.links(&ada, "octocat").await;
    let github = "/api/v1/providers/github";
    let answer = admin
        .patch(github, json!({ "base_url": "https://git.example.com" }))
        .await;
    answer.is_problem(409, "provider-base-url-fixed");
    let answer = admin.delete(github).await;
    answer.is_problem(409, "provider-accounts-linked");
}

#[tokio::test]
async fn a_person_who_is_erased_leaves_an_account_without_a_name() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, auditor) = (app.user("ada").await, app.auditor().await);
    let account = practice.links(&ada, "octocat").await;
    app.app.vault.erase(&"ada".parse().unwrap()).await.unwrap();
    let path = format!("/api/v1/users/ada/accounts/{account}");
    let seen = ada.get(&path).await.is(200);
    assert_eq!(seen["login"], serde_json::Value::Null);
    let found = auditor
        .sees("/api/v1/audit/events?type=AccountLinked")
        .await
        .is(200);
    let personal = &found["events"][0]["personal"];
    assert_eq!(personal["profile"], "erased");
    assert_eq!(personal["address"], "erased");
}

#[tokio::test]
async fn an_id_that_is_none_is_named() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let answer = admin.get("/api/v1/users/ada/accounts/1").await;
    assert_eq!(answer.rejected(), ["account"]);
    let answer = admin.get("/api/v1/users/Ada%20L/accounts").await;
    assert_eq!(answer.rejected(), ["user"]);
}
