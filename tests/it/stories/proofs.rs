//! A Forgejo to which keys are proven, so that commits are trusted that are signed with them.

use domain::ReasonCode;
use forge::GiteaOptions;
use serde_json::json;

use super::gitea::Place;

async fn signing() -> Place {
    let place = Place::with(GiteaOptions::forgejo_that_takes_proofs()).await;
    place.changes(json!({ "signing": true })).await.is(200);
    place
}

fn proven(place: &Place) -> Vec<(String, bool)> {
    let keys = place.gitea.keys_of("ada").into_iter();
    keys.map(|key| (key.key, key.verified)).collect()
}

#[tokio::test]
async fn a_key_is_put_and_proven_and_so_is_the_one_that_takes_its_place() {
    let place = signing().await;
    let account = place.ada().await;
    let first = place.lines().remove(0);
    assert_eq!(proven(&place), [(first.clone(), true)]);
    place.world.rotate("ada", account).await.is(202);
    place.world.settles().await;
    let second = place.lines().remove(0);
    assert_ne!(second, first);
    assert_eq!(proven(&place), [(second, true)]);
    place.world.unlink("ada", account).await;
    place.world.settles().await;
    assert!(place.lines().is_empty());
    assert_eq!(place.world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_key_that_was_there_before_is_found_unproven_and_restored() {
    let place = Place::with(GiteaOptions::forgejo_that_takes_proofs()).await;
    let account = place.ada().await;
    place.sweeps().await;
    assert_eq!(place.world.drift().await["placements"], json!([]));
    assert!(!proven(&place)[0].1);
    // An admin comes to want more.
    place.changes(json!({ "signing": true })).await.is(200);
    place.sweeps().await;
    let found = place.world.drift().await["placements"][0]["drift"].clone();
    assert_eq!(found["what"], "not_for_signing");
    assert_eq!(found["code"], "key_not_for_signing");
    let id = place.gitea.keys_of("ada")[0].id;
    super::drift::restores(&place.world, "ada", account)
        .await
        .is(202);
    place.world.settles().await;
    assert!(proven(&place)[0].1);
    assert_eq!(place.gitea.keys_of("ada")[0].id, id, "it is the same key");
    assert_eq!(place.world.drift().await["placements"], json!([]));
}

#[tokio::test]
async fn the_policy_proves_a_key_once_more() {
    let place = signing().await;
    place.ada().await;
    let body = json!({ "on_missing": "restore" });
    place.changes(body).await.is(200);
    let id = place.gitea.keys_of("ada")[0].id;
    place.gitea.forget_proof("ada", id);
    place.sweeps().await;
    place.world.settles().await;
    assert!(proven(&place)[0].1);
    assert_eq!(place.world.drift().await["placements"], json!([]));
}

#[tokio::test]
async fn a_name_that_nobody_can_guess_parks_the_key_with_what_to_do() {
    let place = Place::with(GiteaOptions {
        proofs: Some("git.acme.example".to_owned()),
        ..GiteaOptions::forgejo_that_takes_proofs()
    })
    .await;
    place.changes(json!({ "signing": true })).await.is(200);
    place.ada().await;
    assert_eq!(
        proven(&place).len(),
        1,
        "people sign in with it all the same"
    );
    let pending = place.world.pending().await;
    let failure = &pending[0]["failure"];
    let code = ReasonCode::KeyNotForSigning;
    assert_eq!(failure["code"], code.as_str(), "{pending:?}");
    assert!(failure["detail"].as_str().unwrap().contains("DOMAIN"));
    // The admin switches it off, and somebody asks for another try.
    place.changes(json!({ "signing": false })).await.is(200);
    let replay = json!({ "provider": "gitea", "include": "all", "reason": "no signing" });
    let operator = place.world.service.operator().await;
    place.world.service.catches_up().await;
    operator.post("/api/v1/replays", replay).await.is(202);
    place.world.settles().await;
    assert_eq!(place.world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_server_that_takes_no_proofs_is_refused_with_the_reason() {
    for options in [GiteaOptions::gitea(), GiteaOptions::forgejo()] {
        let place = Place::with(options).await;
        let refused = place.changes(json!({ "signing": true })).await;
        let words = refused.is_problem(422, "provider-signing-not-done");
        let detail = words["title"].as_str().unwrap();
        assert!(
            detail.contains("Forgejo") && detail.contains("Gitea"),
            "{detail}"
        );
        let body = json!({
            "provider": "other", "kind": "gitea", "name": "Other", "signing": true,
            "base_url": place.gitea.base_url(), "client_id": "id", "client_secret": "secret",
        });
        let admin = place.world.service.admin().await;
        let refused = admin.post("/api/v1/providers", body).await;
        refused.is_problem(422, "provider-signing-not-done");
    }
}
