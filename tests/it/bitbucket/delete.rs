//! Deleting one key, and never all of them.

use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::{BitbucketDeletes, Fault};
use lanyard::providers::{GrantVerdict, RemoteKeyId};
use lanyard::vault::Secret;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::support::{Canned, Play, answer, assert_blames, envelope, key, words};
use crate::support::tree::read;

const AUTHORISATION: &str = "com.atlassian.bitbucket.AuthorisationException";

#[tokio::test]
async fn one_key_goes_and_the_others_stay() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        let ours = play.put(&access, 1).await;
        play.bitbucket
            .paste_key("ada", "laptop", &key(2).line)
            .unwrap();
        let removed = play.adapter.remove_key(&play.app, &access, &ours.id).await;
        assert!(removed.unwrap());
        let left = play.list(&access).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].title, "laptop");
        // Gone already is gone: Bitbucket does not tell the one from the other.
        let again = play.adapter.remove_key(&play.app, &access, &ours.id).await;
        assert!(again.is_ok());
        assert_eq!(play.bitbucket.deletes_without_an_id(), 0);
    }
}

#[tokio::test]
async fn a_server_that_refuses_deletes_leaves_it_to_the_person() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        let ours = play.put(&access, 1).await;
        for status in [401, 403] {
            play.bitbucket.deletes(BitbucketDeletes::Refused(status));
            let failure = play.adapter.remove_key(&play.app, &access, &ours.id).await;
            let failure = failure.unwrap_err();
            assert_blames(
                &failure,
                Blame::Grant,
                ReasonCode::RemoveByHand,
                GrantVerdict::Unknown,
            );
            assert!(words(&failure).contains("insufficient permissions"));
        }
        assert!(play.list(&access).await.is_ok(), "the grant is as it was");
        let id: u64 = ours.id.as_str().parse().unwrap();
        assert!(play.bitbucket.remove_key("ada", id));
        let removed = play.adapter.remove_key(&play.app, &access, &ours.id).await;
        assert!(
            !removed.unwrap(),
            "the person removed it, the refusal says nothing more"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_there_after_a_204_is_left_to_the_person() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        let ours = play.put(&access, 1).await;
        play.bitbucket.deletes(BitbucketDeletes::InWord);
        let failure = play.adapter.remove_key(&play.app, &access, &ours.id).await;
        let failure = failure.unwrap_err();
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::RemoveByHand,
            GrantVerdict::Unknown,
        );
        assert_eq!(failure.status, Some(204));
        assert!(words(&failure).contains("lists it all the same"));
        assert_eq!(play.bitbucket.calls("GET /ssh/latest/keys"), 1, "one look");
    }
}

#[tokio::test]
async fn a_204_that_no_list_bears_out_is_not_believed() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    let ours = play.put(&access, 1).await;
    let down = Fault::BadGateway.on("GET /ssh/latest/keys");
    play.bitbucket.fail_with(down.once());
    let failure = play.adapter.remove_key(&play.app, &access, &ours.id).await;
    assert_eq!(failure.unwrap_err().failure.blame, Blame::Provider);
    let again = play.adapter.remove_key(&play.app, &access, &ours.id).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn the_same_401_for_a_dead_token_is_not_left_to_the_person() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        let ours = play.put(&access, 1).await;
        play.bitbucket.deletes(BitbucketDeletes::Refused(401));
        play.bitbucket.revoke_grant("ada", &play.app.client_id);
        let failure = play.adapter.remove_key(&play.app, &access, &ours.id).await;
        assert_blames(
            &failure.unwrap_err(),
            Blame::Grant,
            ReasonCode::GrantRevoked,
            GrantVerdict::Expired,
        );
    }
    // A version that takes a dead token for none says the same of both.
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        envelope(
            401,
            AUTHORISATION,
            "You are not permitted to access this resource",
        )
    })
    .await;
    let id = RemoteKeyId::new("7").unwrap();
    let failure = canned
        .adapter
        .remove_key(&canned.app, &Secret::from("t"), &id)
        .await;
    assert_eq!(failure.unwrap_err().grant, GrantVerdict::Expired);
}

#[tokio::test]
async fn an_outage_leaves_the_key_and_says_so() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    let ours = play.put(&access, 1).await;
    for fault in [
        Fault::BadGateway,
        Fault::Maintenance,
        Fault::TooManyRequests(None),
    ] {
        play.bitbucket.fail_with(fault.once());
        let failure = play.adapter.remove_key(&play.app, &access, &ours.id).await;
        assert_eq!(failure.unwrap_err().failure.blame, Blame::Provider);
    }
    play.bitbucket.fail_with(Fault::LostAnswer.once());
    assert!(
        play.adapter
            .remove_key(&play.app, &access, &ours.id)
            .await
            .is_err()
    );
    assert!(
        play.adapter
            .remove_key(&play.app, &access, &ours.id)
            .await
            .is_ok()
    );
    assert!(play.bitbucket.keys_of("ada").is_empty());
}

#[tokio::test]
async fn a_404_of_a_proxy_says_nothing_of_the_key() {
    for body in [
        "<html>404</html>",
        r#"{"status-code":404,"message":"null for uri"}"#,
    ] {
        let canned = Canned::answering(Protocol::Oauth2, move |_| answer(404, &[], body)).await;
        let id = RemoteKeyId::new("7").unwrap();
        let failure = canned
            .adapter
            .remove_key(&canned.app, &Secret::from("t"), &id)
            .await;
        assert_eq!(
            failure.unwrap_err().failure.code,
            ReasonCode::ProviderProtocol
        );
    }
}

/// Whatever stands for an id: either it is none, or one key is asked for and the others stay.
#[test]
fn no_input_reaches_a_delete_without_an_id() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (play, access) = runtime.block_on(async {
        let play = Play::signed().await;
        let access = play.link("ada").await.access;
        for number in 1..4 {
            play.bitbucket
                .paste_key("ada", "laptop", &key(number).line)
                .unwrap();
        }
        (play, access)
    });
    let ids = prop_oneof![
        any::<String>(),
        "[/.%?#\\\\ ;&]{0,4}",
        "(|\\.|\\.\\.|\\./|%2e%2e|/|//|\\?|#| |0|null|undefined|latest|keys)",
        // None of the keys that are there: their ids are below a thousand.
        "[1-9][0-9]{4,18}",
    ];
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(64)
    });
    runner
        .run(&ids, |id| {
            let Some(id) = RemoteKeyId::new(id) else {
                return Ok(());
            };
            let removed = play.adapter.remove_key(&play.app, &access, &id);
            let removed = runtime.block_on(removed);
            prop_assert!(removed.is_ok(), "{:?}", removed);
            prop_assert_eq!(play.bitbucket.deletes_without_an_id(), 0);
            prop_assert_eq!(play.bitbucket.keys_of("ada").len(), 3);
            let journal = play.bitbucket.journal();
            let [.., asked, looked] = journal.as_slice() else {
                panic!("{journal:?}");
            };
            prop_assert_eq!(&asked.route, "DELETE /ssh/latest/keys/{id}");
            prop_assert_eq!(&looked.route, "GET /ssh/latest/keys");
            Ok(())
        })
        .unwrap();
}

/// The type that stands for one key is the only way to the method, and the client that takes any
/// method stays behind it: both stand in one place.
#[test]
fn the_adapter_names_the_method_once() {
    let folder = "src/providers/bitbucket_server";
    let (mut named, mut clients) = (Vec::new(), Vec::new());
    for file in std::fs::read_dir(crate::support::tree::root().join(folder)).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let text = read(&format!("{folder}/{name}"));
        let lines = |wanted: fn(&str) -> bool| {
            let found = text.lines().filter(move |line| wanted(line));
            found.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        named.extend(lines(|line| {
            line.contains("DELETE") || line.contains(".delete(")
        }));
        if name != "calls.rs" {
            clients.extend(lines(|line| line.contains(": Http")));
        }
    }
    let handed_on = "pub(super) fn new(http: Http, ids: Arc<dyn Ids>) -> Self {";
    assert_eq!(clients, [handed_on]);
    assert_eq!(named, ["Self::Delete(_) => Method::DELETE,"]);
}
