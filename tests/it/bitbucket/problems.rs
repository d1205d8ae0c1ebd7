//! Every `oauth_problem`, with the class that it falls into.

use chrono::TimeDelta;
use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::{BitbucketOptions, BitbucketServer, Fault};
use lanyard::providers::GrantVerdict;

use super::support::{Canned, Play, another_key, answer, assert_blames, our_key, pem, words};

/// Word; who is to blame for what; what it says of the grant at the API, and at a renewal.
type Row = (&'static str, Blame, ReasonCode, GrantVerdict, GrantVerdict);

const ROWS: &[Row] = {
    use Blame::{App, Grant, Provider, Us};
    use GrantVerdict::{Expired, Lost, Unknown};
    use ReasonCode as R;
    &[
        ("token_rejected", Grant, R::GrantRevoked, Expired, Lost),
        ("token_revoked", Grant, R::GrantRevoked, Expired, Lost),
        ("token_used", Grant, R::GrantRevoked, Expired, Lost),
        ("token_expired", Grant, R::GrantExpired, Expired, Lost),
        ("permission_denied", Grant, R::GrantRevoked, Expired, Lost),
        ("user_refused", Grant, R::GrantRevoked, Lost, Lost),
        ("permission_unknown", Grant, R::GrantExpired, Lost, Lost),
        (
            "additional_authorization_required",
            Grant,
            R::ScopeMissing,
            Unknown,
            Unknown,
        ),
        (
            "consumer_key_unknown",
            App,
            R::AppCredentialsInvalid,
            Unknown,
            Unknown,
        ),
        (
            "consumer_key_rejected",
            App,
            R::AppCredentialsInvalid,
            Unknown,
            Unknown,
        ),
        (
            "consumer_key_refused",
            App,
            R::AppCredentialsInvalid,
            Unknown,
            Unknown,
        ),
        (
            "signature_invalid",
            App,
            R::AppCredentialsInvalid,
            Unknown,
            Unknown,
        ),
        (
            "signature_method_rejected",
            App,
            R::AppCredentialsInvalid,
            Unknown,
            Unknown,
        ),
        ("timestamp_refused", App, R::ClockSkew, Unknown, Unknown),
        (
            "parameter_absent",
            Us,
            R::ProviderProtocol,
            Unknown,
            Unknown,
        ),
        (
            "parameter_rejected",
            Us,
            R::ProviderProtocol,
            Unknown,
            Unknown,
        ),
        (
            "version_rejected",
            Us,
            R::ProviderProtocol,
            Unknown,
            Unknown,
        ),
        ("nonce_used", Provider, R::ProviderError, Unknown, Unknown),
        (
            "no_such_problem",
            Provider,
            R::ProviderProtocol,
            Unknown,
            Unknown,
        ),
    ]
};

#[tokio::test]
async fn each_problem_is_blamed_on_whoever_can_mend_it() {
    for (word, blame, code, at_the_api, at_renewal) in ROWS {
        let challenge = format!("OAuth realm=\"x\", oauth_problem=\"{word}\"");
        let body = format!("oauth_problem={word}");
        // In the challenge, in the body, or in both: versions differ.
        for (challenge, body) in [
            (challenge.clone(), String::new()),
            (String::new(), body.clone()),
            (challenge, body),
        ] {
            let canned = Canned::answering(Protocol::Oauth1, move |_| {
                let headers = [("www-authenticate", challenge.as_str())];
                let headers = if challenge.is_empty() {
                    &[][..]
                } else {
                    &headers
                };
                answer(401, headers, body.clone())
            })
            .await;
            let access = "the-token".into();
            let failure = canned.adapter.list_keys(&canned.app, &access).await;
            assert_blames(&failure.unwrap_err(), *blame, *code, *at_the_api);
            let tokens = super::renewal::tokens("the-token", Some("the-handle"));
            let failure = canned.adapter.refresh(&canned.app, &tokens).await;
            assert_blames(&failure.unwrap_err(), *blame, *code, *at_renewal);
        }
    }
}

#[tokio::test]
async fn a_practice_server_words_them_as_the_adapter_reads_them() {
    let play = Play::signed().await;
    for (word, blame, code, ..) in ROWS.iter().filter(|row| row.0 != "no_such_problem") {
        let fault = Fault::OAuthError((*word).to_owned());
        let fault = fault.on(BitbucketServer::REQUEST_TOKEN_ROUTE).once();
        play.bitbucket.fail_with(fault);
        let failure = play.adapter.begin(&play.app, "s").await.unwrap_err();
        assert_eq!(
            (failure.failure.blame, failure.failure.code),
            (*blame, *code),
            "{word}"
        );
    }
    assert!(play.adapter.begin(&play.app, "s").await.is_ok());
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_with_both_times() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    play.ours.advance(TimeDelta::minutes(-7));
    let failure = play.list(&access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::ClockSkew,
        GrantVerdict::Unknown,
    );
    assert_eq!(
        words(&failure),
        "timestamp_refused: this server's clock says 2026-09-01 11:53:00 UTC, Bitbucket's says \
         2026-09-01 12:00:00 UTC"
    );
    play.ours.advance(TimeDelta::minutes(7));
    assert!(play.list(&access).await.is_ok(), "it cost nobody a link");
}

#[tokio::test]
async fn another_public_key_on_the_link_touches_no_grant() {
    let mut play = Play::signed().await;
    let tokens = play.link("ada").await;
    let name = play.app.client_id.clone();
    assert!(
        play.bitbucket
            .replace_public_key(&name, &pem(another_key()))
    );
    for failure in [
        play.list(&tokens.access).await.unwrap_err(),
        play.refresh(&tokens).await.unwrap_err(),
        play.adapter.begin(&play.app, "s").await.unwrap_err(),
    ] {
        assert_blames(
            &failure,
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            GrantVerdict::Unknown,
        );
        assert!(words(&failure).contains("public key"), "{failure:?}");
    }
    // The pair that the admin pasted, in place of the old one: all goes on.
    play.app.client_secret = another_key().clone();
    assert!(play.list(&tokens.access).await.is_ok());
    play.app.client_secret = our_key().clone();
    assert!(play.list(&tokens.access).await.is_err());
}

#[tokio::test]
async fn a_proxy_that_changes_the_address_is_named() {
    let options = BitbucketOptions {
        believes_to_be: Some("http://bitbucket.internal:7990".to_owned()),
        ..BitbucketOptions::server()
    };
    let play = Play::with(options, Protocol::Oauth1).await;
    let failure = play
        .adapter
        .begin(&play.app, "the-state")
        .await
        .unwrap_err();
    let said = words(&failure);
    assert!(
        said.contains("believes that it was http://bitbucket.internal:7990/plugins"),
        "{said}"
    );
    assert!(said.contains(&play.app.base_url.authority()), "{said}");
    // The base string has callback and state in it.
    assert!(
        !said.contains("the-state") && !said.contains("callback"),
        "{said}"
    );
}

#[tokio::test]
async fn a_link_that_is_gone_touches_no_grant() {
    let play = Play::signed().await;
    let tokens = play.link("ada").await;
    play.bitbucket.unlink_application(&play.app.client_id);
    for failure in [
        play.list(&tokens.access).await.unwrap_err(),
        play.refresh(&tokens).await.unwrap_err(),
    ] {
        assert_blames(
            &failure,
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            GrantVerdict::Unknown,
        );
    }
}

#[tokio::test]
async fn a_callback_that_is_refused_is_the_redirect_url_of_the_app() {
    let canned = Canned::answering(Protocol::Oauth1, |_| {
        let body = "oauth_problem=parameter_rejected&oauth_parameters_rejected=oauth_callback\
                    &oauth_problem_advice=must%20be%20absolute";
        answer(400, &[], body)
    })
    .await;
    let failure = canned.adapter.begin(&canned.app, "s").await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::RedirectUriMismatch,
        GrantVerdict::Unknown,
    );
    assert!(words(&failure).contains("must be absolute"));
}

#[tokio::test]
async fn what_was_sent_is_never_kept_of_a_refusal() {
    let canned = Canned::answering(Protocol::Oauth1, |seen| {
        // A server that echoes everything, as a verbose one does.
        let header = seen.headers["authorization"].to_str().unwrap();
        let echoed = header.replace(['"', ','], " ");
        let body = format!("oauth_problem=parameter_rejected&oauth_problem_advice={echoed}");
        answer(400, &[], body)
    })
    .await;
    let access = "aSecretToken0123456789".into();
    let failure = canned.adapter.list_keys(&canned.app, &access).await;
    let said = format!("{:?}", failure.unwrap_err());
    assert!(!said.contains("aSecretToken0123456789"), "{said}");
}
