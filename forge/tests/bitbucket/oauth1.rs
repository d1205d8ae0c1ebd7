use forge::BitbucketOptions;
use reqwest::{Method, StatusCode};

use crate::signer::{another, header_of, ours};
use crate::support::{
    ACCESS_TOKEN, CALLBACK, CONSUMER, KEYS, PROPERTIES, Play, REQUEST_TOKEN, form_of, header,
    json_of, problem, query,
};

#[tokio::test]
async fn three_steps_lead_to_a_token_that_acts_for_the_person() {
    let play = Play::new().await;
    let answer = play
        .step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)])
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        header(&answer, "content-type"),
        Some("text/plain;charset=UTF-8")
    );
    let fields = form_of(answer).await;
    assert_eq!(fields["oauth_callback_confirmed"], "true");
    assert!(!fields["oauth_token_secret"].is_empty());

    let (token, verifier) = play.authorized("ada").await;
    let more = [("oauth_token", &*token), ("oauth_verifier", &*verifier)];
    let fields = form_of(play.step(ACCESS_TOKEN, &more).await).await;
    assert_eq!(fields["oauth_expires_in"], "157680000");
    assert_eq!(fields["oauth_authorization_expires_in"], "160272000");
    let answer = play.get(PROPERTIES, &fields["oauth_token"]).await;
    assert_eq!(header(&answer, "x-ausername"), Some("ada"));
    assert_eq!(play.bitbucket.live_tokens_of("ada"), 1);
}

#[tokio::test]
async fn the_callback_keeps_its_own_query() {
    let play = Play::new().await;
    let with_state = format!("{CALLBACK}?state=a%20b");
    let answer = play
        .step(REQUEST_TOKEN, &[("oauth_callback", &with_state)])
        .await;
    let token = form_of(answer).await["oauth_token"].clone();
    let url = play.authorize_url(&token);
    let back = play.bitbucket.approve(&url, "ada").await.unwrap();
    assert_eq!(query(&back, "state").as_deref(), Some("a b"));
    assert!(query(&back, "oauth_verifier").is_some());
}

#[tokio::test]
async fn a_denial_comes_back_as_a_verifier() {
    let play = Play::new().await;
    let token = play.request_token().await;
    let url = play.authorize_url(&token);
    let back = play.bitbucket.deny(&url, "ada").await.unwrap();
    assert_eq!(query(&back, "oauth_verifier").as_deref(), Some("denied"));
    assert_eq!(query(&back, "error"), None);
    let more = [("oauth_token", &*token), ("oauth_verifier", "denied")];
    problem(
        play.step(ACCESS_TOKEN, &more).await,
        401,
        "permission_denied",
    )
    .await;
    assert_eq!(play.bitbucket.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn query_and_form_are_signed_and_json_is_not() {
    let play = Play::new().await;
    let token = play.ada().await;
    let path = format!("{KEYS}?limit=2&start=0&odd=a%20b%2B%C3%A9");
    assert_eq!(play.get(&path, &token).await.status(), StatusCode::OK);

    // The parameters of the protocol may stand in a form body instead of the header.
    let url = play.bitbucket.url(REQUEST_TOKEN);
    let signer = play.signer();
    let parameters = signer.parameters(&[]);
    let form = [("oauth_callback", CALLBACK)];
    let signature = signer.sign("POST", &url, &parameters, &form);
    let send = |form: [(&'static str, &'static str); 1]| {
        let header = header_of(&parameters, &signature);
        let call = play.call(Method::POST, REQUEST_TOKEN, &header);
        call.form(&form).send()
    };
    assert_eq!(send(form).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_changed_query_a_changed_form_and_a_changed_method_break_the_signature() {
    let play = Play::new().await;
    let token = play.ada().await;
    let more = [("oauth_token", &*token)];
    let url = play.bitbucket.url(KEYS);
    let header = play.signer().header("GET", &url, &more);
    let longer = format!("{KEYS}?start=1");
    let call = play
        .call(Method::GET, &longer, &header)
        .send()
        .await
        .unwrap();
    let fields = problem(call, 401, "signature_invalid").await;
    assert!(fields["oauth_signature_base_string"].starts_with("GET&http%3A%2F%2F127.0.0.1%3A"));
    assert_eq!(fields["oauth_signature_method"], "RSA-SHA1");

    let header = play.signer().header("GET", &url, &more);
    let call = play
        .call(Method::DELETE, KEYS, &header)
        .send()
        .await
        .unwrap();
    problem(call, 401, "signature_invalid").await;

    let signer = play.signer();
    let parameters = signer.parameters(&[]);
    let url = play.bitbucket.url(REQUEST_TOKEN);
    let form = [("oauth_callback", CALLBACK)];
    let signature = signer.sign("POST", &url, &parameters, &form);
    let call = play
        .call(
            Method::POST,
            REQUEST_TOKEN,
            &header_of(&parameters, &signature),
        )
        .form(&[("oauth_callback", "http://127.0.0.1:8080/elsewhere")]);
    problem(call.send().await.unwrap(), 401, "signature_invalid").await;
}

#[tokio::test]
async fn another_key_does_not_sign_for_the_link() {
    let play = Play::new().await;
    let mut signer = play.signer();
    signer.pair = another();
    let url = play.bitbucket.url(REQUEST_TOKEN);
    let header = signer.header("POST", &url, &[("oauth_callback", CALLBACK)]);
    let call = play.bare(REQUEST_TOKEN, &header);
    problem(call.send().await.unwrap(), 401, "signature_invalid").await;

    assert!(
        play.bitbucket
            .replace_public_key(CONSUMER, &another().public_pem)
    );
    signer.nonce = "another".to_owned();
    let header = signer.header("POST", &url, &[("oauth_callback", CALLBACK)]);
    let call = play.bare(REQUEST_TOKEN, &header);
    assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    let old = play.step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)]);
    problem(old.await, 401, "signature_invalid").await;
}

#[tokio::test]
async fn below_a_context_path_the_path_is_signed_whole() {
    let play = Play::with(BitbucketOptions::data_center().below("/bitbucket/")).await;
    assert!(play.bitbucket.base_url().ends_with("/bitbucket"));
    let token = play.ada().await;
    let answer = play.get(PROPERTIES, &token).await;
    assert_eq!(header(&answer, "x-ausername"), Some("ada"));
    assert_eq!(
        play.bitbucket
            .calls("GET /api/latest/application-properties"),
        1
    );

    let short = play.bitbucket.url(KEYS).replace("/bitbucket", "");
    let header = play
        .signer()
        .header("GET", &short, &[("oauth_token", &token)]);
    let call = play.call(Method::GET, KEYS, &header).send().await.unwrap();
    problem(call, 401, "signature_invalid").await;
    let outside = play.http.get(short).send().await.unwrap();
    assert_eq!(outside.status(), StatusCode::NOT_FOUND);
    json_of(play.get(KEYS, &token).await).await;
}

#[tokio::test]
async fn a_proxy_that_hides_the_host_breaks_every_signature() {
    let options = BitbucketOptions {
        believes_to_be: Some("http://bitbucket.internal:7990".to_owned()),
        ..BitbucketOptions::data_center()
    };
    let play = Play::with(options).await;
    let answer = play
        .step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)])
        .await;
    let fields = problem(answer, 401, "signature_invalid").await;
    let base = &fields["oauth_signature_base_string"];
    assert!(
        base.contains("http%3A%2F%2Fbitbucket.internal%3A7990%2Fplugins"),
        "{base}"
    );
}

#[tokio::test]
async fn an_old_server_has_no_handles_and_a_new_one_may_lack_the_servlets() {
    let options = BitbucketOptions {
        session_handles: false,
        ..BitbucketOptions::server()
    };
    let play = Play::with(options).await;
    let (token, verifier) = play.authorized("ada").await;
    let more = [("oauth_token", &*token), ("oauth_verifier", &*verifier)];
    let fields = form_of(play.step(ACCESS_TOKEN, &more).await).await;
    assert_eq!(fields.len(), 2);
    assert!(fields.contains_key("oauth_token") && fields.contains_key("oauth_token_secret"));

    let options = BitbucketOptions {
        oauth1: false,
        ..BitbucketOptions::data_center()
    };
    let play = Play::with(options).await;
    let gone = play
        .step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)])
        .await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_for_a_link_takes_x509_keys_of_some_length_only() {
    let play = Play::new().await;
    let link = |key: &str, pem: &str| play.bitbucket.link_application("x", key, pem);
    let good = &ours().public_pem;
    assert!(link("another", good));
    assert!(!link("another", good), "the consumer key is taken");
    assert!(!link("", good));
    assert!(!link(&"k".repeat(201), good));
    let pkcs1 = good.replace("PUBLIC KEY", "RSA PUBLIC KEY");
    let cut = good.replace("MIIB", "MIIC");
    for wrong in ["", "hello", &*pkcs1, &*cut] {
        assert!(!link("new", wrong), "{wrong}");
        assert!(!play.bitbucket.replace_public_key(CONSUMER, wrong));
    }
}

#[tokio::test]
async fn oob_shows_the_verifier_to_the_person() {
    let play = Play::new().await;
    let answer = play.step(REQUEST_TOKEN, &[("oauth_callback", "oob")]).await;
    let token = form_of(answer).await["oauth_token"].clone();
    let url = play.authorize_url(&token);
    let dead_end = play
        .bitbucket
        .approve(&url, "ada")
        .await
        .unwrap_err()
        .to_string();
    let code = dead_end.split("<code>").nth(1).unwrap();
    let code = code.split("</code>").next().unwrap();
    let more = [("oauth_token", &*token), ("oauth_verifier", code)];
    assert_eq!(
        play.step(ACCESS_TOKEN, &more).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_post_that_does_not_say_that_nothing_comes_is_turned_away() {
    let play = Play::new().await;
    let url = play.bitbucket.url(REQUEST_TOKEN);
    let header = play
        .signer()
        .header("POST", &url, &[("oauth_callback", CALLBACK)]);
    let silent = play.call(Method::POST, REQUEST_TOKEN, &header);
    let answer = silent.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::LENGTH_REQUIRED);
    let said = play.bare(REQUEST_TOKEN, &header).send().await.unwrap();
    assert_eq!(said.status(), StatusCode::OK);
}
