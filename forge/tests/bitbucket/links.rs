use reqwest::StatusCode;

use crate::support::{CALLBACK, CONSUMER, KEYS, Play, json_of};

#[tokio::test]
async fn both_eras_live_side_by_side() {
    let play = Play::new().await;
    let signed = play.link("ada").await;
    let pair = play.link2("ada").await;
    assert_eq!(play.bitbucket.live_tokens_of("ada"), 2);
    play.bitbucket.revoke_grant("ada", CONSUMER);
    assert_eq!(play.bitbucket.live_tokens_of("ada"), 1);
    assert_eq!(
        play.get(KEYS, &signed.token).await.status(),
        StatusCode::UNAUTHORIZED
    );
    play.bitbucket.revoke_grant("ada", &play.client.client_id);
    assert_eq!(play.bitbucket.live_tokens_of("ada"), 0);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", pair["refresh_token"].as_str().unwrap()),
    ];
    let answer = json_of(play.token(&fields).await).await;
    assert_eq!(answer["error"], "invalid_grant");
}

#[tokio::test]
async fn revoking_leaves_the_keys() {
    let play = Play::new().await;
    let token = play.ada().await;
    let text = crate::support::key(1);
    let created = play.post(&token, crate::support::body(&text, "x")).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    play.bitbucket.revoke_grant("ada", CONSUMER);
    assert_eq!(play.bitbucket.keys_of("ada").len(), 1);
}

#[tokio::test]
#[should_panic(expected = "is not a URL")]
async fn an_incoming_link_needs_a_redirect_url() {
    let play = Play::new().await;
    play.bitbucket.add_incoming_link("x", "not a URL", &[]);
}

#[tokio::test]
#[should_panic(expected = "no practice link has the consumer key")]
async fn a_key_is_replaced_on_a_link_that_is_there() {
    let play = Play::new().await;
    let pem = &crate::signer::ours().public_pem;
    play.bitbucket.replace_public_key(CALLBACK, pem);
}
