//! API tokens.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;

const TOKENS: &str = "/api/v1/tokens";
const FIRST: &str = "/api/v1/tokens/first";

#[tokio::test]
async fn an_admin_makes_a_token_that_is_shown_once() {
    let app = TestApp::new().await;
    let admin = app.actor("root", &[Role::Admin, Role::Member]).await;
    let body = json!({ "user": "ada", "name": "laptop", "roles": ["member"], "days": 1 });
    let made = admin.post(TOKENS, body).await;
    let token = made.is(201);
    let text = token["token"].as_str().unwrap();
    assert!(text.starts_with("lyd_pat_") && text.len() == 44, "{text}");
    assert_eq!(token["expires_at"], "2026-11-23T09:00:00.000000Z");
    let place = format!("{TOKENS}/{}", token["id"].as_str().unwrap());
    assert_eq!(made.header("location"), place);
    let ada = app.anyone().with(Some(text.to_owned()));
    assert_eq!(ada.get("/api/v1/me").await.is(200)["user"], "ada");
    let listed = admin.sees(TOKENS).await;
    assert!(!listed.body.contains("lyd_pat_"), "{}", listed.body);
    let listed = listed.is(200);
    let laptop = listed["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["name"] == "laptop")
        .unwrap();
    assert_eq!(
        *laptop,
        json!({
            "id": token["id"], "user": "ada", "name": "laptop", "roles": ["member"],
            "status": "current", "created_at": "2026-11-22T09:00:00.000000Z", "created_by": "root",
            "expires_at": "2026-11-23T09:00:00.000000Z",
        })
    );
}

#[tokio::test]
async fn a_token_gives_no_role_that_its_holder_lacks() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for role in ["auditor", "operator", "member", "workspace"] {
        let body = json!({ "name": "more", "roles": ["admin", role] });
        let answer = admin.post(TOKENS, body).await;
        answer.is_problem(403, "token-role-not-held");
    }
}

#[tokio::test]
async fn every_wrong_field_of_a_token_is_named() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({
        "user": "Ada Lovelace", "name": "a\u{7}b", "roles": ["king"], "days": 366, "scope": "all",
    });
    let answer = admin.post(TOKENS, body).await;
    assert_eq!(
        answer.rejected(),
        ["user", "name", "roles", "days", "scope"]
    );
    let answer = admin.post(TOKENS, json!({ "name": "x" })).await;
    answer.is_problem(422, "token-no-role");
    let twice = json!({ "name": "x", "roles": ["admin", "admin"] });
    assert_eq!(admin.post(TOKENS, twice).await.rejected(), ["roles"]);
}

#[tokio::test]
async fn a_token_ends_with_its_time() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    app.after(TimeDelta::days(90) - TimeDelta::seconds(1));
    ada.get("/api/v1/me").await.is(200);
    app.after(TimeDelta::seconds(1));
    ada.get("/api/v1/me")
        .await
        .is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn whoever_has_a_token_ends_it_from_the_next_request_on() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let id = ada.get("/api/v1/me").await.is(200)["token"].clone();
    let path = format!("{TOKENS}/{}", id.as_str().unwrap());
    ada.delete(&path).await.is(204);
    ada.get("/api/v1/me")
        .await
        .is_problem(401, "unauthenticated");
    let admin = app.admin().await;
    admin.delete(&path).await.is(204);
    let listed = admin.sees(TOKENS).await.is(200);
    assert!(listed["tokens"].as_array().unwrap().iter().any(|token| {
        token["id"] == id && token["status"] == "revoked" && token["revoked_at"].is_string()
    }));
}

#[tokio::test]
async fn nobody_but_an_admin_sees_or_ends_what_is_somebody_elses() {
    let app = TestApp::new().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let of_bob = bob.get("/api/v1/me").await.is(200)["token"].clone();
    let listed = ada.sees(TOKENS).await.is(200);
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 1);
    let path = format!("{TOKENS}/{}", of_bob.as_str().unwrap());
    ada.delete(&path).await.is_problem(404, "token-not-found");
    bob.get("/api/v1/me").await.is(200);
    let unknown = format!("{TOKENS}/0199aaaa-0000-7000-8000-000000000000");
    let admin = app.admin().await;
    admin
        .delete(&unknown)
        .await
        .is_problem(404, "token-not-found");
    assert_eq!(admin.delete("/api/v1/tokens/x").await.rejected(), ["token"]);
}

#[tokio::test]
async fn a_long_list_comes_in_pages_that_miss_nothing() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in 0..6 {
        app.user(&format!("user-{name}")).await;
    }
    app.catches_up().await;
    let mut seen = BTreeSet::new();
    let mut after = String::new();
    for _ in 0..4 {
        let page = admin.get(&format!("{TOKENS}?limit=2{after}")).await.is(200);
        for token in page["tokens"].as_array().unwrap() {
            assert!(seen.insert(token["id"].as_str().unwrap().to_owned()));
        }
        match &page["next"] {
            Value::String(next) => after = format!("&after={next}"),
            _ => break,
        }
    }
    assert_eq!(seen.len(), 7);
    let answer = admin.get(&format!("{TOKENS}?limit=0&after=x&page=2")).await;
    assert_eq!(answer.rejected(), ["after", "limit", "page"]);
}

#[tokio::test]
async fn the_secret_of_the_terminal_makes_the_first_admin_once() {
    let app = TestApp::new().await;
    let secret = app.app.new_first_secret().await.unwrap().unwrap();
    let anyone = app.anyone();
    let body = |secret: &str| json!({ "secret": secret, "user": "root" });
    let wrong = anyone.post(FIRST, body("lyd_boot_wrong")).await;
    wrong.is_problem(403, "first-secret-refused");
    let made = anyone.post(FIRST, body(secret.expose_str())).await.is(201);
    let root = app.anyone().with(made["token"].as_str().map(str::to_owned));
    let me = root.get("/api/v1/me").await.is(200);
    assert_eq!(me["user"], "root");
    assert_eq!(
        me["roles"],
        json!(["admin", "auditor", "operator", "member", "workspace"])
    );
    let again = anyone.post(FIRST, body(secret.expose_str())).await;
    again.is_problem(410, "first-token-made");
    assert!(app.app.new_first_secret().await.unwrap().is_none());
    let event = root.get("/api/v1/audit/events/0").await.is(200);
    assert_eq!(event["event"]["actor"]["kind"], "terminal");
    assert!(!event.to_string().contains(secret.expose_str()));
}

#[tokio::test]
async fn the_secret_of_the_terminal_is_good_for_an_hour() {
    let app = TestApp::new().await;
    let secret = app.app.new_first_secret().await.unwrap().unwrap();
    app.after(TimeDelta::minutes(60));
    let body = json!({ "secret": secret.expose_str(), "user": "root" });
    let late = app.anyone().post(FIRST, body).await;
    late.is_problem(403, "first-secret-refused");
    let answer = app.anyone().post(FIRST, json!({ "user": 1, "x": 1 })).await;
    assert_eq!(answer.rejected(), ["secret", "user", "x"]);
}

#[tokio::test]
async fn of_a_hundred_who_race_with_the_secret_one_becomes_admin() {
    let app = TestApp::new().await;
    let secret = app.app.new_first_secret().await.unwrap().unwrap();
    let anyone = app.anyone();
    let races = (0..100).map(|_| {
        let body = json!({ "secret": secret.expose_str(), "user": "root" });
        anyone.post(FIRST, body)
    });
    let answers = futures::future::join_all(races).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert!(matches!(answer.status.as_u16(), 403 | 410), "{answer:?}");
    }
}
