use forge::{Fault, GitLabOptions};
use reqwest::StatusCode;

use crate::support::{ED25519, Play, json_of};

async fn below() -> Play {
    Play::with(GitLabOptions::below("/gitlab")).await
}

#[tokio::test]
async fn everything_lives_below_the_root() {
    let play = below().await;
    assert!(play.gitlab.base_url().ends_with("/gitlab"));
    let (token, refresh) = play.pair_of("ada", "api").await;
    let made = play.post(&token, "Lanyard", ED25519).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn nothing_lives_beside_it() {
    let play = below().await;
    let token = play.ada().await;
    let host = play.gitlab.base_url().trim_end_matches("/gitlab");
    for path in ["/api/v4/user", "/oauth/token/info", "/gitlabs/api/v4/user"] {
        let call = play.http.get(format!("{host}{path}")).bearer_auth(&token);
        let status = call.send().await.unwrap().status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn routes_and_faults_are_named_without_it() {
    let play = below().await;
    let token = play.ada().await;
    play.gitlab
        .fail_with(Fault::BadGateway.once().on("POST /user/keys"));
    let lost = play.post(&token, "Lanyard", ED25519).await;
    assert_eq!(lost.status(), StatusCode::BAD_GATEWAY);
    play.gitlab.fail_with(Fault::Unavailable.once());
    let down = play.get("/user", &token).await;
    assert_eq!(down.status(), StatusCode::SERVICE_UNAVAILABLE);
    let key = play.post(&token, "Lanyard", ED25519).await;
    let path = format!("/user/keys/{}", json_of(key).await["id"]);
    play.delete(&path, &token).await;
    assert_eq!(play.gitlab.calls("POST /user/keys"), 2);
    assert_eq!(play.gitlab.calls("DELETE /user/keys/{id}"), 1);
    assert_eq!(play.gitlab.calls(forge::GitLab::TOKEN_ROUTE), 1);
    let deleted = play.gitlab.journal().pop().unwrap();
    assert_eq!(deleted.user.as_deref(), Some("ada"));
    assert_eq!(deleted.path, format!("/gitlab/api/v4{path}"));
}

#[tokio::test]
async fn maintenance_below_a_root_spares_the_token_endpoint() {
    let play = below().await;
    let (token, refresh) = play.pair_of("ada", "api").await;
    play.gitlab.enters_maintenance();
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
    let post = play.post(&token, "Lanyard", ED25519).await;
    assert_eq!(post.status(), StatusCode::SERVICE_UNAVAILABLE);
}
