use std::time::Duration;

use chrono::TimeDelta;
use forge::{Fault, GitHub, RetryAfter};
use reqwest::{Response, StatusCode};

use crate::support::{ED25519, Play, header, json_of, noon, refused};

/// What a call meets while the fault lasts.
async fn met(play: &Play, fault: Fault) -> Response {
    let token = play.ada().await;
    play.github.fail_with(fault);
    let answer = play.post(&token, "Lanyard", ED25519).await;
    play.github.heal();
    assert!(play.github.keys_of("ada").is_empty());
    assert_eq!(
        play.get("/user/keys", &token).await.status(),
        StatusCode::OK
    );
    answer
}

#[tokio::test]
async fn unavailable_in_json_and_in_html() {
    let play = Play::dot_com().await;
    assert!(
        !refused(met(&play, Fault::Unavailable).await, 503)
            .await
            .is_empty()
    );
    let html = met(&play, Fault::Maintenance).await;
    assert_eq!(html.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        header(&html, "content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(html.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    let mislabelled = met(&play, Fault::MislabelledMaintenance).await;
    assert_eq!(mislabelled.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        header(&mislabelled, "content-type"),
        Some("application/json; charset=utf-8")
    );
    assert!(
        mislabelled
            .text()
            .await
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
}

#[tokio::test]
async fn server_errors_and_bad_gateways() {
    let play = Play::dot_com().await;
    assert_eq!(
        refused(met(&play, Fault::ServerError).await, 500).await,
        "Server Error"
    );
    let gateway = met(&play, Fault::BadGateway).await;
    assert_eq!(gateway.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(
        header(&gateway, "content-type"),
        Some("text/html; charset=utf-8")
    );
}

#[tokio::test]
async fn html_where_json_is_expected() {
    let play = Play::dot_com().await;
    let answer = met(&play, Fault::Html).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn json_that_breaks_off_and_bodies_without_end() {
    let play = Play::dot_com().await;
    let broken = met(&play, Fault::BrokenJson).await;
    assert_eq!(broken.status(), StatusCode::OK);
    broken.json::<serde_json::Value>().await.unwrap_err();
    let huge = met(&play, Fault::Huge(2)).await;
    assert_eq!(huge.bytes().await.unwrap().len(), 2 << 20);
}

#[tokio::test]
async fn a_replica_that_lags_does_not_know_the_token() {
    let play = Play::dot_com().await;
    assert_eq!(
        refused(met(&play, Fault::BadCredentials).await, 401).await,
        "Bad credentials"
    );
}

#[tokio::test]
async fn the_token_endpoint_may_refuse_with_a_code_nobody_knows() {
    let play = Play::dot_com().await;
    let code = play.code("ada", "").await;
    let fault = Fault::OAuthError("slow_moon".to_owned());
    play.github.fail_with(fault.on(GitHub::TOKEN_ROUTE).once());
    assert_eq!(play.token(&[("code", &code)]).await["error"], "slow_moon");
    assert!(play.token(&[("code", &code)]).await["access_token"].is_string());
}

#[tokio::test]
async fn a_lost_accept_header_brings_a_form() {
    let play = Play::dot_com().await;
    play.github
        .fail_with(Fault::AcceptLost.on(GitHub::TOKEN_ROUTE).once());
    let url = format!("{}/login/oauth/access_token", play.github.base_url());
    let answer = play
        .http
        .post(url)
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .starts_with("error=incorrect_client_credentials&")
    );
}

#[tokio::test]
async fn too_many_requests_with_seconds_with_a_date_and_without() {
    let play = Play::dot_com().await;
    let seconds = met(&play, Fault::TooManyRequests(Some(RetryAfter::Seconds(7)))).await;
    assert_eq!(header(&seconds, "retry-after"), Some("7"));
    refused(seconds, 429).await;
    let at = RetryAfter::At(noon() + TimeDelta::minutes(5));
    let dated = met(&play, Fault::TooManyRequests(Some(at))).await;
    assert_eq!(
        header(&dated, "retry-after"),
        Some("Tue, 01 Sep 2026 12:05:00 GMT")
    );
    let silent = met(&play, Fault::TooManyRequests(None)).await;
    assert_eq!(header(&silent, "retry-after"), None);
    refused(silent, 429).await;
}

#[tokio::test]
async fn the_secondary_limit_in_its_four_forms() {
    let play = Play::dot_com().await;
    for status in [403, 429] {
        for retry_after in [None, Some(RetryAfter::Seconds(60))] {
            let answer = met(
                &play,
                Fault::SecondaryLimit {
                    status,
                    retry_after,
                },
            )
            .await;
            assert_eq!(header(&answer, "retry-after"), retry_after.map(|_| "60"));
            let message = refused(answer, status).await;
            assert!(message.starts_with("You have exceeded a secondary rate limit."));
        }
    }
}

#[tokio::test]
async fn a_used_up_budget_and_a_lock() {
    let play = Play::dot_com().await;
    let resets_in = Duration::from_secs(90);
    let answer = met(
        &play,
        Fault::OutOfBudget {
            status: 403,
            resets_in,
        },
    )
    .await;
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("0"));
    let reset = (noon().timestamp() + 90).to_string();
    assert_eq!(header(&answer, "x-ratelimit-reset"), Some(&*reset));
    assert!(
        refused(answer, 403)
            .await
            .starts_with("API rate limit exceeded")
    );
    let locked = refused(met(&play, Fault::LockedOut).await, 403).await;
    assert!(locked.starts_with("Maximum number of login attempts exceeded."));
}

#[tokio::test]
async fn a_fault_strikes_as_often_as_it_is_told_to() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.fail_with(Fault::Unavailable.times(2));
    play.github.fail_with(Fault::ServerError.once());
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(play.get("/user", &token).await.status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 500, 200]);
}

#[tokio::test]
async fn a_fault_strikes_where_it_is_told_to() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::BadGateway.on("POST /user/keys"));
    assert_eq!(
        play.get("/user/keys", &token).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        play.post(&token, "", ED25519).await.status(),
        StatusCode::BAD_GATEWAY
    );
    play.github.heal();
    let id = json_of(play.post(&token, "", ED25519).await).await["id"].clone();
    play.github
        .fail_with(Fault::ServerError.on("DELETE /user/keys/{id}").once());
    let path = format!("/user/keys/{id}");
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn an_api_fault_leaves_signing_in_alone() {
    let play = Play::dot_com().await;
    play.github.fail_with(Fault::Unavailable);
    let token = play.ada().await;
    refused(play.get("/user", &token).await, 503).await;
    play.github.heal();
    let code = play.code("ada", "").await;
    play.github
        .fail_with(Fault::Html.on(GitHub::TOKEN_ROUTE).once());
    let url = format!("{}/login/oauth/access_token", play.github.base_url());
    let answer = play.http.post(url).send().await.unwrap();
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert!(play.token(&[("code", &code)]).await["access_token"].is_string());
}

#[tokio::test]
async fn a_server_that_is_down_is_down_for_everybody() {
    let play = Play::enterprise().await;
    let token = play.ada().await;
    play.github.goes_down();
    for url in [
        play.github.api("/user"),
        play.authorize(&[]),
        format!("{}/ada.keys", play.github.base_url()),
    ] {
        let answer = play.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(
            header(&answer, "content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    play.github.comes_back();
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
}
