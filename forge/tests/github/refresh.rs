use reqwest::StatusCode;

use crate::support::{Play, SCOPES, error_of, refused};

#[tokio::test]
async fn an_access_token_dies_after_eight_hours() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.passes(28_799);
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
    play.passes(1);
    assert_eq!(
        refused(play.get("/user", &token).await, 401).await,
        "Bad credentials"
    );
}

#[tokio::test]
async fn refreshing_kills_the_old_pair_at_once() {
    let play = Play::dot_com().await;
    let old = play.link("ada", SCOPES).await;
    let refresh = old["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let new = play.token(&fields).await;
    assert_eq!(new["scope"], old["scope"]);
    assert_ne!(new["refresh_token"], old["refresh_token"]);
    let old_access = old["access_token"].as_str().unwrap();
    assert_eq!(
        refused(play.get("/user", old_access).await, 401).await,
        "Bad credentials"
    );
    let new_access = new["access_token"].as_str().unwrap();
    assert_eq!(play.get("/user", new_access).await.status(), StatusCode::OK);
    let answer = play.token(&fields).await;
    assert_eq!(error_of(&answer), "bad_refresh_token");
    assert_eq!(
        answer["error_description"],
        "The refresh token passed is incorrect or expired."
    );
    assert_eq!(play.get("/user", new_access).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_outlives_the_access_token_by_six_months() {
    let play = Play::dot_com().await;
    let pair = play.link("ada", SCOPES).await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", pair["refresh_token"].as_str().unwrap()),
    ];
    play.passes(15_811_199);
    let renewed = play.token(&fields).await;
    assert!(renewed["access_token"].is_string());
    play.passes(15_811_200);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", renewed["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(error_of(&play.token(&fields).await), "bad_refresh_token");
}

#[tokio::test]
async fn a_refresh_with_a_wrong_secret_is_the_fault_of_the_app() {
    let play = Play::dot_com().await;
    let pair = play.link("ada", SCOPES).await;
    let refresh = pair["refresh_token"].as_str().unwrap();
    let form = [
        ("client_id", &*play.app.client_id),
        ("client_secret", "wrong"),
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
    ];
    assert_eq!(
        error_of(&play.token_as_is(&form).await),
        "incorrect_client_credentials"
    );
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert!(play.token(&fields).await["access_token"].is_string());
}

#[tokio::test]
async fn of_two_who_refresh_at_once_one_loses() {
    let play = Play::dot_com().await;
    let pair = play.link("ada", SCOPES).await;
    let refresh = pair["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (one, two) = tokio::join!(play.token(&fields), play.token(&fields));
    let (winner, loser) = if one["error"].is_null() {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(error_of(&loser), "bad_refresh_token");
    let token = winner["access_token"].as_str().unwrap();
    assert_eq!(play.get("/user", token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_gives_what_the_person_still_grants() {
    let play = Play::dot_com().await;
    let pair = play.link("ada", SCOPES).await;
    play.github
        .grants_at_most("ada", "read:public_key read:user");
    let refresh = pair["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let renewed = play.token(&fields).await;
    assert_eq!(renewed["scope"], "read:public_key,read:user");
    let token = renewed["access_token"].as_str().unwrap();
    assert_eq!(play.get("/user/keys", token).await.status(), StatusCode::OK);
    refused(play.delete("/user/keys/1", token).await, 404).await;
}
