//! What differs from kind to kind.

use super::*;

#[test]
fn only_a_bitbucket_server_speaks_oauth_1() {
    for kind in ProviderKind::ALL {
        let app = !kind.is_by_hand();
        let added = AddProvider {
            kind,
            protocol: Protocol::Oauth1,
            client_id: add().client_id.filter(|_| app),
            client_secret: add().client_secret.filter(|_| app),
            ..add()
        };
        let decided = Provider::Absent.decide(C::AddProvider(added));
        let refused = Err(Refusal::ProtocolNotSpoken(kind));
        assert_eq!(decided == refused, kind != ProviderKind::BitbucketServer);
    }
}

#[test]
fn where_keys_are_carried_by_hand_there_is_no_app() {
    let by_hand = AddProvider {
        kind: ProviderKind::Ssh,
        client_id: None,
        client_secret: None,
        ..add()
    };
    assert!(
        Provider::Absent
            .decide(C::AddProvider(by_hand.clone()))
            .is_ok()
    );
    let with_app = AddProvider {
        client_id: add().client_id,
        ..by_hand
    };
    absent()
        .when(C::AddProvider(with_app))
        .then_expect_error(Refusal::AppNotUsed(ProviderKind::Ssh));
}

#[test]
fn bitbucket_cloud_is_no_bitbucket_server() {
    let at = |base_url: &str| {
        let cloud = AddProvider {
            kind: ProviderKind::BitbucketServer,
            base_url: base_url.parse().unwrap(),
            ..add()
        };
        Provider::Absent.decide(C::AddProvider(cloud))
    };
    for cloud in ["https://bitbucket.org/team", "https://api.bitbucket.org"] {
        assert_eq!(at(cloud), Err(Refusal::BitbucketCloud), "{cloud}");
    }
    assert!(at("https://notbitbucket.org").is_ok());
}
