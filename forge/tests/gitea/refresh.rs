use forge::{GiteaOptions, GiteaRefresh};

use crate::support::{CALLBACK, Play, error_of, pair};

/// 730 hours.
const LIFE: u64 = 730 * 3600;

#[tokio::test]
async fn a_refresh_token_may_be_used_again_by_default() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    let second = pair(play.refresh(&first.refresh).await).await;
    let third = pair(play.refresh(&first.refresh).await).await;
    assert_ne!(second.refresh, third.refresh);
    for access in [&first.access, &second.access, &third.access] {
        assert_eq!(play.get("/user", access).await.status(), 200);
    }
}

#[tokio::test]
async fn where_tokens_rotate_a_used_one_is_refused_and_the_newest_lives() {
    let play = Play::forgejo().await;
    let first = play.link("ada", "write:user").await;
    let second = pair(play.refresh(&first.refresh).await).await;
    let (error, why) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "token was already used");
    pair(play.refresh(&second.refresh).await).await;
    // Access tokens live on to their end.
    assert_eq!(play.get("/user", &first.access).await.status(), 200);
}

#[tokio::test]
async fn where_tokens_rotate_a_second_link_ends_the_first_refresh_token() {
    let play = Play::with(GiteaOptions {
        refresh: GiteaRefresh::Rotating,
        ..GiteaOptions::gitea()
    })
    .await;
    let first = play.link("ada", "write:user").await;
    let second = play.link("ada", "write:user").await;
    let (_, why) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(why, "token was already used");
    pair(play.refresh(&second.refresh).await).await;
}

#[tokio::test]
async fn a_refresh_token_lives_for_730_hours() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    play.passes(LIFE - 1);
    pair(play.refresh(&first.refresh).await).await;
    play.passes(1);
    let (error, why) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "unable to parse refresh token");
}

#[tokio::test]
async fn what_is_no_refresh_token_cannot_be_parsed() {
    let play = Play::gitea().await;
    let access = play.ada().await;
    for wrong in ["", "x", &access] {
        let (error, why) = error_of(play.refresh(wrong).await).await;
        assert_eq!(error, "unauthorized_client");
        assert_eq!(why, "unable to parse refresh token");
    }
}

#[tokio::test]
async fn revoking_in_the_settings_ends_both_tokens_at_once() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    play.gitea.revoke_grant("ada", &play.app.client_id);
    assert_eq!(play.get("/user", &first.access).await.status(), 401);
    let (error, why) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(error, "invalid_grant");
    assert_eq!(why, "grant does not exist");
}

#[tokio::test]
async fn a_wrong_secret_is_an_invalid_client_at_refresh() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    let fresh = play.gitea.change_secret(&play.app.client_id);
    let (error, why) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(error, "invalid_client");
    assert_eq!(why, "invalid client secret");
    assert_eq!(play.get("/user", &first.access).await.status(), 200);
    let form = [
        ("client_id", &*play.app.client_id),
        ("client_secret", &fresh),
        ("grant_type", "refresh_token"),
        ("refresh_token", &first.refresh),
    ];
    pair(play.token_as_is(&form).await).await;
}

#[tokio::test]
async fn a_removed_app_is_an_unknown_client() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    play.gitea.remove_app(&play.app.client_id);
    let (error, _) = error_of(play.refresh(&first.refresh).await).await;
    assert_eq!(error, "invalid_client");
    assert_eq!(play.get("/user", &first.access).await.status(), 401);
}

#[tokio::test]
async fn another_app_cannot_use_a_refresh_token() {
    let play = Play::gitea().await;
    let first = play.link("ada", "write:user").await;
    let other = play.gitea.register_app("Other", CALLBACK);
    let form = [
        ("client_id", &*other.client_id),
        ("client_secret", &other.client_secret),
        ("grant_type", "refresh_token"),
        ("refresh_token", &first.refresh),
    ];
    let (error, why) = error_of(play.token_as_is(&form).await).await;
    assert_eq!(error, "invalid_grant");
    assert_eq!(why, "refresh token belongs to a different client");
}
