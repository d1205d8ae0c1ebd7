use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::{BitbucketOptions, BitbucketServer, Fault};
use lanyard::providers::{Came, GrantVerdict};
use lanyard::vault::Secret;

use super::support::{CALLBACK, Canned, Play, after, answer, assert_blames, came, query, words};

#[tokio::test]
async fn three_signed_steps_lead_to_a_token() {
    for options in [
        BitbucketOptions::server(),
        BitbucketOptions::data_center().below("/bitbucket"),
        BitbucketOptions::server().below("/tools/git"),
    ] {
        let play = Play::with(options, Protocol::Oauth1).await;
        let tokens = play.link("ada").await;
        assert_eq!(tokens.expires_at, Some(after(157_680_000)));
        assert!(tokens.refresh.is_some() && tokens.token_secret.is_some());
        assert_eq!(tokens.scopes, None, "a token may do what its person may");
        assert!(play.adapter.scopes(play.app.wants()).is_empty());
        assert!(
            play.adapter
                .missing_scopes(play.app.wants(), Some(&[]))
                .is_empty()
        );
        assert!(play.list(&tokens.access).await.unwrap().is_empty());
        assert_eq!(play.bitbucket.live_tokens_of("ada"), 1);
    }
}

#[tokio::test]
async fn the_state_goes_inside_the_callback_and_nothing_secret_into_the_address() {
    let play = Play::signed().await;
    let begun = play.adapter.begin(&play.app, "s&t=a te").await.unwrap();
    let names: Vec<String> = begun
        .authorize_url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names, ["oauth_token"]);
    let kept = begun.kept.as_ref().unwrap().expose_str();
    assert!(kept.contains("oauth_token_secret="));
    let back = play
        .bitbucket
        .approve(begun.authorize_url.as_str(), "ada")
        .await
        .unwrap();
    assert!(back.as_str().starts_with(CALLBACK));
    assert_eq!(query(&back, "state").as_deref(), Some("s&t=a te"));
    assert!(play.exchange(&came(&back), &begun).await.is_ok());
}

#[tokio::test]
async fn a_person_who_says_no_comes_back_with_a_verifier_that_says_so() {
    let play = Play::signed().await;
    let begun = play.adapter.begin(&play.app, "the-state").await.unwrap();
    let url = begun.authorize_url.as_str();
    let back = play.bitbucket.deny(url, "ada").await.unwrap();
    let came = came(&back);
    assert_eq!(came.code.expose_str(), "denied");
    let calls = play.bitbucket.journal().len();
    let failure = play.exchange(&came, &begun).await.unwrap_err();
    let turned_away = play.adapter.turned_away("denied");
    for failure in [failure, turned_away] {
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::ScopeMissing,
            GrantVerdict::Lost,
        );
    }
    assert_eq!(play.bitbucket.journal().len(), calls, "nobody was asked");
}

#[tokio::test]
async fn a_browser_that_comes_back_with_another_request_token_is_turned_away() {
    let play = Play::signed().await;
    let (_, theirs) = play.consent("ada").await;
    let (mine, _) = play.consent("ada").await;
    let calls = play.bitbucket.journal().len();
    let failure = play.exchange(&theirs, &mine).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
    let nothing_kept = play.adapter.exchange(&play.app, &theirs, None).await;
    assert_eq!(nothing_kept.unwrap_err().grant, GrantVerdict::Lost);
    assert_eq!(play.bitbucket.journal().len(), calls, "nobody was asked");
}

#[tokio::test]
async fn a_wrong_verifier_a_used_token_and_a_late_one_are_lost() {
    let play = Play::signed().await;
    let (begun, right) = play.consent("ada").await;
    let wrong = Came {
        code: "wrong1".into(),
        token: right.token.clone(),
    };
    let failure = play.exchange(&wrong, &begun).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Lost,
    );
    assert!(play.exchange(&right, &begun).await.is_ok());
    let again = play.exchange(&right, &begun).await.unwrap_err();
    assert_eq!(again.grant, GrantVerdict::Lost);

    let (begun, late) = play.consent("ada").await;
    play.passes(600);
    let failure = play.exchange(&late, &begun).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
}

#[tokio::test]
async fn every_call_has_a_nonce_of_its_own() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    // The clock stands still: only the nonce tells the calls apart.
    for _ in 0..5 {
        assert!(play.list(&access).await.is_ok());
    }
}

#[tokio::test]
async fn the_signed_header_says_what_it_must_and_no_more() {
    let canned = Canned::answering(Protocol::Oauth1, |_| {
        let ada = [("x-ausername", "ada")];
        answer(200, &ada, r#"{"values":[],"isLastPage":true}"#)
    })
    .await;
    let access = Secret::from("the access/token");
    canned
        .adapter
        .list_keys(&canned.app, &access)
        .await
        .unwrap();
    let seen = &canned.seen()[0];
    assert_eq!(seen.line, "GET /rest/ssh/latest/keys?limit=100&start=0");
    let header = seen.headers["authorization"].to_str().unwrap();
    let names: Vec<&str> = header
        .strip_prefix("OAuth ")
        .unwrap()
        .split(", ")
        .map(|pair| pair.split_once('=').unwrap().0)
        .collect();
    assert_eq!(
        names,
        [
            "oauth_consumer_key",
            "oauth_signature_method",
            "oauth_timestamp",
            "oauth_nonce",
            "oauth_version",
            "oauth_token",
            "oauth_signature",
        ]
    );
    assert!(header.contains("oauth_token=\"the%20access%2Ftoken\""));
    assert!(header.contains(&format!("oauth_timestamp=\"{}\"", after(0).timestamp())));
    assert!(header.contains("oauth_signature_method=\"RSA-SHA1\""));
}

/// RFC 9110, 8.6: the practice servers answer 411 to a POST that does not.
#[tokio::test]
async fn a_post_without_a_body_says_that_nothing_comes() {
    let canned = Canned::answering(Protocol::Oauth1, |_| {
        let given = "oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true";
        answer(200, &[], given)
    })
    .await;
    let begun = canned.adapter.begin(&canned.app, "s").await.unwrap();
    let came = Came {
        code: "verifier".into(),
        token: Some("t".into()),
    };
    let kept = begun.kept.as_ref();
    let exchanged = canned.adapter.exchange(&canned.app, &came, kept).await;
    assert!(exchanged.is_ok());
    for seen in canned.seen() {
        assert!(seen.line.starts_with("POST /plugins/servlet/oauth/"));
        assert_eq!(seen.headers["content-length"], "0", "{}", seen.line);
    }
    assert_eq!(canned.seen().len(), 2);
}

#[tokio::test]
async fn a_server_of_the_first_oauth_is_not_trusted_with_a_person() {
    for body in [
        "oauth_token=t&oauth_token_secret=s",
        "oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=false",
        "oauth_token=&oauth_token_secret=s&oauth_callback_confirmed=true",
        "<html>log in</html>",
        "",
    ] {
        let canned = Canned::answering(Protocol::Oauth1, move |_| answer(200, &[], body)).await;
        let failure = canned.adapter.begin(&canned.app, "s").await.unwrap_err();
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
    }
}

#[tokio::test]
async fn an_outage_while_a_link_begins_costs_nothing() {
    let play = Play::signed().await;
    play.bitbucket.goes_down();
    let failure = play.adapter.begin(&play.app, "s").await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderError,
        GrantVerdict::Unknown,
    );
    play.bitbucket.comes_back();
    let fault = Fault::TooManyRequests(None).on(BitbucketServer::REQUEST_TOKEN_ROUTE);
    play.bitbucket.fail_with(fault.once());
    let failure = play.adapter.begin(&play.app, "s").await.unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::ProviderRateLimited);
    assert_eq!(failure.not_before, Some(after(60)));
    assert!(play.adapter.begin(&play.app, "s").await.is_ok());
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_a_fault_of_ours_and_calls_nobody() {
    let mut play = Play::signed().await;
    play.app.client_secret = "-----BEGIN PRIVATE KEY-----\nnonsense".into();
    let failure = play.adapter.begin(&play.app, "s").await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Us,
        ReasonCode::Internal,
        GrantVerdict::Unknown,
    );
    assert!(!words(&failure).contains("nonsense"));
    assert!(play.bitbucket.journal().is_empty());
}
