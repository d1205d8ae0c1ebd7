use domain::{Blame, ReasonCode};
use lanyard::providers::GrantVerdict;

use super::support::{Play, after, assert_blames, key};

#[tokio::test]
async fn writes_wait_while_reads_and_refreshes_go_on() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    let made = play.created(&tokens.access, &key(1)).await;
    play.gitlab.enters_maintenance();
    let adding = play.add(&tokens.access, &key(2)).await.unwrap_err();
    let removing = play
        .adapter
        .remove_key(&play.app, &tokens.access, &made.id)
        .await
        .unwrap_err();
    for failure in [adding, removing] {
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderError,
            GrantVerdict::Unknown,
        );
        assert_eq!(failure.not_before, Some(after(300)));
        let words = "GitLab is in maintenance mode: it can be read, and not changed";
        assert_eq!(failure.failure.detail.as_deref(), Some(words));
    }
    assert_eq!(play.list(&tokens.access).await.unwrap(), [made]);
    let new = play.adapter.refresh(&play.app, &tokens).await.unwrap();
    assert!(play.adapter.identify(&play.app, &new.access).await.is_ok());
    play.gitlab.leaves_maintenance();
    play.created(&new.access, &key(2)).await;
}

#[tokio::test]
async fn a_link_can_be_made_in_maintenance_mode_once_the_person_agreed() {
    let play = Play::start().await;
    let (begun, code) = play.consent("ada").await;
    play.gitlab.enters_maintenance();
    let tokens = play
        .adapter
        .exchange(&play.app, &code, begun.kept.as_ref())
        .await
        .unwrap();
    assert!(
        play.adapter
            .identify(&play.app, &tokens.access)
            .await
            .is_ok()
    );
}
