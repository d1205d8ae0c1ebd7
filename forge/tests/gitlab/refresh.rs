use reqwest::StatusCode;

use crate::support::{CALLBACK, Play, doorkeeper, json_of, pair};

#[tokio::test]
async fn a_refresh_kills_the_old_pair_at_once() {
    let play = Play::start().await;
    let (access, refresh) = play.pair_of("ada", "api").await;
    let (new, next) = pair(&json_of(play.refresh(&refresh).await).await);
    assert_ne!((&new, &next), (&access, &refresh));
    let dead = play.get("/user", &access).await;
    assert_eq!(dead.status(), StatusCode::UNAUTHORIZED);
    let body = json_of(dead).await;
    assert_eq!(body["error"], "invalid_token");
    assert_eq!(
        body["error_description"],
        "Token was revoked. You have to re-authorize from the user."
    );
    assert_eq!(play.get("/user", &new).await.status(), StatusCode::OK);
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 1);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_the_second_use_leaves_the_new_pair_alone() {
    let play = Play::start().await;
    let (_, refresh) = play.pair_of("ada", "api").await;
    let (new, next) = pair(&json_of(play.refresh(&refresh).await).await);
    doorkeeper(play.refresh(&refresh).await, 400, "invalid_grant").await;
    assert_eq!(play.get("/user", &new).await.status(), StatusCode::OK);
    assert_eq!(play.refresh(&next).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn of_two_refreshes_at_the_same_time_one_wins() {
    let play = Play::start().await;
    let (_, refresh) = play.pair_of("ada", "api").await;
    let (one, other) = tokio::join!(play.refresh(&refresh), play.refresh(&refresh));
    let mut statuses = [one.status().as_u16(), other.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_refresh_token_works_long_after_its_access_token() {
    let play = Play::start().await;
    let (_, refresh) = play.pair_of("ada", "read_user api").await;
    play.passes(400 * 86_400);
    assert_eq!(play.gitlab.live_tokens_of("ada"), 0);
    let body = json_of(play.refresh(&refresh).await).await;
    assert_eq!(body["expires_in"], 7200);
    assert_eq!(body["scope"], "read_user api");
    assert_eq!(play.gitlab.live_tokens_of("ada"), 1);
}

#[tokio::test]
async fn the_redirect_uri_must_come_again_at_refresh() {
    let play = Play::start().await;
    let (_, refresh) = play.pair_of("ada", "api").await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*refresh),
    ];
    doorkeeper(play.post_token(&fields).await, 400, "invalid_grant").await;
    let second = "http://127.0.0.1:8080/oauth/callback";
    play.gitlab.add_redirect(&play.app.client_id, second);
    let wrong = [fields[0], fields[1], ("redirect_uri", second)];
    doorkeeper(play.post_token(&wrong).await, 400, "invalid_grant").await;
    // A refused refresh uses nothing up.
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_admins_new_secret_is_told_from_a_dead_grant() {
    let play = Play::start().await;
    let (_, refresh) = play.pair_of("ada", "api").await;
    let new = play.gitlab.renew_secret(&play.app.client_id);
    doorkeeper(play.refresh(&refresh).await, 401, "invalid_client").await;
    let form = [
        ("client_id", &*play.app.client_id),
        ("client_secret", &*new),
        ("grant_type", "refresh_token"),
        ("refresh_token", &*refresh),
        ("redirect_uri", CALLBACK),
    ];
    let answer = play.post_form("/oauth/token", &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_revoked_application_cannot_refresh() {
    let play = Play::start().await;
    let (access, refresh) = play.pair_of("ada", "api").await;
    play.gitlab.revoke_grant("ada", &play.app.client_id);
    doorkeeper(play.refresh(&refresh).await, 400, "invalid_grant").await;
    let status = play.get("/user", &access).await.status();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_expired_token_that_is_revoked_too_is_called_expired() {
    let play = Play::start().await;
    let (access, _) = play.pair_of("ada", "api").await;
    play.gitlab.revoke_grant("ada", &play.app.client_id);
    play.passes(7200);
    let body = json_of(play.get("/user", &access).await).await;
    let words = body["error_description"].as_str().unwrap();
    assert!(words.starts_with("Token is expired."));
}
