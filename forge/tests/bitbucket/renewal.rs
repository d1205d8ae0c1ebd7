use reqwest::StatusCode;

use crate::support::{ACCESS_TOKEN, KEYS, Play, Signed, form_of, problem};

async fn renew(play: &Play, signed: &Signed) -> reqwest::Response {
    let more = [
        ("oauth_token", &*signed.token),
        ("oauth_session_handle", &*signed.handle),
    ];
    play.step(ACCESS_TOKEN, &more).await
}

#[tokio::test]
async fn a_renewal_kills_the_old_token_and_brings_a_new_handle() {
    let play = Play::new().await;
    let old = play.link("ada").await;
    let fields = form_of(renew(&play, &old).await).await;
    let new = Signed {
        token: fields["oauth_token"].clone(),
        handle: fields["oauth_session_handle"].clone(),
    };
    assert!(new.token != old.token && new.handle != old.handle);
    problem(play.get(KEYS, &old.token).await, 401, "token_rejected").await;
    assert_eq!(play.get(KEYS, &new.token).await.status(), StatusCode::OK);
    problem(renew(&play, &old).await, 401, "token_rejected").await;
    assert_eq!(renew(&play, &new).await.status(), StatusCode::OK);
    assert_eq!(play.bitbucket.live_tokens_of("ada"), 1);
}

#[tokio::test]
async fn a_renewal_needs_the_right_handle() {
    let play = Play::new().await;
    let old = play.link("ada").await;
    let without = play
        .step(ACCESS_TOKEN, &[("oauth_token", &old.token)])
        .await;
    let fields = problem(without, 400, "parameter_absent").await;
    assert_eq!(fields["oauth_parameters_absent"], "oauth_session_handle");
    let wrong = Signed {
        handle: "wrong".to_owned(),
        ..old.clone()
    };
    problem(renew(&play, &wrong).await, 401, "token_rejected").await;
    assert_eq!(play.get(KEYS, &old.token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_lives_five_years_and_its_session_thirty_days_more() {
    let play = Play::new().await;
    let (first, second) = (play.link("ada").await, play.link("ada").await);
    play.passes(157_680_000);
    problem(play.get(KEYS, &first.token).await, 401, "token_expired").await;
    assert_eq!(renew(&play, &first).await.status(), StatusCode::OK);
    play.passes(30 * 86_400);
    problem(renew(&play, &second).await, 401, "token_expired").await;
}

#[tokio::test]
async fn whoever_revokes_the_app_ends_token_and_session() {
    let play = Play::new().await;
    let signed = play.link("ada").await;
    play.bitbucket.revoke_grant("ada", "Lanyard");
    problem(play.get(KEYS, &signed.token).await, 401, "token_rejected").await;
    problem(renew(&play, &signed).await, 401, "token_rejected").await;
}
