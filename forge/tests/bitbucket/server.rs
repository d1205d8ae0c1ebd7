use forge::{BitbucketOptions, BitbucketSsh, BitbucketState};
use reqwest::StatusCode;

use crate::support::{KEYS, PROPERTIES, Play, header, json_of, refused};

async fn ask(play: &Play, path: &str) -> reqwest::Response {
    play.http
        .get(play.bitbucket.url(path))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn the_status_says_maintenance_with_two_hundred() {
    let play = Play::new().await;
    let states = [
        (BitbucketState::Maintenance, 200, "MAINTENANCE"),
        (BitbucketState::FirstRun, 200, "FIRST_RUN"),
        (BitbucketState::Starting, 503, "STARTING"),
        (BitbucketState::Error, 500, "ERROR"),
    ];
    for (state, status, word) in states {
        play.bitbucket.set_state(state);
        let answer = ask(&play, "/status").await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(json_of(answer).await["state"], word);
        let other = ask(&play, PROPERTIES).await;
        assert_eq!(other.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    play.bitbucket.set_state(BitbucketState::Running);
    assert_eq!(
        json_of(ask(&play, "/status").await).await["state"],
        "RUNNING"
    );
    assert_eq!(ask(&play, PROPERTIES).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_probe_tells_whether_there_is_oauth_two() {
    let probe = "/rest/oauth2/1.0/client";
    let new = Play::new().await;
    refused(ask(&new, probe).await, 401).await;
    let old = Play::with(BitbucketOptions::server()).await;
    assert_eq!(ask(&old, probe).await.status(), StatusCode::NOT_FOUND);
    for path in [
        "/rest/oauth2/latest/authorize?client_id=x",
        "/rest/oauth2/latest/token",
    ] {
        let status = ask(&old, path).await.status();
        assert!(status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(
        json_of(ask(&old, PROPERTIES).await).await["version"],
        "7.6.16"
    );
}

#[tokio::test]
async fn pages_ask_to_log_in_and_the_api_says_not_found() {
    let play = Play::new().await;
    let page = ask(&play, "/projects/SEC").await;
    assert_eq!(page.status(), StatusCode::FOUND);
    let login = header(&page, "location").unwrap().to_owned();
    assert_eq!(login, play.bitbucket.url("/login?next=%2Fprojects%2FSEC"));
    assert_eq!(
        play.http.get(login).send().await.unwrap().status(),
        StatusCode::OK
    );
    refused(ask(&play, "/rest/none").await, 401).await;
    let token = play.ada().await;
    assert_eq!(
        play.get("/rest/none", &token).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_settings_tell_port_and_fingerprint() {
    let play = Play::new().await;
    let token = play.ada().await;
    let settings = json_of(play.get("/rest/ssh/latest/settings", &token).await).await;
    assert_eq!(settings["enabled"], true);
    assert_eq!(settings["port"], 7999);
    assert_eq!(settings["fingerprint"]["algorithm"], "MD5");
    play.bitbucket.set_ssh(BitbucketSsh {
        enabled: false,
        fingerprint: "SHA256:abc".to_owned(),
        ..BitbucketSsh::default()
    });
    let settings = json_of(play.get("/rest/ssh/latest/settings", &token).await).await;
    assert_eq!(settings["enabled"], false);
    assert_eq!(settings["fingerprint"]["value"], "SHA256:abc");
}

#[tokio::test]
async fn latest_and_one_dot_zero_are_the_same() {
    let play = Play::with(BitbucketOptions::data_center().below("/bitbucket")).await;
    let token = play.ada().await;
    let old = KEYS.replace("latest", "1.0");
    assert_eq!(
        json_of(play.get(KEYS, &token).await).await,
        json_of(play.get(&old, &token).await).await
    );
}
