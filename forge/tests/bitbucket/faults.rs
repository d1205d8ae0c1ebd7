use std::time::Duration;

use chrono::TimeDelta;
use forge::{BitbucketOptions, BitbucketServer, Fault, Moment, RetryAfter};
use reqwest::{Response, StatusCode};

use crate::support::{
    ACCESS_TOKEN, CALLBACK, KEYS, Play, REQUEST_TOKEN, body, header, json_of, key, noon, problem,
    refused,
};

/// What a call meets while the fault lasts.
async fn met(play: &Play, fault: Fault) -> Response {
    let token = play.ada().await;
    play.bitbucket.fail_with(fault);
    let answer = play.post(&token, body(&key(1), "x")).await;
    play.bitbucket.heal();
    assert!(play.bitbucket.keys_of("ada").is_empty());
    assert_eq!(play.get(KEYS, &token).await.status(), StatusCode::OK);
    answer
}

#[tokio::test]
async fn outages_in_json_in_html_and_mislabelled() {
    let play = Play::with(BitbucketOptions::data_center().below("/bitbucket")).await;
    refused(met(&play, Fault::Unavailable).await, 503).await;
    refused(met(&play, Fault::ServerError).await, 500).await;
    let html = met(&play, Fault::Maintenance).await;
    assert_eq!(html.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(html.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    let mislabelled = met(&play, Fault::MislabelledMaintenance).await;
    let kind = header(&mislabelled, "content-type").unwrap();
    assert!(kind.starts_with("application/json"));
    mislabelled.json::<serde_json::Value>().await.unwrap_err();
    assert_eq!(
        met(&play, Fault::BadGateway).await.status(),
        StatusCode::BAD_GATEWAY
    );
    let page = met(&play, Fault::Html).await;
    assert!(page.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    met(&play, Fault::BrokenJson)
        .await
        .json::<serde_json::Value>()
        .await
        .unwrap_err();
    assert_eq!(
        met(&play, Fault::Huge(1))
            .await
            .bytes()
            .await
            .unwrap()
            .len(),
        1 << 20
    );
}

#[tokio::test]
async fn limits_and_locks() {
    let play = Play::new().await;
    let wait = Fault::TooManyRequests(Some(RetryAfter::Seconds(7)));
    let answer = met(&play, wait).await;
    assert_eq!(header(&answer, "retry-after"), Some("7"));
    refused(answer, 429).await;
    let date = RetryAfter::At(noon() + TimeDelta::seconds(60));
    let secondary = Fault::SecondaryLimit {
        status: 429,
        retry_after: Some(date),
    };
    let answer = met(&play, secondary).await;
    assert_eq!(
        header(&answer, "retry-after"),
        Some("Tue, 01 Sep 2026 12:01:00 GMT")
    );
    let budget = Fault::OutOfBudget {
        status: 429,
        resets_in: Duration::from_secs(9),
    };
    refused(met(&play, budget).await, 429).await;
    let locked = met(&play, Fault::LockedOut).await;
    let reason = header(&locked, "x-authentication-denied-reason").unwrap();
    assert!(reason.starts_with("CAPTCHA_CHALLENGE"));
    refused(met(&play, Fault::BadCredentials).await, 401).await;
}

#[tokio::test]
async fn words_of_either_era_on_demand() {
    let play = Play::new().await;
    let words = [
        ("consumer_key_refused", 503),
        ("user_refused", 503),
        ("token_revoked", 401),
        ("additional_authorization_required", 401),
    ];
    for (word, status) in words {
        let fault = Fault::OAuthError(word.to_owned());
        play.bitbucket
            .fail_with(fault.on(BitbucketServer::REQUEST_TOKEN_ROUTE).once());
        let answer = play
            .step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)])
            .await;
        problem(answer, status, word).await;
    }
    let fault = Fault::OAuthError("invalid_client".to_owned());
    play.bitbucket
        .fail_with(fault.on(BitbucketServer::TOKEN_ROUTE).once());
    let answer = play.token(&[]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json_of(answer).await["error"], "invalid_client");
}

#[tokio::test]
async fn a_lost_answer_makes_the_second_try_a_duplicate() {
    let play = Play::new().await;
    let token = play.ada().await;
    play.bitbucket
        .fail_with(Fault::LostAnswer.once().on("POST /ssh/latest/keys"));
    let lost = play.post(&token, body(&key(1), "x")).await;
    assert_eq!(lost.status(), StatusCode::BAD_GATEWAY);
    refused(play.post(&token, body(&key(1), "x")).await, 409).await;
    assert_eq!(play.bitbucket.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_repeated_request_meets_its_own_nonce() {
    let play = Play::new().await;
    let token = play.ada().await;
    play.bitbucket
        .fail_with(Fault::Repeated.once().on("POST /ssh/latest/keys"));
    let answer = play.post(&token, body(&key(1), "x")).await;
    problem(answer, 401, "nonce_used").await;
    assert_eq!(play.bitbucket.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_renewal_may_be_done_and_never_heard_of() {
    let play = Play::new().await;
    let signed = play.link("ada").await;
    play.bitbucket
        .fail_with(Fault::Dropped(Moment::AfterEffect).on(BitbucketServer::ACCESS_TOKEN_ROUTE));
    let url = play.bitbucket.url(ACCESS_TOKEN);
    let more = [
        ("oauth_token", &*signed.token),
        ("oauth_session_handle", &*signed.handle),
    ];
    let header = play.signer().header("POST", &url, &more);
    let call = play.bare(ACCESS_TOKEN, &header);
    call.send().await.unwrap_err();
    play.bitbucket.heal();
    problem(play.get(KEYS, &signed.token).await, 401, "token_rejected").await;
}

#[tokio::test]
async fn going_down_takes_pages_too() {
    let play = Play::new().await;
    play.bitbucket.goes_down();
    for path in ["/status", "/login", KEYS] {
        let answer = play
            .http
            .get(play.bitbucket.url(path))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    play.bitbucket.comes_back();
    let answer = play
        .http
        .get(play.bitbucket.url("/status"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}
