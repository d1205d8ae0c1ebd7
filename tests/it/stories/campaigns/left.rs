//! Keys that a campaign leaves as they are, or that wait for somebody.

use chrono::TimeDelta;
use domain::AccountId;
use domain::keyring::Algorithm;
use forge::{Fault, GitHub, TokenLife};
use serde_json::json;

use super::{PEOPLE, counts, ecdsa, states};
use crate::stories::drift::{removes_all, restores};
use crate::stories::world::{Site, World};

impl World {
    /// Lets a refresh be refused, which is noticed with the next key.
    async fn loses_grant(&self, who: &str, site: &Site, account: AccountId) {
        self.passes(TimeDelta::hours(9));
        let refused = Fault::OAuthError("bad_refresh_token".to_owned());
        site.fail_with(refused.on(GitHub::TOKEN_ROUTE));
        self.rotate(who, account).await.is(202);
        self.settles().await;
        assert_eq!(self.accounts(who).await[0]["status"], "grant_lost");
    }
}

#[tokio::test]
async fn what_cannot_be_rotated_is_left_with_a_reason() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.new_keys_are(Algorithm::EcdsaP256).await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let adas = world.link("ada", &github).await;
    world.link("bob", &forge).await;
    let cleo = world.service.user("cleo").await;
    let body = json!({ "holder": "personal" });
    cleo.post("/api/v1/users/me/keys", body).await.is(201);
    world.settles().await;
    let plan = world.plans_campaign(ecdsa()).await;
    assert_eq!([&plan["planned"], &plan["skipped"]], [0, 3]);
    let whys: Vec<_> = plan["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["skip"]["why"].as_str().unwrap())
        .collect();
    assert!(
        whys.contains(&"same_algorithm"),
        "the default is not changed"
    );
    world.new_keys_are(Algorithm::Ed25519).await;
    world.loses_grant("ada", &github, adas).await;
    world.switch(&forge, "disable").await;
    let body = json!({ "algorithms": ["ecdsa", "ed25519"], "older_than_days": 1, "reason": "all" });
    world.passes(TimeDelta::days(2));
    let path = world.campaigns(body).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [0, 0, 0, 0, 0, 3]);
    let report = world.shows(&format!("{path}/report")).await;
    let mut whys: Vec<_> = report["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            assert_eq!(key["state"], "skipped");
            let remedy = key["skip"]["remedy"].as_str().unwrap();
            assert!(!remedy.is_empty());
            key["skip"]["why"].as_str().unwrap()
        })
        .collect();
    whys.sort_unstable();
    assert_eq!(whys, ["grant_lost", "personal", "provider_disabled"]);
}

#[tokio::test]
async fn whoever_links_again_while_a_campaign_runs_is_not_left_out() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.new_keys_are(Algorithm::EcdsaP256).await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let adas = world.link("ada", &github).await;
    world.link("bob", &forge).await;
    world.settles().await;
    world.loses_grant("ada", &github, adas).await;
    world.new_keys_are(Algorithm::Ed25519).await;
    forge.goes_down();
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "running", "bob's key is on its way");
    assert_eq!(counts(&seen), [1, 1, 0, 1, 0, 1]);
    github.heal();
    world.link("ada", &github).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.shows(&path).await["rotated"], 2);
    forge.comes_back();
    world.settles_within(TimeDelta::hours(1)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [1, 2, 2, 0, 0, 0]);
}

#[tokio::test]
async fn what_its_person_removed_is_left_and_taken_up_once_it_is_restored() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    for person in ["bob", "dora"] {
        removes_all(&github, person);
    }
    world.sweeps(&github).await;
    let mut body = ecdsa();
    for compromised in [true, false] {
        body["compromised"] = compromised.into();
        let plan = world.plans_campaign(body.clone()).await;
        assert_eq!([&plan["planned"], &plan["skipped"]], [2, 2]);
        assert_eq!(plan["items"][1]["skip"]["why"], "removed");
        let remedy = plan["items"][1]["skip"]["remedy"].as_str().unwrap();
        assert!(remedy.contains("restored"), "{remedy}");
    }
    body["keys_per_minute"] = 1.into();
    let path = world.campaigns(body).await;
    world.settles_within(TimeDelta::seconds(50)).await;
    let accounts = world.accounts("bob").await;
    let account = accounts[0]["account"].as_str().unwrap().parse().unwrap();
    restores(&world, "bob", account).await.is(202);
    world.settles_within(TimeDelta::minutes(10)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [2, 3, 3, 0, 0, 1]);
    assert_eq!(github.lines("dora").len(), 0, "they meant it");
}

#[tokio::test]
async fn a_campaign_is_over_when_what_is_left_waits_for_somebody() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    world.has_people(&github).await;
    world.passes(TimeDelta::hours(9));
    let refused = Fault::OAuthError("bad_refresh_token".to_owned());
    github.fail_with(refused.on(GitHub::TOKEN_ROUTE));
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [4, 4, 0, 0, 4, 0]);
    let report = world.shows(&format!("{path}/report")).await;
    let first = &report["keys"][0];
    assert_eq!(first["state"], "parked");
    assert!(first["failure"]["remedy"].is_string(), "{first}");
    // The report is as things are now.
    github.heal();
    for person in PEOPLE {
        world.link(person, &github).await;
    }
    world.settles_within(TimeDelta::minutes(5)).await;
    let expected = PEOPLE.map(|person| (person, "placed"));
    assert_eq!(world.report(&path).await, states(expected));
}

#[tokio::test]
async fn a_report_comes_in_pages_each_key_once() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let mut body = ecdsa();
    body["keys_per_minute"] = 1.into();
    let path = world.campaigns(body).await;
    world.settles_within(TimeDelta::seconds(70)).await;
    for limit in 1..=5 {
        let mut users = Vec::new();
        let mut query = format!("{path}/report?limit={limit}");
        loop {
            let page = world.shows(&query).await;
            for key in page["keys"].as_array().unwrap() {
                users.push(key["user"].as_str().unwrap().to_owned());
            }
            match page["next"].as_str() {
                Some(next) => query = format!("{path}/report?limit={limit}&after={next}"),
                None => break,
            }
        }
        assert_eq!(users, PEOPLE, "by {limit}");
    }
}
