use forge::{GitHubOptions, RedirectRule, WritePace};
use reqwest::{Method, StatusCode};

use crate::support::{Play, header, json_of, key, noon, refused};

async fn limited(hourly_limit: u32) -> Play {
    let options = GitHubOptions {
        hourly_limit: Some(hourly_limit),
        ..GitHubOptions::dot_com()
    };
    Play::with(options, RedirectRule::Exact).await
}

#[tokio::test]
async fn every_answer_tells_the_budget() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let answer = play.get("/user", &token).await;
    assert_eq!(header(&answer, "x-ratelimit-limit"), Some("5000"));
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("4999"));
    assert_eq!(header(&answer, "x-ratelimit-used"), Some("1"));
    assert_eq!(header(&answer, "x-ratelimit-resource"), Some("core"));
    let reset = (noon().timestamp() + 3600).to_string();
    assert_eq!(header(&answer, "x-ratelimit-reset"), Some(&*reset));
}

#[tokio::test]
async fn the_call_after_the_last_is_refused_until_the_hour_is_over() {
    let play = limited(2).await;
    let token = play.ada().await;
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
    let last = play.get("/user", &token).await;
    assert_eq!(header(&last, "x-ratelimit-remaining"), Some("0"));
    assert_eq!(last.status(), StatusCode::OK);
    for _ in 0..2 {
        let over = play.get("/user", &token).await;
        assert_eq!(header(&over, "x-ratelimit-remaining"), Some("0"));
        assert_eq!(header(&over, "x-ratelimit-used"), Some("2"));
        assert_eq!(header(&over, "retry-after"), None);
        assert!(
            refused(over, 403)
                .await
                .starts_with("API rate limit exceeded for user ID ")
        );
    }
    play.passes(3600);
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_budget_is_of_the_person_and_not_of_the_token() {
    let play = limited(2).await;
    let (one, two) = (play.ada().await, play.ada().await);
    play.get("/user", &one).await;
    play.get("/user", &two).await;
    refused(play.get("/user", &one).await, 403).await;
    play.github.add_user("bob");
    let bob = play.token_of("bob", "").await;
    assert_eq!(play.get("/user", &bob).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn over_the_limit_may_be_429() {
    let options = GitHubOptions {
        hourly_limit: Some(0),
        over_limit_status: 429,
        ..GitHubOptions::dot_com()
    };
    let play = Play::with(options, RedirectRule::Exact).await;
    let token = play.ada().await;
    let answer = play.get("/user", &token).await;
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("0"));
    refused(answer, 429).await;
}

#[tokio::test]
async fn asking_for_the_budget_is_free() {
    let play = limited(2).await;
    let token = play.ada().await;
    play.get("/user", &token).await;
    for _ in 0..3 {
        let budget = json_of(play.get("/rate_limit", &token).await).await;
        assert_eq!(budget["resources"]["core"]["limit"], 2);
        assert_eq!(budget["resources"]["core"]["remaining"], 1);
        assert_eq!(budget["rate"]["used"], 1);
    }
    let nobody = play
        .http
        .get(play.github.api("/rate_limit"))
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), StatusCode::OK);
}

#[tokio::test]
async fn enterprise_server_has_no_budget_unless_it_is_switched_on() {
    let play = Play::enterprise().await;
    let token = play.ada().await;
    let answer = play.get("/user", &token).await;
    assert_eq!(header(&answer, "x-ratelimit-limit"), None);
    assert_eq!(
        refused(play.get("/rate_limit", &token).await, 404).await,
        "Not Found"
    );
    let on = GitHubOptions {
        hourly_limit: Some(9),
        ..GitHubOptions::enterprise()
    };
    let play = Play::with(on, RedirectRule::Prefix).await;
    let answer = play.get("/user", &play.ada().await).await;
    assert_eq!(header(&answer, "x-ratelimit-limit"), Some("9"));
}

#[tokio::test]
async fn writing_twice_in_a_second_is_punished_for_a_minute() {
    let options = GitHubOptions {
        write_pace: WritePace::OncePerSecond,
        ..GitHubOptions::dot_com()
    };
    let play = Play::with(options, RedirectRule::Exact).await;
    let token = play.ada().await;
    assert_eq!(
        play.post(&token, "", &key(1)).await.status(),
        StatusCode::CREATED
    );
    play.passes(1);
    assert_eq!(
        play.post(&token, "", &key(2)).await.status(),
        StatusCode::CREATED
    );
    let answer = play.post(&token, "", &key(3)).await;
    assert_eq!(header(&answer, "retry-after"), Some("60"));
    let message = refused(answer, 403).await;
    assert!(message.starts_with("You have exceeded a secondary rate limit."));
    play.passes(59);
    let still = play
        .call(Method::GET, "/user/keys", &token)
        .send()
        .await
        .unwrap();
    assert_eq!(header(&still, "retry-after"), Some("1"));
    refused(still, 403).await;
    play.passes(1);
    assert_eq!(
        play.post(&token, "", &key(3)).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(play.github.keys_of("ada").len(), 3);
}

#[tokio::test]
async fn reading_has_no_pace() {
    let options = GitHubOptions {
        write_pace: WritePace::OncePerSecond,
        ..GitHubOptions::dot_com()
    };
    let play = Play::with(options, RedirectRule::Exact).await;
    let token = play.ada().await;
    for _ in 0..5 {
        assert_eq!(
            play.get("/user/keys", &token).await.status(),
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn calls_without_a_token_share_a_small_budget() {
    let play = Play::dot_com().await;
    let meta = || play.http.get(play.github.api("/meta")).send();
    assert_eq!(
        header(&meta().await.unwrap(), "x-ratelimit-limit"),
        Some("60")
    );
    for _ in 1..60 {
        assert_eq!(meta().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(
        refused(meta().await.unwrap(), 403).await,
        "API rate limit exceeded."
    );
    assert_eq!(
        play.get("/meta", &play.ada().await).await.status(),
        StatusCode::OK
    );
}
