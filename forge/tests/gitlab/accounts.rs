use forge::GitLabAccount as Account;
use reqwest::StatusCode;

use crate::support::{Play, key, refused};

#[tokio::test]
async fn an_account_that_is_not_active_is_forbidden_and_told_why() {
    let play = Play::start().await;
    let token = play.ada().await;
    for (account, words) in [
        (Account::Blocked, "Your account has been blocked."),
        (Account::PendingApproval, "Your account is pending approval"),
        (Account::Deactivated, "Your account has been deactivated"),
        (
            Account::TermsNotAccepted,
            "You (@ada) must accept the Terms",
        ),
        (Account::Unconfirmed, "Your primary email address is not"),
        (Account::PasswordExpired, "Your password expired."),
    ] {
        play.gitlab.set_account("ada", account);
        for answer in [
            play.get("/user", &token).await,
            play.post(&token, "Lanyard", &key(1)).await,
        ] {
            let message = refused(answer, 403).await;
            let start = format!("403 Forbidden - {words}");
            assert!(message.as_str().unwrap().starts_with(&start), "{message}");
        }
    }
}

#[tokio::test]
async fn a_block_that_is_taken_back_leaves_everything_as_it_was() {
    let play = Play::start().await;
    let (token, refresh) = play.pair_of("ada", "api").await;
    play.post(&token, "Lanyard", &key(1)).await;
    play.gitlab.block_user("ada");
    play.gitlab.unblock_user("ada");
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
    assert_eq!(play.gitlab.keys_of("ada").len(), 1);
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
}
