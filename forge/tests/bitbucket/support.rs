//! A practice Bitbucket Server with a link of either era, and a client that talks to it.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeZone, Utc};
use forge::{BitbucketClient, BitbucketOptions, BitbucketServer, HandClock};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::signer::{Signer, nonce, ours};

pub(crate) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/bitbucket";
pub(crate) const CONSUMER: &str = "Lanyard";
pub(crate) const KEYS: &str = "/rest/ssh/latest/keys";
pub(crate) const PROPERTIES: &str = "/rest/api/latest/application-properties";
pub(crate) const REQUEST_TOKEN: &str = "/plugins/servlet/oauth/request-token";
pub(crate) const ACCESS_TOKEN: &str = "/plugins/servlet/oauth/access-token";
pub(crate) const AUTHORIZE: &str = "/plugins/servlet/oauth/authorize";
pub(crate) const TOKEN: &str = "/rest/oauth2/latest/token";
pub(crate) const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";

pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

/// A practice Bitbucket Server, its clock, a link of each era and one person: Ada.
pub(crate) struct Play {
    pub(crate) bitbucket: BitbucketServer,
    pub(crate) clock: HandClock,
    pub(crate) client: BitbucketClient,
    pub(crate) http: Client,
}

/// What an access token of OAuth 1.0a comes with.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) token: String,
    pub(crate) handle: String,
}

impl Play {
    pub(crate) async fn new() -> Self {
        Self::with(BitbucketOptions::data_center()).await
    }

    pub(crate) async fn with(options: BitbucketOptions) -> Self {
        let clock = HandClock::at(noon());
        let bitbucket = BitbucketServer::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        assert!(bitbucket.link_application("Lanyard", CONSUMER, &ours().public_pem));
        let client = bitbucket.add_incoming_link("Lanyard", CALLBACK, &["ACCOUNT_WRITE"]);
        bitbucket.add_user("ada");
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            bitbucket,
            clock,
            client,
            http,
        }
    }

    pub(crate) fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// An application with a clock that is right and a nonce that is new.
    pub(crate) fn signer(&self) -> Signer {
        Signer {
            pair: ours(),
            consumer: CONSUMER.to_owned(),
            timestamp: self.clock.now().timestamp(),
            nonce: nonce(),
        }
    }

    /// A request with an `Authorization` header.
    pub(crate) fn call(&self, method: Method, path: &str, authorization: &str) -> RequestBuilder {
        self.http
            .request(method, self.bitbucket.url(path))
            .header("authorization", authorization)
    }

    /// A signed request on behalf of whoever the token belongs to.
    pub(crate) fn signed(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let url = self.bitbucket.url(path);
        let header = self
            .signer()
            .header(method.as_str(), &url, &[("oauth_token", token)]);
        self.call(method, path, &header)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.signed(Method::GET, path, token).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Response {
        let request = self.signed(Method::DELETE, path, token);
        request.send().await.unwrap()
    }

    pub(crate) async fn post(&self, token: &str, key: Value) -> Response {
        let request = self.signed(Method::POST, KEYS, token).json(&key);
        request.send().await.unwrap()
    }

    /// What one of the endpoints for applications says to these parameters.
    pub(crate) async fn step(&self, path: &str, more: &[(&str, &str)]) -> Response {
        let header = self
            .signer()
            .header("POST", &self.bitbucket.url(path), more);
        self.bare(path, &header).send().await.unwrap()
    }

    /// A POST that has nothing but its header.
    pub(crate) fn bare(&self, path: &str, authorization: &str) -> RequestBuilder {
        self.call(Method::POST, path, authorization)
            .header("content-length", "0")
    }

    pub(crate) async fn request_token(&self) -> String {
        let answer = self
            .step(REQUEST_TOKEN, &[("oauth_callback", CALLBACK)])
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        form_of(answer).await["oauth_token"].clone()
    }

    pub(crate) fn authorize_url(&self, token: &str) -> String {
        self.bitbucket
            .url(&format!("{AUTHORIZE}?oauth_token={token}"))
    }

    /// A request token that `name` authorized, and the verifier.
    pub(crate) async fn authorized(&self, name: &str) -> (String, String) {
        let token = self.request_token().await;
        let url = self.authorize_url(&token);
        let back = self.bitbucket.approve(&url, name).await.unwrap();
        assert_eq!(query(&back, "oauth_token").as_deref(), Some(&*token));
        (token, query(&back, "oauth_verifier").unwrap())
    }

    /// An access token of OAuth 1.0a.
    pub(crate) async fn link(&self, name: &str) -> Signed {
        let (token, verifier) = self.authorized(name).await;
        let more = [("oauth_token", &*token), ("oauth_verifier", &*verifier)];
        let answer = self.step(ACCESS_TOKEN, &more).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let fields = form_of(answer).await;
        Signed {
            token: fields["oauth_token"].clone(),
            handle: fields["oauth_session_handle"].clone(),
        }
    }

    pub(crate) async fn ada(&self) -> String {
        self.link("ada").await.token
    }

    /// The authorize URL of OAuth 2.0 with the usual parameters, then `more`.
    pub(crate) fn authorize2(&self, more: &[(&str, &str)]) -> String {
        let base = self.bitbucket.url("/rest/oauth2/latest/authorize");
        let usual = [
            ("client_id", &*self.client.client_id),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "ACCOUNT_WRITE"),
            ("state", "s"),
        ];
        let mut url = Url::parse_with_params(&base, usual).unwrap();
        url.query_pairs_mut().extend_pairs(more);
        url.into()
    }

    pub(crate) async fn code(&self, name: &str, more: &[(&str, &str)]) -> String {
        let url = self.authorize2(more);
        query(&self.bitbucket.approve(&url, name).await.unwrap(), "code").unwrap()
    }

    /// What the token endpoint of OAuth 2.0 says to these fields, besides the usual ones.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Response {
        let mut form = HashMap::from([
            ("client_id", &*self.client.client_id),
            ("client_secret", &*self.client.client_secret),
            ("redirect_uri", CALLBACK),
        ]);
        form.extend(fields.iter().copied());
        let request = self.http.post(self.bitbucket.url(TOKEN)).form(&form);
        request.send().await.unwrap()
    }

    /// A pair of tokens of OAuth 2.0.
    pub(crate) async fn link2(&self, name: &str) -> Value {
        let code = self.code(name, &[]).await;
        let fields = [("grant_type", "authorization_code"), ("code", &*code)];
        let answer = self.token(&fields).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    pub(crate) fn bearer(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.call(method, path, &format!("Bearer {token}"))
    }
}

/// A body for `POST /keys`.
pub(crate) fn body(text: &str, label: &str) -> Value {
    json!({ "text": text, "label": label })
}

/// An Ed25519 key, another one for each number.
pub(crate) fn key(number: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// A parameter of a callback.
pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

pub(crate) async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

pub(crate) async fn form_of(answer: Response) -> HashMap<String, String> {
    let body = answer.text().await.unwrap();
    form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

/// Asserts the status and returns the one entry of `errors`.
pub(crate) async fn refused(answer: Response, status: u16) -> Value {
    assert_eq!(answer.status().as_u16(), status);
    let body = json_of(answer).await;
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
    body["errors"][0].clone()
}

/// Asserts status and word of a problem, in body and header; returns its fields.
pub(crate) async fn problem(answer: Response, status: u16, word: &str) -> HashMap<String, String> {
    assert_eq!(answer.status().as_u16(), status, "{word}");
    let challenge = header(&answer, "www-authenticate").unwrap().to_owned();
    assert!(challenge.starts_with("OAuth realm=\"http%3A%2F%2F127.0.0.1"));
    assert!(
        challenge.contains(&format!("oauth_problem=\"{word}\"")),
        "{challenge}"
    );
    let fields = form_of(answer).await;
    assert_eq!(fields["oauth_problem"], word);
    fields
}
