//! Linking an account through a practice GitHub, and everybody who must not get through.

use chrono::TimeDelta;
use forge::Fault;
use projections::Statement;
use serde_json::json;

use crate::support::actors::Answer;
use crate::support::app::TestApp;
use crate::support::github::{Practice, path_of};

pub(super) const ACCOUNTS: &str = "/api/v1/users/me/accounts";

/// Asserts that a browser is sent to the page of a problem, and what that page says.
pub(super) async fn failed(app: &TestApp, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("location"), format!("/oauth/failed/{code}"));
    let page = app.anyone().get(answer.header("location")).await;
    assert_eq!(page.status.as_u16(), status);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_developer_links_an_account_in_two_steps() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    let octocat = practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let begun = ada.post(ACCOUNTS, json!({ "provider": "github" })).await;
    let begun = begun.is(201);
    assert_eq!(begun["expires_at"], "2026-11-22T09:10:00.000000Z");
    let account = practice.links(&ada, "octocat").await;
    let seen = ada.get(&format!("{ACCOUNTS}/{account}")).await.is(200);
    assert_eq!(seen["user"], "ada");
    assert_eq!(seen["status"], "linked");
    assert_eq!(seen["by_hand"], false);
    assert_eq!(seen["login"], "octocat");
    assert_eq!(seen["external_id"], octocat.id.to_string());
    assert_eq!(seen["missing_scopes"], json!([]));
    assert_eq!(seen["expires_at"], "2026-11-22T17:00:00.000000Z");
    let provider = ada.get("/api/v1/providers/github").await.is(200);
    assert_eq!(provider["linked_accounts"], 1);
    assert_eq!(practice.github.live_tokens_of("octocat"), 1);
}

#[tokio::test]
async fn the_browser_goes_where_the_link_was_begun_and_its_address_tells_nothing() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let start = practice
        .begins(&ada, json!({ "return_to": "/accounts?new=1" }))
        .await;
    let browser = practice.starts(&start).await;
    assert!(browser.cookie.starts_with("__Host-lanyard_flow_"));
    let back = practice.agrees(&browser, "octocat").await;
    let done = practice.comes_back(&browser, &back).await;
    assert_eq!(done.header("location"), "/accounts?new=1");
    let gone = done.header("set-cookie");
    assert!(gone.contains("Max-Age=0") && gone.contains("HttpOnly; SameSite=Lax; Secure"));
    assert!(done.body.is_empty());
}

#[tokio::test]
async fn a_way_back_is_a_path_of_this_server() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    let ada = app.user("ada").await;
    for path in [
        "//evil",
        "https://evil",
        "/\\evil",
        "evil",
        "javascript:1",
        "/a\r\nb",
    ] {
        let body = json!({ "provider": "github", "return_to": path });
        assert_eq!(ada.post(ACCOUNTS, body).await.rejected(), ["return_to"]);
    }
    let body = json!({ "provider": "Git Hub", "account": "x", "state": "mine" });
    let answer = ada.post(ACCOUNTS, body).await;
    assert_eq!(answer.rejected(), ["provider", "account", "state"]);
    let answer = ada.post(ACCOUNTS, json!({ "provider": "gitlab" })).await;
    answer.is_problem(404, "provider-not-found");
    drop(practice);
}

#[tokio::test]
async fn a_ticket_works_once() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    practice.starts(&start).await;
    let again = app.anyone().get(&start).await;
    assert_eq!(again.status, 404);
    assert!(again.body.contains("has been used or has expired"));
    let unknown = app.anyone().get("/oauth/start/unknown").await;
    assert_eq!((unknown.status, unknown.body), (again.status, again.body));
}

#[tokio::test]
async fn a_browser_that_comes_from_elsewhere_is_asked_whose_account_it_will_be() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    let mallory = app.user("mallory").await;
    let start = practice.begins(&mallory, json!({})).await;
    for from in ["none", "cross-site", "same-site"] {
        let headers = [("sec-fetch-site", from)];
        let asked = app.anyone().send("GET", &start, None, &headers).await;
        assert_eq!(asked.status, 200);
        assert!(
            asked.body.contains("Lanyard user mallory"),
            "{}",
            asked.body
        );
        assert_eq!(asked.header("set-cookie"), "");
    }
    let headers = [("sec-fetch-site", "same-origin")];
    let sent = app.anyone().send("GET", &start, None, &headers).await;
    assert_eq!(sent.status, 303);
    let looked = app.anyone().send("HEAD", &start, None, &[]).await;
    assert_eq!(looked.status, 405);
}

#[tokio::test]
async fn another_browser_cannot_finish_what_one_began() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, mallory) = (app.user("ada").await, app.user("mallory").await);
    let start = practice.begins(&mallory, json!({})).await;
    let attackers = practice.starts(&start).await;
    let start = practice.begins(&ada, json!({})).await;
    let victims = practice.starts(&start).await;
    // The victim is brought to agree to what the attacker began, and comes back.
    let back = practice.agrees(&attackers, "octocat").await;
    let before = practice.github.calls("POST /login/oauth/access_token");
    let answer = practice.comes_back(&victims, &back).await;
    failed(&app, &answer, 400, "flow-refused").await;
    let answer = app.anyone().get(&back).await;
    failed(&app, &answer, 400, "flow-refused").await;
    let (name, _) = attackers.cookie.split_once('=').unwrap();
    let twice = format!("{name}=x; {}", attackers.cookie);
    let cookie = [("cookie", twice.as_str())];
    let answer = app.anyone().send("GET", &back, None, &cookie).await;
    failed(&app, &answer, 400, "flow-refused").await;
    let after = practice.github.calls("POST /login/oauth/access_token");
    assert_eq!(before, after, "a code was used");
}

#[tokio::test]
async fn a_callback_works_once_also_when_two_come_at_once() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let (one, other) = tokio::join!(
        practice.comes_back(&browser, &back),
        practice.comes_back(&browser, &back),
    );
    let mut places = [one.header("location"), other.header("location")];
    places.sort_unstable();
    assert_eq!(places, ["/oauth/failed/flow-not-found", "/oauth/linked"]);
    let again = practice.comes_back(&browser, &back).await;
    failed(&app, &again, 404, "flow-not-found").await;
    let seen = ada.sees(ACCOUNTS).await.is(200);
    assert_eq!(seen["accounts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_flow_lives_for_ten_minutes() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    let late = practice.begins(&ada, json!({})).await;
    app.after(TimeDelta::minutes(9));
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    app.after(TimeDelta::minutes(1));
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 404, "flow-not-found").await;
    assert_eq!(app.anyone().get(&late).await.status, 404);
}

#[tokio::test]
async fn an_admins_change_ends_every_flow_under_way() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (admin, ada) = (app.admin().await, app.user("ada").await);
    let start = practice.begins(&ada, json!({})).await;
    let not_started = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let change = json!({ "description": "moved" });
    admin
        .patch("/api/v1/providers/github", change)
        .await
        .is(200);
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 409, "flow-outdated").await;
    assert_eq!(app.anyone().get(&not_started).await.status, 409);
    let used = practice.github.calls("POST /login/oauth/access_token");
    assert_eq!(used, 0);
}

#[tokio::test]
async fn a_disabled_provider_takes_no_new_links() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    let (admin, ada) = (app.admin().await, app.user("ada").await);
    let start = practice.begins(&ada, json!({})).await;
    let path = "/api/v1/providers/github/disable";
    admin.post(path, json!({})).await.is(200);
    let answer = ada.post(ACCOUNTS, json!({ "provider": "github" })).await;
    answer.is_problem(409, "provider-disabled");
    assert_eq!(app.anyone().get(&start).await.status, 409);
}

#[tokio::test]
async fn the_end_of_the_token_that_began_a_flow_ends_the_flow() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let token = ada.get("/api/v1/me").await.is(200)["token"].clone();
    let path = format!("/api/v1/tokens/{}", token.as_str().unwrap());
    ada.delete(&path).await.is(204);
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 404, "flow-not-found").await;
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused_before_its_code_is_used() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let changes: [fn(String) -> String; 4] = [
        |back| back.replace("/oauth/callback/github", "/oauth/callback/gitlab"),
        |back| back.replace("/oauth/callback/github", "/oauth/callback"),
        |back| format!("{back}&iss=https%3A%2F%2Fevil.example.com"),
        |back| format!("{back}&iss=http%3A%2F%2F127.0.0.1&iss=http%3A%2F%2F127.0.0.1"),
    ];
    for change in changes {
        let start = practice.begins(&ada, json!({})).await;
        let browser = practice.starts(&start).await;
        let back = change(practice.agrees(&browser, "octocat").await);
        let answer = practice.comes_back(&browser, &back).await;
        failed(&app, &answer, 400, "flow-refused").await;
    }
    assert_eq!(practice.github.calls("POST /login/oauth/access_token"), 0);
}

#[tokio::test]
async fn what_is_no_answer_to_any_flow_is_refused() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    for query in [
        "",
        "?code=x",
        "?state=&code=x",
        "?state=a&state=b&code=x",
        &format!("?state=a&code={}", "x".repeat(5000)),
    ] {
        let answer = app
            .anyone()
            .get(&format!("/oauth/callback/github{query}"))
            .await;
        failed(&app, &answer, 400, "flow-refused").await;
    }
    let answer = app
        .anyone()
        .get("/oauth/callback/github?state=a&code=x")
        .await;
    failed(&app, &answer, 404, "flow-not-found").await;
    drop(practice);
}

#[tokio::test]
async fn who_says_no_is_not_linked_and_nothing_of_it_is_repeated() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice
        .github
        .deny(&browser.authorize_url, "octocat")
        .await;
    let back = format!("{}&hint=%3Cscript%3E", path_of(&back.unwrap()));
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 403, "flow-denied").await;
    let page = app.anyone().get(answer.header("location")).await;
    assert!(!page.body.contains("<script>") && !page.body.contains("denied your"));
    let again = practice.comes_back(&browser, &back).await;
    failed(&app, &again, 404, "flow-not-found").await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_links_nothing_and_keeps_nothing() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    practice.github.fail_with(Fault::Unavailable.everywhere());
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 502, "flow-failed").await;
    assert_eq!(kept_tokens(&app).await, 0);
}

#[tokio::test]
async fn an_apps_secret_that_no_longer_works_costs_nobody_their_link() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let account = practice.links(&ada, "octocat").await;
    practice.github.change_secret(&practice.client_id);
    let start = practice.begins(&ada, json!({})).await;
    let browser = practice.starts(&start).await;
    let back = practice.agrees(&browser, "octocat").await;
    let answer = practice.comes_back(&browser, &back).await;
    failed(&app, &answer, 502, "flow-failed").await;
    let seen = ada.sees(&format!("{ACCOUNTS}/{account}")).await.is(200);
    assert_eq!(seen["status"], "linked");
    assert_eq!(kept_tokens(&app).await, 1);
}

/// Counts the grants that the vault holds.
pub(super) async fn kept_tokens(app: &TestApp) -> u64 {
    let sql =
        "SELECT COUNT(*) FROM vault_secrets WHERE purpose = 'grant-tokens' AND box IS NOT NULL";
    let row = app.app.database.get(Statement::new(sql, [])).await;
    row.unwrap().unwrap().number(0).unwrap()
}
