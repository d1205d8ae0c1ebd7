//! People are told, and told once.

use serde_json::{Value, json};

use super::world::World;
use crate::support::by_hand::{azure, confirms, links};
use forge::{Fault, GitHub, TokenLife};

impl World {
    /// What a person sees that concerns them, open or not: `+kind`, `-kind` once it is over.
    async fn sees(&self, who: &str) -> Vec<String> {
        let person = self.service.user(who).await;
        let seen = person.sees("/api/v1/me/notices").await.is(200);
        signs(&seen)
    }

    /// What operators see, open or not.
    async fn watches(&self) -> Vec<String> {
        let operator = self.service.operator().await;
        signs(&operator.sees("/api/v1/notices").await.is(200))
    }
}

fn signs(seen: &Value) -> Vec<String> {
    let notices = seen["notices"].as_array().unwrap();
    let sign = |notice: &Value| {
        let open = notice.get("closed_at").is_none();
        let kind = notice["kind"].as_str().unwrap();
        format!("{}{kind}", if open { '+' } else { '-' })
    };
    notices.iter().map(sign).collect()
}

#[tokio::test]
async fn where_all_is_well_nobody_is_told_anything() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(world.sees("ada").await, [""; 0]);
    assert_eq!(world.watches().await, [""; 0]);
}

#[tokio::test]
async fn whoever_must_link_again_is_told_until_they_did() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.link("bob", &github).await;
    world.settles().await;
    world.passes(chrono::TimeDelta::hours(9));
    let refused = Fault::OAuthError("bad_refresh_token".to_owned());
    github.fail_with(refused.on(GitHub::TOKEN_ROUTE));
    for _ in 0..2 {
        world.rotate("ada", account).await.is(202);
        world.settles().await;
    }
    assert_eq!(world.sees("ada").await, ["+needs_relink"]);
    assert_eq!(world.sees("bob").await, [""; 0], "it is not his affair");
    assert_eq!(world.watches().await, ["+needs_relink"]);
    github.heal();
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(world.sees("ada").await, ["-needs_relink"]);
}

#[tokio::test]
async fn an_outage_is_one_notice_and_none_of_each_key() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    github.goes_down();
    world.settles_within(chrono::TimeDelta::hours(1)).await;
    assert_eq!(world.watches().await, ["+provider_down"]);
    assert_eq!(world.sees("ada").await, ["+provider_down"]);
    github.comes_back();
    world.settles_within(chrono::TimeDelta::minutes(5)).await;
    assert_eq!(world.sees("ada").await, ["-provider_down"]);
}

#[tokio::test]
async fn a_refused_app_is_one_notice_for_everybody_there() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let accounts = [
        ("ada", world.link("ada", &github).await),
        ("bob", world.link("bob", &github).await),
    ];
    world.settles().await;
    let right = github.change_secret(&github.app.client_id);
    world.passes(chrono::TimeDelta::hours(9));
    for (who, account) in accounts {
        world.rotate(who, account).await.is(202);
    }
    world.settles_within(chrono::TimeDelta::days(3)).await;
    assert_eq!(world.watches().await, ["+app_refused"]);
    assert_eq!(world.sees("ada").await, ["+app_refused"]);
    assert_eq!(
        world.sees("cleo").await,
        [""; 0],
        "she has no account there"
    );
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    world.settles_within(chrono::TimeDelta::minutes(5)).await;
    assert_eq!(world.watches().await, ["-app_refused"]);
}

#[tokio::test]
async fn a_key_that_ends_soon_is_told_until_it_is_pasted_again() {
    let world = World::new().await;
    azure(&world.service).await;
    let ada = world.service.user("ada").await;
    let account = links(&ada, "azure", "ada").await;
    world.settles().await;
    let key = world.keys("ada").await[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    confirms(&ada, &account, &key, true).await;
    world.settles_within(chrono::TimeDelta::days(336)).await;
    let ada = world.service.user("ada").await;
    let seen = ada.sees("/api/v1/me/notices?open=true").await.is(200);
    let notice = &seen["notices"][0];
    assert_eq!(notice["kind"], "key_expiring");
    assert_eq!(notice["key"], key);
    assert!(
        notice["remedy"]
            .as_str()
            .unwrap()
            .contains("paste the key again")
    );
    confirms(&ada, &account, &key, true).await;
    world.settles().await;
    assert_eq!(world.sees("ada").await, ["-key_expiring"]);
}

#[tokio::test]
async fn a_paused_provider_is_told_to_whoever_has_an_account_there() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.switch(&github, "pause").await;
    world.switch(&github, "pause").await;
    assert_eq!(world.sees("ada").await, ["+provider_paused"]);
    world.switch(&github, "resume").await;
    assert_eq!(world.sees("ada").await, ["-provider_paused"]);
}
