//! Signatures judged by two strangers: Python's oauthlib and OpenSSL.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::provider::Protocol;
use lanyard::providers::{Came, Tokens};
use lanyard::vault::Secret;
use serde_json::{Value, json};

use super::link_key::{is_here, openssl, openssl_is_here};
use super::support::{CALLBACK, Canned, answer, our_key, pem};

/// Every kind of signed call, as a server sees it: method, address and header.
async fn signed_calls() -> Vec<(String, String, String)> {
    let canned = Canned::answering(Protocol::Oauth1, |seen| {
        if seen.line.contains("request-token") {
            let given = "oauth_token=tok%2Fen&oauth_token_secret=s&oauth_callback_confirmed=true";
            answer(200, &[], given)
        } else if seen.line.contains("access-token") {
            answer(200, &[], "oauth_token=access&oauth_token_secret=s")
        } else if seen.line.contains("application-properties") {
            answer(200, &[("x-ausername", "j+a+b%40x%26y%3Dz")], "{}")
        } else if seen.line.contains("/users?filter=") {
            let body = r#"{"values":[{"id":7,"name":"j a b@x&y=z"}],"isLastPage":true}"#;
            answer(200, &[], body)
        } else if seen.line.starts_with("POST") {
            answer(409, &[], r#"{"errors":[{"message":"it is there"}]}"#)
        } else if seen.line.starts_with("DELETE") {
            answer(204, &[], "")
        } else {
            let ada = [("x-ausername", "ada")];
            answer(200, &ada, r#"{"values":[],"isLastPage":true}"#)
        }
    })
    .await;
    let (adapter, app) = (&canned.adapter, &canned.app);
    let begun = adapter.begin(app, "st&a=te é").await.unwrap();
    let came = Came {
        code: "ver ifier+1".into(),
        token: Some("tok/en".into()),
    };
    let tokens = adapter
        .exchange(app, &came, begun.kept.as_ref())
        .await
        .unwrap();
    let old = Tokens {
        refresh: Some(Secret::from("hand~le/=")),
        ..tokens
    };
    adapter.refresh(app, &old).await.unwrap();
    let access = Secret::from("an access/token%+");
    adapter.identify(app, &access).await.unwrap();
    adapter.list_keys(app, &access).await.unwrap();
    let key = super::support::key(1);
    let new = lanyard::providers::NewKey {
        title: "Lanyard",
        key: &key,
        expires_at: None,
    };
    adapter.add_key(app, &access, &new).await.unwrap();
    let id = lanyard::providers::RemoteKeyId::new("7").unwrap();
    adapter.remove_key(app, &access, &id).await.unwrap();
    let base = app.base_url.url();
    let calls: Vec<_> = canned
        .seen()
        .into_iter()
        .map(|seen| {
            let (method, path) = seen.line.split_once(' ').unwrap();
            let url = base.join(path).unwrap();
            (method.to_owned(), url.to_string(), header(&seen.headers))
        })
        .collect();
    assert_eq!(calls.len(), 9, "{calls:?}");
    calls
}

fn header(headers: &HeaderMap) -> String {
    headers["authorization"].to_str().unwrap().to_owned()
}

/// What oauthlib makes of a call, with code that shares nothing with ours.
const ORACLE: &str = r#"
import json, sys
from urllib.parse import urlsplit
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature, utils

asked = json.load(sys.stdin)
told = []
for call in asked["calls"]:
    query = urlsplit(call["url"]).query
    params = signature.collect_parameters(
        uri_query=query, headers={"Authorization": call["header"]}, exclude_oauth_signature=False)
    given = [value for name, value in params if name == "oauth_signature"]
    params = [(n, v) for n, v in params if n != "oauth_signature"]
    base = signature.signature_base_string(
        call["method"], signature.base_string_uri(call["url"]),
        signature.normalize_parameters(params))
    request = Request(call["url"], http_method=call["method"])
    request.params = params
    request.signature = given[0]
    told.append({
        "base": base,
        "verified": signature.verify_rsa_sha1(request, asked["public"]),
        "signature": signature.sign_rsa_sha1(base, asked["private"]),
        "given": given[0],
    })
json.dump(told, sys.stdout)
"#;

/// Debian's Python, where the packages are, or the one in the path.
fn python() -> &'static str {
    if std::path::Path::new("/usr/bin/python3").exists() {
        "/usr/bin/python3"
    } else {
        "python3"
    }
}

fn oauthlib_is_here() -> bool {
    // Signing with RSA takes PyJWT as well.
    let imports = ["-c", "import oauthlib.oauth1, cryptography, jwt"];
    let packages = "python3-oauthlib python3-cryptography python3-jwt";
    is_here(python(), &imports, packages)
}

fn ask_oauthlib(question: &Value) -> Value {
    let mut oracle = Command::new(python())
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = oracle.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let output = oracle.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn oauthlib_takes_every_signature_and_makes_the_same() {
    if !oauthlib_is_here() {
        return;
    }
    let calls = signed_calls().await;
    let described: Vec<Value> = calls
        .iter()
        .map(|(method, url, header)| json!({ "method": method, "url": url, "header": header }))
        .collect();
    let told = ask_oauthlib(&json!({
        "calls": described,
        "public": pem(our_key()),
        "private": our_key().expose_str(),
    }));
    for (call, told) in calls.iter().zip(told.as_array().unwrap()) {
        assert_eq!(told["verified"], true, "{call:?}");
        // PKCS #1 v1.5 is deterministic: who has the key makes the same bytes.
        assert_eq!(told["signature"], told["given"], "{call:?}");
    }
    let begun = told[0]["base"].as_str().unwrap();
    assert!(
        begun.starts_with("POST&http%3A%2F%2F127.0.0.1%3A"),
        "{begun}"
    );
    let callback: String = url::form_urlencoded::byte_serialize(CALLBACK.as_bytes()).collect();
    assert!(begun.contains(&callback.replace('%', "%25")), "{begun}");
}

/// The base string by RFC 5849, written once more from the header alone.
fn base_string(method: &str, url: &str, header: &str) -> (String, Vec<u8>) {
    let url = url::Url::parse(url).unwrap();
    let mut pairs: Vec<String> = url
        .query_pairs()
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)))
        .collect();
    let mut signature = Vec::new();
    for pair in header.strip_prefix("OAuth ").unwrap().split(", ") {
        let (name, value) = pair.split_once('=').unwrap();
        let value = value.trim_matches('"');
        if name == "oauth_signature" {
            let base64 = value
                .replace("%2B", "+")
                .replace("%2F", "/")
                .replace("%3D", "=");
            signature = STANDARD.decode(base64).unwrap();
        } else {
            pairs.push(format!("{name}={value}"));
        }
    }
    pairs.sort();
    let mut place = url;
    place.set_query(None);
    let text = format!(
        "{method}&{}&{}",
        encoded(place.as_str()),
        encoded(&pairs.join("&"))
    );
    (text, signature)
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[tokio::test]
async fn openssl_takes_every_signature_and_makes_the_same() {
    if !openssl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("public.pem"), pem(our_key())).unwrap();
    fs::write(path("private.pem"), our_key().expose()).unwrap();
    for (method, url, header) in signed_calls().await {
        let (text, signature) = base_string(&method, &url, &header);
        fs::write(path("text"), &text).unwrap();
        fs::write(path("signature"), &signature).unwrap();
        let verify = [
            "dgst",
            "-sha1",
            "-verify",
            "public.pem",
            "-signature",
            "signature",
            "text",
        ];
        let (good, said) = openssl(folder.path(), &verify);
        assert!(
            good && said.contains("Verified OK"),
            "{method} {url}: {said}"
        );
        let sign = [
            "dgst",
            "-sha1",
            "-sign",
            "private.pem",
            "-out",
            "again",
            "text",
        ];
        assert!(openssl(folder.path(), &sign).0);
        assert_eq!(
            fs::read(path("again")).unwrap(),
            signature,
            "{method} {url}"
        );
        // Another text does not pass.
        fs::write(path("text"), format!("{text}x")).unwrap();
        assert!(!openssl(folder.path(), &verify).0);
    }
}
