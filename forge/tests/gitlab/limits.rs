use forge::GitLabOptions;
use reqwest::StatusCode;

use crate::support::{Play, header};

async fn tight() -> Play {
    let options = GitLabOptions {
        per_minute: Some(2),
        anonymous_per_minute: 1,
        ..GitLabOptions::dot_com()
    };
    Play::with(options).await
}

#[tokio::test]
async fn the_minute_is_told_in_every_answer() {
    let play = tight().await;
    let token = play.ada().await;
    play.passes(20);
    let answer = play.get("/user", &token).await;
    let reset = play.clock.now().timestamp() + 40;
    for (name, value) in [
        ("ratelimit-limit", "2".to_owned()),
        ("ratelimit-observed", "1".to_owned()),
        ("ratelimit-remaining", "1".to_owned()),
        ("ratelimit-reset", reset.to_string()),
        (
            "ratelimit-resettime",
            "Tue, 01 Sep 2026 12:01:00 GMT".to_owned(),
        ),
        ("ratelimit-name", "throttle_authenticated_api".to_owned()),
    ] {
        assert_eq!(header(&answer, name), Some(&*value), "{name}");
    }
    assert_eq!(header(&answer, "retry-after"), None);
}

#[tokio::test]
async fn who_is_over_the_limit_is_told_in_plain_text_to_come_back() {
    let play = tight().await;
    let token = play.ada().await;
    play.passes(20);
    play.get("/user", &token).await;
    play.get("/user", &token).await;
    let answer = play.get("/user", &token).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "content-type"), Some("text/plain"));
    assert_eq!(header(&answer, "retry-after"), Some("40"));
    assert_eq!(header(&answer, "ratelimit-remaining"), Some("0"));
    assert_eq!(answer.text().await.unwrap(), "Retry later\n");
    play.passes(39);
    let status = play.get("/user", &token).await.status();
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    play.passes(1);
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_limit_is_each_persons_own() {
    let play = tight().await;
    play.gitlab.add_user("bob");
    let (ada, bob) = (play.ada().await, play.token_of("bob", "api").await);
    for _ in 0..3 {
        play.get("/user", &ada).await;
    }
    assert_eq!(play.get("/user", &bob).await.status(), StatusCode::OK);
    let nobody = async || {
        let call = play.http.get(play.gitlab.api("/version"));
        call.send().await.unwrap().status()
    };
    assert_eq!(nobody().await, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody().await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_server_of_ones_own_has_no_limit_and_no_headers() {
    let play = Play::start().await;
    let answer = play.get("/user", &play.ada().await).await;
    assert_eq!(header(&answer, "ratelimit-limit"), None);
}
