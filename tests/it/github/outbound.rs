use domain::{BaseUrl, Blame, ReasonCode};
use lanyard::providers::{Outbound, ProviderFailure};

use super::support::{Canned, answer, app, reaching};

async fn called(outbound: &Outbound, base_url: &str) -> ProviderFailure {
    let base_url: BaseUrl = base_url.parse().unwrap();
    reaching(outbound)
        .identify(&app(&base_url, "id", "secret"), &"gho_token".into())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_loopback_server_is_called_only_if_it_is_listed() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let port = canned.base_url.url().port().unwrap();
    for base_url in [
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://2130706433:{port}"),
        format!("https://localhost:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
    ] {
        let failure = called(&Outbound::default(), &base_url).await;
        let said = (failure.failure.blame, failure.failure.code);
        assert_eq!(said, (Blame::App, ReasonCode::ProviderUnreachable));
    }
    let elsewhere = Outbound::to_practice(["127.0.0.1:1"]);
    called(&elsewhere, canned.base_url.as_str()).await;
    assert!(canned.seen().is_empty());
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_stands_for() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let port = canned.base_url.url().port().unwrap();
    let base_url = format!("http://localhost:{port}");
    // The name may be called over http, but not what it stands for.
    let named = Outbound {
        allow_http: vec!["localhost".to_owned()],
        ..Outbound::default()
    };
    called(&named, &base_url).await;
    assert!(canned.seen().is_empty());
    let listed = Outbound::to_practice([format!("localhost:{port}")]);
    let failure = called(&listed, &base_url).await;
    assert_eq!(failure.failure.code, ReasonCode::ProviderProtocol);
    assert_eq!(canned.seen().len(), 1);
}

/// Calls a host through a proxy of the provider's own.
async fn called_through(outbound: &Outbound, base_url: &str, proxy: &str) -> ProviderFailure {
    let base_url: BaseUrl = base_url.parse().unwrap();
    let mut app = app(&base_url, "id", "secret");
    app.network.proxy = Some(proxy.parse().unwrap());
    reaching(outbound)
        .identify(&app, &"gho_token".into())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_providers_own_proxy_is_called_only_where_a_provider_may_stand() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let port = canned.base_url.url().port().unwrap();
    for proxy in [
        format!("http://127.0.0.1:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        format!("http://localhost:{port}"),
        "http://169.254.169.254".to_owned(),
    ] {
        let none = Outbound::default();
        let failure = called_through(&none, "https://github.com", &proxy).await;
        let said = (failure.failure.blame, failure.failure.code);
        assert_eq!(said, (Blame::App, ReasonCode::ProviderUnreachable));
        let detail = failure.failure.detail.unwrap();
        assert!(detail.starts_with("the provider's proxy: "), "{detail}");
    }
    assert!(canned.seen().is_empty());
}

#[tokio::test]
async fn an_open_proxy_does_not_open_what_is_closed_behind_it() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let authority = canned.base_url.authority();
    let proxy = format!("http://{authority}");
    let listed = Outbound {
        // By its scheme it may be called, by what it stands for not.
        allow_http: vec!["localhost".to_owned()],
        allow_private: vec![authority],
        proxy: None,
    };
    for closed in ["https://localhost:8080", "http://localhost:8080"] {
        let failure = called_through(&listed, closed, &proxy).await;
        assert_eq!(failure.failure.code, ReasonCode::ProviderUnreachable);
    }
    assert!(canned.seen().is_empty());
    let open = Outbound {
        allow_http: vec!["git.invalid".to_owned()],
        ..listed
    };
    // No resolver knows this name, but the proxy's may: it is asked.
    let failure = called_through(&open, "http://git.invalid", &proxy).await;
    assert_eq!(failure.failure.code, ReasonCode::ProviderProtocol);
    assert_eq!(canned.seen().len(), 1);
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    drop(listener);
    let outbound = Outbound::to_practice([authority.clone()]);
    let failure = called(&outbound, &format!("http://{authority}")).await;
    assert_eq!(failure.failure.blame, Blame::Provider);
    assert_eq!(failure.failure.code, ReasonCode::ProviderUnreachable);
    assert_eq!(
        failure.failure.detail.as_deref(),
        Some("the connection was refused")
    );
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unreachable() {
    // RFC 6761: no resolver knows this one.
    let failure = called(&Outbound::default(), "https://git.invalid").await;
    assert_eq!(failure.failure.blame, Blame::Provider);
    assert_eq!(failure.failure.code, ReasonCode::ProviderUnreachable);
    assert_eq!(
        failure.failure.detail.as_deref(),
        Some("the host name is not known")
    );
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_matter_of_tls() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let authority = canned.base_url.authority();
    let outbound = Outbound::to_practice([authority.clone()]);
    let failure = called(&outbound, &format!("https://{authority}")).await;
    assert_eq!(failure.failure.blame, Blame::Provider);
    assert_eq!(failure.failure.code, ReasonCode::ProviderTls);
    assert!(canned.seen().is_empty());
}
