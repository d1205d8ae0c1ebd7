use std::time::Duration;

use forge::{Fault, Moment};
use reqwest::{Method, StatusCode};

use crate::support::{ED25519, Play, json_of, refused};

#[tokio::test]
async fn a_connection_dropped_before_the_effect_did_nothing() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::Dropped(Moment::BeforeEffect).once());
    let error = play.posting(&token, "", ED25519).send().await.unwrap_err();
    assert!(!error.is_timeout() && error.status().is_none());
    assert!(play.github.keys_of("ada").is_empty());
    let entry = play.github.journal().pop().unwrap();
    assert_eq!((entry.decided, entry.answered), (None, None));
}

#[tokio::test]
async fn a_connection_dropped_after_the_effect_did_all() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::Dropped(Moment::AfterEffect).once());
    play.posting(&token, "", ED25519).send().await.unwrap_err();
    assert_eq!(play.github.keys_of("ada").len(), 1);
    let entry = play.github.journal().pop().unwrap();
    assert_eq!((entry.decided, entry.answered), (Some(201), None));
    assert_eq!(entry.user.as_deref(), Some("ada"));
}

#[tokio::test]
async fn an_answer_that_never_comes_leaves_the_key_behind() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::Silent(Moment::AfterEffect).on("POST /user/keys"));
    let call = tokio::spawn(play.posting(&token, "", ED25519).send());
    play.github
        .until(|journal| journal.last().unwrap().decided == Some(201))
        .await;
    assert_eq!(play.github.keys_of("ada").len(), 1);
    assert!(!call.is_finished());
    assert_eq!(
        play.get("/user/keys", &token).await.status(),
        StatusCode::OK
    );
    play.github.heal();
    call.await.unwrap().unwrap_err();
    let entries = play.github.journal();
    let post = entries
        .iter()
        .find(|entry| entry.route == "POST /user/keys")
        .unwrap();
    assert_eq!(post.answered, None);
}

#[tokio::test]
async fn a_server_that_says_nothing_did_nothing() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::Silent(Moment::BeforeEffect).once());
    let request = play
        .posting(&token, "", ED25519)
        .timeout(Duration::from_millis(20));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert!(play.github.keys_of("ada").is_empty());
}

#[tokio::test]
async fn a_caller_who_stops_waiting_still_left_a_key() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::Silent(Moment::AfterEffect).once());
    let call = tokio::spawn(play.posting(&token, "", ED25519).send());
    play.github
        .until(|journal| journal.last().unwrap().decided == Some(201))
        .await;
    call.abort();
    assert_eq!(play.github.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_lost_answer_makes_the_second_try_a_duplicate() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.fail_with(Fault::LostAnswer.once());
    let first = play.post(&token, "", ED25519).await;
    assert_eq!(first.status(), StatusCode::BAD_GATEWAY);
    refused(play.post(&token, "", ED25519).await, 422).await;
    assert_eq!(play.github.keys_of("ada").len(), 1);
    let id = play.github.keys_of("ada")[0].id;
    let path = format!("/user/keys/{id}");
    play.github
        .fail_with(Fault::LostAnswer.on("DELETE /user/keys/{id}").once());
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_repeated_request_is_told_that_it_came_second() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.fail_with(Fault::Repeated.once());
    refused(play.post(&token, "", ED25519).await, 422).await;
    assert_eq!(play.github.keys_of("ada").len(), 1);
    let id = play.github.keys_of("ada")[0].id;
    play.github.fail_with(Fault::Repeated.once());
    let gone = play.delete(&format!("/user/keys/{id}"), &token).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert!(play.github.keys_of("ada").is_empty());
}

#[tokio::test]
async fn a_held_request_is_served_when_the_fault_is_over() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.fail_with(Fault::Held);
    let call = tokio::spawn(play.posting(&token, "", ED25519).send());
    play.github
        .until(|journal| journal.last().unwrap().route == "POST /user/keys")
        .await;
    assert!(play.github.keys_of("ada").is_empty());
    play.github.heal();
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_slow_answer_comes_all_the_same() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github
        .fail_with(Fault::Slow(Duration::from_millis(1)).once());
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn dropping_the_server_lets_go_of_its_port_and_its_callers() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let Play { github, http, .. } = play;
    github.fail_with(Fault::Silent(Moment::BeforeEffect));
    let url = github.api("/user");
    let call = tokio::spawn(http.get(&url).bearer_auth(token).send());
    github
        .until(|journal| journal.last().unwrap().route == "GET /user")
        .await;
    let address = github.base_url().trim_start_matches("http://").to_owned();
    drop(github);
    call.await.unwrap().unwrap_err();
    for _ in 0..100_000 {
        if tokio::net::TcpListener::bind(&address).await.is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("somebody still listens on {address}");
}

#[tokio::test]
async fn the_journal_tells_who_asked_for_what_and_no_secret() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let id = json_of(play.post(&token, "", ED25519).await).await["id"].clone();
    play.passes(5);
    play.delete(&format!("/user/keys/{id}"), &token).await;
    play.manage(Method::DELETE, "token", &token).await;
    assert_eq!(play.github.calls("POST /user/keys"), 1);
    assert_eq!(play.github.calls("POST /login/oauth/access_token"), 1);
    let journal = play.github.journal();
    let deleted = journal
        .iter()
        .find(|entry| entry.route == "DELETE /user/keys/{id}")
        .unwrap();
    assert_eq!(deleted.path, format!("/api/v3/user/keys/{id}"));
    assert_eq!(deleted.user.as_deref(), Some("ada"));
    assert_eq!((deleted.decided, deleted.answered), (Some(204), Some(204)));
    assert_eq!(deleted.at, play.clock.now());
    let managed = journal.last().unwrap();
    assert_eq!(managed.route, "DELETE /applications/{client_id}/token");
    assert_eq!(managed.user.as_deref(), Some("ada"));
    let exchange = journal
        .iter()
        .find(|entry| entry.path.ends_with("access_token"))
        .unwrap();
    assert_eq!(exchange.user.as_deref(), Some("ada"));
    let text = format!("{journal:?}");
    assert!(!text.contains(&token) && !text.contains(&play.app.client_secret));
    assert!(!text.contains("code=") && !text.contains("AAAAC3"));
}
