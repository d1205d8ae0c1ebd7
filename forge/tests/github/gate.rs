use reqwest::{Client, Method, StatusCode};

use crate::support::{ED25519, Play, header, json_of, refused};

#[tokio::test]
async fn a_call_without_a_user_agent_is_forbidden() {
    let play = Play::dot_com().await;
    let silent = Client::builder().build().unwrap();
    let answer = silent.get(play.github.api("/user")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let body = answer.text().await.unwrap();
    assert!(body.starts_with("Request forbidden by administrative rules."));
}

#[tokio::test]
async fn an_unsupported_version_is_a_bad_request() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let with = async |play: &Play, version: &str| {
        play.call(Method::GET, "/meta", "")
            .header("x-github-api-version", version)
            .send()
            .await
            .unwrap()
    };
    let versioned = |version: &'static str| {
        play.call(Method::GET, "/user", &token)
            .header("x-github-api-version", version)
            .send()
    };
    refused(versioned("2019-01-01").await.unwrap(), 400).await;
    assert_eq!(
        versioned("2022-11-28").await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(
        versioned("2026-03-10").await.unwrap().status(),
        StatusCode::OK
    );
    refused(with(&Play::enterprise().await, "2026-03-10").await, 400).await;
}

#[tokio::test]
async fn a_token_nobody_gave_is_bad_credentials() {
    let play = Play::dot_com().await;
    for path in ["/user", "/user/keys", "/meta"] {
        let message = refused(play.get(path, "gho_nobody").await, 401).await;
        assert_eq!(message, "Bad credentials");
    }
    let basic = play
        .http
        .get(play.github.api("/user"))
        .basic_auth("ada", Some("password"));
    assert_eq!(
        refused(basic.send().await.unwrap(), 401).await,
        "Bad credentials"
    );
    let (id, secret) = (&play.app.client_id, &play.app.client_secret);
    let app = play
        .http
        .get(play.github.api("/user"))
        .basic_auth(id, Some(secret));
    assert_eq!(
        refused(app.send().await.unwrap(), 401).await,
        "Bad credentials"
    );
    let strange = play
        .http
        .get(play.github.api("/user"))
        .header("authorization", "Digest x");
    assert_eq!(
        refused(strange.send().await.unwrap(), 401).await,
        "Bad credentials"
    );
}

#[tokio::test]
async fn a_call_without_a_token_needs_one() {
    let play = Play::dot_com().await;
    for path in ["/user", "/user/keys", "/user/ssh_signing_keys"] {
        let answer = play.http.get(play.github.api(path)).send().await.unwrap();
        assert_eq!(refused(answer, 401).await, "Requires authentication");
    }
}

#[tokio::test]
async fn the_word_token_works_like_bearer() {
    let play = Play::dot_com().await;
    let authorization = format!("token {}", play.ada().await);
    let request = play
        .http
        .get(play.github.api("/user"))
        .header("authorization", authorization);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_trailing_slash_leads_nowhere() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    for path in ["/user/", "/user/keys/", "/user/keys/1/", "/nothing", "/"] {
        assert_eq!(
            refused(play.get(path, &token).await, 404).await,
            "Not Found",
            "{path}"
        );
    }
    let put = play
        .call(Method::PUT, "/user/keys", &token)
        .send()
        .await
        .unwrap();
    assert_eq!(refused(put, 404).await, "Not Found");
}

#[tokio::test]
async fn scopes_are_told_in_every_answer() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let held = Some("admin:public_key, admin:ssh_signing_key, read:user");
    let accepts = async |method: Method, path: &str| {
        let answer = play.call(method, path, &token).send().await.unwrap();
        assert_eq!(header(&answer, "x-oauth-scopes"), held);
        header(&answer, "x-accepted-oauth-scopes")
            .unwrap()
            .to_owned()
    };
    assert_eq!(accepts(Method::GET, "/user").await, "");
    let reading = "admin:public_key, read:public_key, write:public_key";
    assert_eq!(accepts(Method::GET, "/user/keys").await, reading);
    assert_eq!(accepts(Method::GET, "/user/keys/1").await, reading);
    let writing = "admin:public_key, write:public_key";
    assert_eq!(accepts(Method::POST, "/user/keys").await, writing);
    assert_eq!(
        accepts(Method::DELETE, "/user/keys/1").await,
        "admin:public_key"
    );
    let signing = "admin:ssh_signing_key, read:ssh_signing_key, write:ssh_signing_key";
    assert_eq!(
        accepts(Method::GET, "/user/ssh_signing_keys").await,
        signing
    );
    assert_eq!(
        accepts(Method::DELETE, "/user/ssh_signing_keys/1").await,
        "admin:ssh_signing_key"
    );
}

#[tokio::test]
async fn a_missing_scope_is_a_404_that_tells_the_scopes() {
    let play = Play::dot_com().await;
    let key = play.github.paste_key("ada", "laptop", ED25519).unwrap();
    let path = format!("/user/keys/{}", key.id);
    let nothing = play.token_of("ada", "read:user").await;
    let read = play.token_of("ada", "read:public_key").await;
    let write = play.token_of("ada", "write:public_key").await;
    let admin = play.token_of("ada", "admin:public_key").await;
    let status = async |method: Method, path: &str, token: &str| {
        play.call(method, path, token)
            .body("{}")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(status(Method::GET, "/user", &nothing).await, 200);
    assert_eq!(status(Method::GET, "/user/keys", &nothing).await, 404);
    assert_eq!(status(Method::GET, "/user/keys", &read).await, 200);
    assert_eq!(status(Method::GET, &path, &read).await, 200);
    assert_eq!(status(Method::POST, "/user/keys", &read).await, 404);
    assert_eq!(status(Method::POST, "/user/keys", &write).await, 422);
    assert_eq!(
        status(Method::GET, "/user/ssh_signing_keys", &admin).await,
        404
    );
    let answer = play.delete(&path, &write).await;
    assert_eq!(header(&answer, "x-oauth-scopes"), Some("write:public_key"));
    assert_eq!(
        header(&answer, "x-accepted-oauth-scopes"),
        Some("admin:public_key")
    );
    assert_eq!(refused(answer, 404).await, "Not Found");
    assert_eq!(status(Method::DELETE, &path, &admin).await, 204);
}

#[tokio::test]
async fn a_suspended_account_is_forbidden() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.suspend_user("ada");
    let message = refused(play.get("/user/keys", &token).await, 403).await;
    assert_eq!(message, "Sorry. Your account was suspended.");
    play.github.unsuspend_user("ada");
    assert_eq!(
        play.get("/user/keys", &token).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn enterprise_server_tells_its_version() {
    let play = Play::enterprise().await;
    let answer = play.get("/user", &play.ada().await).await;
    assert_eq!(
        header(&answer, "x-github-enterprise-version"),
        Some("3.19.0")
    );
    let nobody = play
        .http
        .get(play.github.api("/user"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        header(&nobody, "x-github-enterprise-version"),
        Some("3.19.0")
    );
    let cloud = Play::dot_com().await;
    let answer = cloud.get("/user", &cloud.ada().await).await;
    assert_eq!(header(&answer, "x-github-enterprise-version"), None);
    assert!(header(&answer, "x-github-request-id").is_some());
}

#[tokio::test]
async fn the_api_refuses_in_json() {
    let play = Play::dot_com().await;
    let answer = play.get("/nothing", &play.ada().await).await;
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
    let body = json_of(answer).await;
    assert_eq!(body["message"], "Not Found");
    assert_eq!(body["status"], "404");
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let play = Play::dot_com().await;
    let token = play.token_of("ada", "").await;
    let head = async |path: &str, token: &str| {
        play.call(Method::HEAD, path, token)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(head("/user", &token).await, 200);
    assert_eq!(head("/user/keys", &token).await, 404);
    let nobody = play
        .http
        .head(play.github.api("/user"))
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
}
