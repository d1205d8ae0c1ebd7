//! Certificates and proxies of a provider's own, as a test of the provider finds them.

use domain::BaseUrl;
use lanyard::providers::{Finding, Outbound};

use super::support::{app, finding, reaching};
use crate::support::tls::{CA, CountingProxy, OTHER_CA, Shows, server};

const META: &str = r#"{"verifiable_password_authentication":true,"installed_version":"3.19.0"}"#;

/// Tests a GitHub at an authority, with certificates and a proxy of its own.
async fn tested(
    outbound: &Outbound,
    authority: &str,
    (ca_bundle, proxy): (Option<&str>, Option<&str>),
) -> Vec<Finding> {
    let base_url: BaseUrl = format!("https://{authority}").parse().unwrap();
    let mut app = app(&base_url, "id", "secret");
    app.network.ca_bundle = ca_bundle.map(|pem| pem.parse().unwrap());
    app.network.proxy = proxy.map(|authority| format!("http://{authority}").parse().unwrap());
    reaching(outbound).test(&app).await
}

#[track_caller]
fn assert_trusts(findings: &[Finding]) {
    assert!(finding(findings, "connection").ok, "{findings:?}");
    assert!(finding(findings, "product").ok, "{findings:?}");
    let version = &finding(findings, "version").found;
    assert_eq!(version, "GitHub Enterprise Server 3.19.0");
}

#[track_caller]
fn assert_distrusts(findings: &[Finding], why: &str) {
    let connection = finding(findings, "connection");
    assert!(!connection.ok, "{connection:?}");
    assert_eq!(connection.found, why);
    assert!(!connection.fix.is_empty());
}

#[tokio::test]
async fn a_server_of_an_own_authority_is_trusted_with_its_certificate_and_not_without() {
    let authority = server(Shows::Good, META);
    let outbound = Outbound::to_practice([authority.clone()]);
    assert_trusts(&tested(&outbound, &authority, (Some(CA), None)).await);
    let both = format!("{OTHER_CA}\n{CA}");
    assert_trusts(&tested(&outbound, &authority, (Some(&both), None)).await);
    let unknown = "the certificate is signed by an authority that this system does not trust";
    for bundle in [None, Some(OTHER_CA)] {
        let findings = tested(&outbound, &authority, (bundle, None)).await;
        assert_distrusts(&findings, unknown);
    }
}

#[tokio::test]
async fn a_trusted_authority_makes_no_bad_certificate_good() {
    for (shows, why) in [
        (Shows::Expired, "the certificate has expired"),
        (Shows::Elsewhere, "the certificate is for another host name"),
    ] {
        let authority = server(shows, META);
        let outbound = Outbound::to_practice([authority.clone()]);
        let findings = tested(&outbound, &authority, (Some(CA), None)).await;
        assert_distrusts(&findings, why);
    }
}

#[tokio::test]
async fn a_provider_is_reached_through_its_own_proxy_and_no_other() {
    let (own, everybodys) = (CountingProxy::start(), CountingProxy::start());
    let authority = server(Shows::Good, META);
    let direct = Outbound::to_practice([authority.clone(), own.authority.clone()]);
    let through = Outbound {
        proxy: Some(format!("http://{}", everybodys.authority).parse().unwrap()),
        ..direct.clone()
    };
    let network = (Some(CA), Some(own.authority.as_str()));
    for outbound in [&direct, &through] {
        let before = own.connected();
        assert_trusts(&tested(outbound, &authority, network).await);
        assert!(own.connected() > before, "it went past the proxy");
    }
    assert_eq!(everybodys.connected(), 0);
    let before = own.connected();
    assert_trusts(&tested(&through, &authority, (Some(CA), None)).await);
    assert!(everybodys.connected() > 0);
    assert_eq!(own.connected(), before);
    assert_trusts(&tested(&direct, &authority, (Some(CA), None)).await);
    assert_eq!(own.connected(), before);
}

#[tokio::test]
async fn a_proxy_does_not_soften_what_a_certificate_must_be() {
    let proxy = CountingProxy::start();
    let authority = server(Shows::Elsewhere, META);
    let outbound = Outbound::to_practice([authority.clone(), proxy.authority.clone()]);
    let network = (Some(CA), Some(proxy.authority.as_str()));
    let findings = tested(&outbound, &authority, network).await;
    assert_distrusts(&findings, "the certificate is for another host name");
    assert!(proxy.connected() > 0);
}
