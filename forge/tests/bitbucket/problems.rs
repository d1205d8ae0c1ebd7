use reqwest::{Method, StatusCode};

use crate::signer::header_of;
use crate::support::{
    ACCESS_TOKEN, AUTHORIZE, CALLBACK, CONSUMER, KEYS, Play, REQUEST_TOKEN, header, noon, problem,
};

/// Asks for a request token with a header made of exactly these parameters.
async fn ask(play: &Play, parameters: &[(&str, &str)]) -> reqwest::Response {
    let parameters: Vec<(String, String)> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let url = play.bitbucket.url(REQUEST_TOKEN);
    let signature = play.signer().sign("POST", &url, &parameters, &[]);
    let header = header_of(&parameters, &signature);
    let call = play.bare(REQUEST_TOKEN, &header);
    call.send().await.unwrap()
}

#[tokio::test]
async fn what_is_absent_is_named() {
    let play = Play::new().await;
    let bare = play.bare(REQUEST_TOKEN, "OAuth realm=\"x\"");
    let fields = problem(bare.send().await.unwrap(), 400, "parameter_absent").await;
    assert_eq!(fields["oauth_parameters_absent"], "oauth_consumer_key");

    let fields = problem(
        ask(&play, &[("oauth_consumer_key", CONSUMER)]).await,
        400,
        "parameter_absent",
    )
    .await;
    let both = "oauth_timestamp&oauth_nonce";
    assert_eq!(fields["oauth_parameters_absent"], both);

    let without_callback = play.step(REQUEST_TOKEN, &[]).await;
    let fields = problem(without_callback, 400, "parameter_absent").await;
    assert_eq!(fields["oauth_parameters_absent"], "oauth_callback");

    let without_token = play.step(ACCESS_TOKEN, &[]).await;
    let fields = problem(without_token, 400, "parameter_absent").await;
    assert_eq!(fields["oauth_parameters_absent"], "oauth_token");

    let (token, _) = play.authorized("ada").await;
    let without_verifier = play.step(ACCESS_TOKEN, &[("oauth_token", &token)]).await;
    let fields = problem(without_verifier, 400, "parameter_absent").await;
    assert_eq!(fields["oauth_parameters_absent"], "oauth_verifier");
}

#[tokio::test]
async fn what_will_not_do_is_rejected_with_advice() {
    let play = Play::new().await;
    for callback in ["/relative", "ftp://host/", "javascript:alert(1)", ""] {
        let answer = play
            .step(REQUEST_TOKEN, &[("oauth_callback", callback)])
            .await;
        if callback.is_empty() {
            problem(answer, 400, "parameter_absent").await;
            continue;
        }
        let fields = problem(answer, 400, "parameter_rejected").await;
        assert_eq!(fields["oauth_parameters_rejected"], "oauth_callback");
        assert!(!fields["oauth_problem_advice"].is_empty());
    }
    let twice = [("oauth_callback", CALLBACK), ("oauth_callback", "oob")];
    let fields = problem(
        play.step(REQUEST_TOKEN, &twice).await,
        400,
        "parameter_rejected",
    )
    .await;
    assert_eq!(fields["oauth_parameters_rejected"], "oauth_callback");
}

#[tokio::test]
async fn other_versions_and_other_methods_are_rejected() {
    let play = Play::new().await;
    let timestamp = noon().timestamp().to_string();
    let ask = async |version: &str, method: &str, nonce: &str| {
        let parameters = [
            ("oauth_consumer_key", CONSUMER),
            ("oauth_signature_method", method),
            ("oauth_timestamp", &timestamp),
            ("oauth_nonce", nonce),
            ("oauth_version", version),
            ("oauth_callback", CALLBACK),
        ];
        ask(&play, &parameters).await
    };
    problem(ask("2.0", "RSA-SHA1", "a").await, 400, "version_rejected").await;
    for (method, nonce) in [("HMAC-SHA1", "b"), ("PLAINTEXT", "c"), ("RSA-SHA256", "d")] {
        let answer = ask("1.0", method, nonce).await;
        problem(answer, 400, "signature_method_rejected").await;
    }
    assert_eq!(ask("1.0", "RSA-SHA1", "e").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_the_right_times() {
    let play = Play::new().await;
    let url = play.bitbucket.url(REQUEST_TOKEN);
    for skew in [-301, 301] {
        let mut signer = play.signer();
        signer.timestamp += skew;
        let header = signer.header("POST", &url, &[("oauth_callback", CALLBACK)]);
        let call = play.bare(REQUEST_TOKEN, &header);
        let fields = problem(call.send().await.unwrap(), 400, "timestamp_refused").await;
        let now = noon().timestamp();
        let expected = format!("{}-{}", now - 300, now + 300);
        assert_eq!(fields["oauth_acceptable_timestamps"], expected);
    }
    for skew in [-300, 300] {
        let mut signer = play.signer();
        signer.timestamp += skew;
        let header = signer.header("POST", &url, &[("oauth_callback", CALLBACK)]);
        let call = play.bare(REQUEST_TOKEN, &header);
        assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn the_same_request_does_not_come_twice() {
    let play = Play::new().await;
    let token = play.ada().await;
    let url = play.bitbucket.url(KEYS);
    let header = play
        .signer()
        .header("GET", &url, &[("oauth_token", &token)]);
    let send = || play.call(Method::GET, KEYS, &header).send();
    assert_eq!(send().await.unwrap().status(), StatusCode::OK);
    problem(send().await.unwrap(), 401, "nonce_used").await;
}

#[tokio::test]
async fn an_unknown_link_is_told_so() {
    let play = Play::new().await;
    let token = play.ada().await;
    play.bitbucket.unlink_application(CONSUMER);
    let answer = play
        .step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)])
        .await;
    problem(answer, 401, "consumer_key_unknown").await;
    problem(play.get(KEYS, &token).await, 401, "consumer_key_unknown").await;
}

#[tokio::test]
async fn a_request_token_is_good_for_one_answer_and_one_exchange() {
    let play = Play::new().await;
    let token = play.request_token().await;
    let with = |verifier: &'static str| {
        [
            ("oauth_token", token.clone()),
            ("oauth_verifier", verifier.to_owned()),
        ]
    };
    let exchange = async |more: &[(&str, String)]| {
        let more: Vec<(&str, &str)> = more.iter().map(|(n, v)| (*n, v.as_str())).collect();
        play.step(ACCESS_TOKEN, &more).await
    };
    problem(exchange(&with("early")).await, 401, "permission_unknown").await;
    let url = play.authorize_url(&token);
    let back = play.bitbucket.approve(&url, "ada").await.unwrap();
    let verifier = crate::support::query(&back, "oauth_verifier").unwrap();
    problem(exchange(&with("wrong")).await, 401, "token_rejected").await;

    let again = play.http.get(&url).send().await.unwrap();
    problem(again, 401, "token_used").await;
    let right = [("oauth_token", token.clone()), ("oauth_verifier", verifier)];
    assert_eq!(exchange(&right).await.status(), StatusCode::OK);
    problem(exchange(&right).await, 401, "token_rejected").await;
    let gone = play.http.get(&url).send().await.unwrap();
    problem(gone, 401, "token_rejected").await;
}

#[tokio::test]
async fn a_request_token_lives_ten_minutes() {
    let play = Play::new().await;
    let unanswered = play.request_token().await;
    let (token, verifier) = play.authorized("ada").await;
    play.passes(600);
    let page = play.http.get(play.authorize_url(&unanswered));
    problem(page.send().await.unwrap(), 401, "token_expired").await;
    let more = [("oauth_token", &*token), ("oauth_verifier", &*verifier)];
    problem(play.step(ACCESS_TOKEN, &more).await, 401, "token_expired").await;
}

#[tokio::test]
async fn a_token_of_another_link_a_made_up_one_and_a_request_token_are_rejected() {
    let play = Play::new().await;
    let token = play.ada().await;
    let pem = &crate::signer::ours().public_pem;
    assert!(play.bitbucket.link_application("Other", "Other", pem));
    let mut signer = play.signer();
    "Other".clone_into(&mut signer.consumer);
    let url = play.bitbucket.url(KEYS);
    let header = signer.header("GET", &url, &[("oauth_token", &token)]);
    let call = play.call(Method::GET, KEYS, &header).send().await.unwrap();
    problem(call, 401, "token_rejected").await;
    problem(play.get(KEYS, "made-up").await, 401, "token_rejected").await;
    let request_token = play.request_token().await;
    problem(play.get(KEYS, &request_token).await, 401, "token_rejected").await;
}

#[tokio::test]
async fn a_page_without_a_known_token_is_refused() {
    let play = Play::new().await;
    let page = play.http.get(play.bitbucket.url(AUTHORIZE));
    problem(page.send().await.unwrap(), 401, "token_rejected").await;
}

#[tokio::test]
async fn an_account_that_is_switched_off_may_not() {
    let play = Play::new().await;
    let token = play.ada().await;
    play.bitbucket.deactivate_user("ada");
    problem(play.get(KEYS, &token).await, 401, "permission_denied").await;
    play.bitbucket.activate_user("ada");
    let answer = play.get(KEYS, &token).await;
    assert_eq!(header(&answer, "x-ausername"), Some("ada"));
}
