use std::time::Duration;

use forge::{Fault, Gitea, Moment, RetryAfter};

use crate::support::{ED25519, Play, error_of, key, pair, refused};

#[tokio::test]
async fn a_lost_answer_leaves_the_key_behind() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let fault = Fault::LostAnswer.once().on("POST /user/keys");
    play.gitea.fail_with(fault);
    assert_eq!(play.post(&token, "t", ED25519).await.status(), 502);
    assert_eq!(play.gitea.keys_of("ada").len(), 1);
    let words = refused(play.post(&token, "t", ED25519).await, 422).await;
    assert_eq!(words, "Key content has been used as non-deploy key");
}

#[tokio::test]
async fn maintenance_is_html_everywhere_until_it_is_over() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    play.gitea.goes_down();
    let answer = play.get("/user", &first.access).await;
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("<html"));
    assert_eq!(play.refresh(&first.refresh).await.status(), 502);
    play.gitea.comes_back();
    assert_eq!(play.get("/user", &first.access).await.status(), 200);
    pair(play.refresh(&first.refresh).await).await;
}

#[tokio::test]
async fn the_token_endpoint_refuses_on_demand_with_status_400() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    let fault = Fault::OAuthError("server_error".to_owned());
    play.gitea.fail_with(fault.once().on(Gitea::TOKEN_ROUTE));
    let (error, _) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(error, "server_error");
}

#[tokio::test]
async fn a_proxy_may_slow_callers_down() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let wait = Some(RetryAfter::Seconds(30));
    for (fault, status, said) in [
        (Fault::TooManyRequests(wait), 429, Some("30")),
        (Fault::TooManyRequests(None), 429, None),
        (
            Fault::OutOfBudget {
                status: 429,
                resets_in: Duration::from_mins(1),
            },
            429,
            Some("60"),
        ),
    ] {
        play.gitea.fail_with(fault.once());
        let answer = play.get("/user", &token).await;
        assert_eq!(answer.status().as_u16(), status);
        let header = answer.headers().get("retry-after");
        assert_eq!(header.map(|value| value.to_str().unwrap()), said);
    }
}

#[tokio::test]
async fn odd_answers_come_as_they_are_ordered() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    for (fault, status) in [
        (Fault::Html, 200),
        (Fault::BrokenJson, 200),
        (Fault::Huge(1), 200),
        (Fault::ServerError, 500),
        (Fault::Unavailable, 503),
        (Fault::MislabelledMaintenance, 503),
        (Fault::BadCredentials, 401),
        (Fault::LockedOut, 403),
    ] {
        play.gitea.fail_with(fault.clone().once());
        let answer = play.get("/user", &token).await;
        assert_eq!(answer.status().as_u16(), status, "{fault:?}");
    }
}

#[tokio::test]
async fn a_dropped_connection_says_nothing_of_what_was_done() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    for (moment, held) in [(Moment::BeforeEffect, 0), (Moment::AfterEffect, 1)] {
        let fault = Fault::Dropped(moment).once().on("POST /user/keys");
        play.gitea.fail_with(fault);
        let body = serde_json::json!({ "title": "t", "key": key(1) });
        let call = play.call(reqwest::Method::POST, "/user/keys", &token);
        call.json(&body).send().await.unwrap_err();
        assert_eq!(play.gitea.keys_of("ada").len(), held);
    }
}

#[tokio::test]
async fn the_journal_knows_who_asked_and_holds_no_secret() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    play.get("/user", &first.access).await;
    let journal = play.gitea.journal();
    let last = journal.last().unwrap();
    assert_eq!(last.route, "GET /user");
    assert_eq!(last.user.as_deref(), Some("ada"));
    let text = format!("{journal:?}");
    let app = &play.app;
    for secret in [&first.access, &first.refresh, &app.client_secret] {
        assert!(!text.contains(&**secret));
    }
}
