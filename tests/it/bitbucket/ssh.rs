//! What Bitbucket tells of its SSH server.

use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::{BitbucketSsh, Fault};
use lanyard::providers::{GrantVerdict, SshServer};
use lanyard::vault::Secret;

use super::support::{Canned, Play, answer, assert_blames};

#[tokio::test]
async fn whoever_is_linked_is_told_of_the_ssh_server() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        play.bitbucket.set_ssh(BitbucketSsh {
            base_url: "ssh://ssh.example.com:7998".to_owned(),
            fingerprint: "SHA256:abc".to_owned(),
            ..BitbucketSsh::default()
        });
        let told = play.adapter.ssh_server(&play.app, &access).await.unwrap();
        let server = SshServer {
            enabled: true,
            place: Some(("ssh.example.com".to_owned(), 7998)),
            fingerprint: Some("SHA256:abc".to_owned()),
        };
        assert_eq!(told, Some(server));
        let nobody = Secret::from("made-up");
        let failure = play.adapter.ssh_server(&play.app, &nobody).await;
        assert_eq!(failure.unwrap_err().failure.blame, Blame::Grant);
        play.bitbucket.fail_with(Fault::BadGateway.once());
        let failure = play.adapter.ssh_server(&play.app, &access).await;
        assert_blames(
            &failure.unwrap_err(),
            Blame::Provider,
            ReasonCode::ProviderError,
            GrantVerdict::Unknown,
        );
    }
}

#[tokio::test]
async fn versions_that_leave_something_out_are_taken_as_they_are() {
    for (body, enabled, fingerprint) in [
        (r#"{"enabled":false}"#, false, None),
        (r#"{"enabled":true,"fingerprint":null}"#, true, None),
        (r#"{"enabled":true,"fingerprint":{"value":""}}"#, true, None),
        (
            r#"{"enabled":true,"fingerprint":{"algorithm":"RSA","value":"97:8c"}}"#,
            true,
            Some("97:8c"),
        ),
    ] {
        let canned = Canned::answering(Protocol::Oauth2, move |_| answer(200, &[], body)).await;
        let access = Secret::from("t");
        let told = canned.adapter.ssh_server(&canned.app, &access).await;
        let server = told.unwrap().unwrap();
        assert_eq!(server.enabled, enabled, "{body}");
        assert_eq!(server.fingerprint.as_deref(), fingerprint, "{body}");
    }
    let html = Canned::answering(Protocol::Oauth2, |_| answer(200, &[], "<html>")).await;
    let told = html.adapter.ssh_server(&html.app, &Secret::from("t")).await;
    let code = told.unwrap_err().failure.code;
    assert_eq!(code, ReasonCode::ProviderProtocol);
}
