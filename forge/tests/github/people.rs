use forge::{GitHub, GitHubOptions};
use reqwest::StatusCode;

use crate::support::{CALLBACK, ECDSA, ED25519, Play, SCOPES, refused};

#[tokio::test]
async fn revoking_the_app_kills_its_tokens_and_keys() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.post(&token, "Lanyard", ED25519).await;
    play.github.paste_key("ada", "laptop", ECDSA).unwrap();
    play.github.revoke_grant("ada", &play.app.client_id);
    assert_eq!(
        refused(play.get("/user", &token).await, 401).await,
        "Bad credentials"
    );
    let left: Vec<_> = play
        .github
        .keys_of("ada")
        .into_iter()
        .map(|key| key.title)
        .collect();
    assert_eq!(left, ["laptop"]);
    assert_eq!(play.github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_person_can_remove_a_key_in_the_page() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.post(&token, "Lanyard", ED25519).await;
    let id = play.github.keys_of("ada")[0].id;
    assert!(play.github.remove_key("ada", id));
    assert!(!play.github.remove_key("ada", id));
    refused(play.get(&format!("/user/keys/{id}"), &token).await, 404).await;
}

#[tokio::test]
async fn a_person_cannot_paste_a_key_that_is_in_use() {
    let play = Play::dot_com().await;
    play.github.paste_key("ada", "one", ED25519).unwrap();
    let refusal = play.github.paste_key("ada", "two", ED25519).unwrap_err();
    assert_eq!(refusal, "key is already in use");
}

#[tokio::test]
async fn a_changed_secret_costs_nobody_their_token() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.change_secret(&play.app.client_id);
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
    let code = play.code("ada", SCOPES).await;
    assert_eq!(
        play.token(&[("code", &code)]).await["error"],
        "incorrect_client_credentials"
    );
}

#[tokio::test]
async fn adding_a_person_twice_finds_them() {
    let play = Play::dot_com().await;
    assert_eq!(play.github.add_user("Ada"), play.github.add_user("ada"));
}

#[tokio::test]
#[should_panic(expected = "no practice person has the login nobody")]
async fn an_unknown_person_is_a_mistake_in_the_test() {
    Play::dot_com().await.github.suspend_user("nobody");
}

#[tokio::test]
async fn servers_stand_side_by_side() {
    let one = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    let two = GitHub::start(GitHubOptions::enterprise()).await.unwrap();
    assert_ne!(one.base_url(), two.base_url());
    one.add_user("ada");
    one.paste_key("ada", "laptop", ED25519).unwrap();
    two.add_user("ada");
    assert!(two.keys_of("ada").is_empty());
    two.register_app("Lanyard", CALLBACK, forge::RedirectRule::Prefix);
}
