use std::time::Duration;

use forge::{Fault, GitLab, Moment, RetryAfter};
use reqwest::{Response, StatusCode};

use crate::support::{ED25519, Play, doorkeeper, header, json_of, refused};

/// What a call meets while the fault lasts.
async fn met(play: &Play, fault: Fault) -> Response {
    let token = play.ada().await;
    play.gitlab.fail_with(fault);
    let answer = play.post(&token, "Lanyard", ED25519).await;
    play.gitlab.heal();
    assert!(play.gitlab.keys_of("ada").is_empty());
    let list = play.get("/user/keys", &token).await;
    assert_eq!(list.status(), StatusCode::OK);
    answer
}

#[tokio::test]
async fn outages_come_as_json_as_html_and_as_html_labelled_json() {
    let play = Play::start().await;
    let json = met(&play, Fault::Unavailable).await;
    assert_eq!(refused(json, 503).await, "503 Service Unavailable");
    for (fault, status, kind) in [
        (Fault::BadGateway, 502, "text/html; charset=utf-8"),
        (Fault::Maintenance, 503, "text/html; charset=utf-8"),
        (Fault::MislabelledMaintenance, 503, "application/json"),
        (Fault::Html, 200, "text/html; charset=utf-8"),
    ] {
        let answer = met(&play, fault).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(header(&answer, "content-type"), Some(kind));
        assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    }
    let error = met(&play, Fault::ServerError).await;
    assert_eq!(refused(error, 500).await, "500 Internal Server Error");
}

#[tokio::test]
async fn whoops_takes_everything_down() {
    let play = Play::start().await;
    let (token, refresh) = play.pair_of("ada", "api").await;
    play.gitlab.goes_down();
    for answer in [
        play.get("/user", &token).await,
        play.refresh(&refresh).await,
    ] {
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        let page = answer.text().await.unwrap();
        assert!(page.contains("Whoops, GitLab is taking too much time to respond."));
    }
    play.gitlab.comes_back();
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn limits_come_with_and_without_headers() {
    let play = Play::start().await;
    let wait = Some(RetryAfter::Seconds(30));
    let plain = met(&play, Fault::TooManyRequests(wait)).await;
    assert_eq!(plain.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&plain, "retry-after"), Some("30"));
    assert_eq!(plain.text().await.unwrap(), "Retry later\n");
    let own = Fault::SecondaryLimit {
        status: 429,
        retry_after: None,
    };
    let own = met(&play, own).await;
    assert_eq!(header(&own, "retry-after"), None);
    assert_eq!(own.status(), StatusCode::TOO_MANY_REQUESTS);
    let spent = Fault::OutOfBudget {
        status: 429,
        resets_in: Duration::from_secs(50),
    };
    let spent = met(&play, spent).await;
    assert_eq!(header(&spent, "retry-after"), Some("50"));
    assert_eq!(header(&spent, "ratelimit-remaining"), Some("0"));
    let banned = met(&play, Fault::LockedOut).await;
    assert_eq!(banned.status(), StatusCode::FORBIDDEN);
    assert_eq!(banned.text().await.unwrap(), "Forbidden\n");
}

#[tokio::test]
async fn a_replica_that_lags_does_not_know_the_token() {
    let play = Play::start().await;
    let answer = met(&play, Fault::BadCredentials).await;
    assert_eq!(refused(answer, 401).await, "401 Unauthorized");
}

#[tokio::test]
async fn the_token_endpoint_may_refuse_with_any_code() {
    let play = Play::start().await;
    for (code, status) in [("slow_moon", 400), ("invalid_client", 401)] {
        let fault = Fault::OAuthError(code.to_owned());
        play.gitlab.fail_with(fault.on(GitLab::TOKEN_ROUTE).once());
        doorkeeper(play.exchange("any").await, status, code).await;
    }
}

#[tokio::test]
async fn json_that_breaks_off_and_bodies_without_end() {
    let play = Play::start().await;
    let broken = met(&play, Fault::BrokenJson).await;
    broken.json::<serde_json::Value>().await.unwrap_err();
    let huge = met(&play, Fault::Huge(2)).await;
    assert_eq!(huge.bytes().await.unwrap().len(), 2 << 20);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_key_and_the_new_pair_behind() {
    let play = Play::start().await;
    let (token, refresh) = play.pair_of("ada", "api").await;
    play.gitlab
        .fail_with(Fault::LostAnswer.once().on("POST /user/keys"));
    let lost = play.post(&token, "Lanyard", ED25519).await;
    assert_eq!(lost.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(play.gitlab.keys_of("ada").len(), 1);
    let fault = Fault::Dropped(Moment::AfterEffect);
    play.gitlab.fail_with(fault.once().on(GitLab::TOKEN_ROUTE));
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*refresh),
    ];
    let mut form = form.to_vec();
    form.push(("client_id", &play.app.client_id));
    form.push(("client_secret", &play.app.client_secret));
    form.push(("redirect_uri", crate::support::CALLBACK));
    let call = play.http.post(play.url("/oauth/token")).form(&form);
    call.send().await.unwrap_err();
    let answer = play.get("/user", &token).await;
    assert_eq!(json_of(answer).await["error"], "invalid_token");
    doorkeeper(play.refresh(&refresh).await, 400, "invalid_grant").await;
}
