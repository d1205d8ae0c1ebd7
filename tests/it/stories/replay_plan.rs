//! What a dry run says is what the run does.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use domain::AccountId;
use forge::{Fault, GitHub, JournalEntry, TokenLife};
use serde_json::{Value, json};

use super::world::{Site, World};

/// What a plan or a report says, by key.
type Said = BTreeMap<String, String>;

fn all() -> Value {
    json!({ "provider": "github", "include": "all", "reason": "to be sure" })
}

impl World {
    async fn plan(&self, mut body: Value) -> Value {
        body["dry_run"] = true.into();
        let operator = self.service.operator().await;
        self.service.catches_up().await;
        operator.post("/api/v1/replays", body).await.is(200)
    }

    async fn run(&self, body: Value) -> (Value, Value) {
        let operator = self.service.operator().await;
        self.service.catches_up().await;
        let begun = operator.post("/api/v1/replays", body).await;
        begun.is(202);
        let path = begun.header("location").to_owned();
        self.settles_within(TimeDelta::minutes(2)).await;
        let done = operator.sees(&path).await.is(200);
        let report = operator.get(&format!("{path}/report")).await.is(200);
        (done, report)
    }

    /// Lets the policy do what it can, and nobody call anybody.
    async fn decides(&self) {
        let mut hands = self.hands().await;
        while hands.decides().await.moved {}
    }

    async fn keys_by_standing(&self, who: &str) -> BTreeMap<String, Value> {
        let keys = self.keys(who).await.into_iter();
        keys.map(|key| (key["status"].as_str().unwrap().to_owned(), key))
            .collect()
    }

    async fn paste(&self, site: &Site, who: &str, title: &str) {
        let key = &self.keys(who).await[0];
        let line = key["public_key"].as_str().unwrap();
        site.paste_key(who, title, line).unwrap();
    }
}

fn by_key(items: &Value, field: &str) -> Said {
    let items = items.as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .map(|item| (text(&item["key"]), text(&item[field])))
        .collect()
}

/// A refresh token is good once: whoever goes away while the next is on its way must not lose it.
#[tokio::test]
async fn who_goes_away_while_a_plan_gets_a_token_costs_nobody_their_grant() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(9));
    github.fail_with(Fault::Held.on(GitHub::TOKEN_ROUTE));
    let refreshes = |journal: &[JournalEntry]| {
        let calls = journal.iter();
        let calls = calls.filter(|entry| entry.route == GitHub::TOKEN_ROUTE);
        calls.count() == 2
    };
    tokio::select! {
        plan = world.plan(all()) => panic!("it is planned: {plan}"),
        () = github.until(refreshes) => {}
    }
    github.heal();
    let renewed = async {
        while world.happened("GrantRenewed").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_mins(1);
    tokio::time::timeout(patience, renewed).await.unwrap();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
}

/// What an outcome is in the words of a plan.
fn planned_as(outcome: &str) -> &'static str {
    match outcome {
        "created" => "create",
        "adopted" => "adopt",
        "withdrawn" => "withdraw",
        "found" | "not_there" | "released" => "nothing",
        "parked" => "parked",
        other => panic!("{other} is no end"),
    }
}

/// Everything that can be the case, for one person each, after an outage.
async fn every_case() -> (World, Site, BTreeMap<&'static str, AccountId>) {
    let world = World::new().await;
    let github = world.site("github").await;
    let mut accounts = BTreeMap::new();
    for who in ["dave", "eve", "finn", "gwen", "hugo"] {
        accounts.insert(who, world.link(who, &github).await);
    }
    world.settles().await;
    // Finn's and Gwen's old keys are replaced, and cannot be taken away.
    github.fail_with(Fault::Firewall.on("DELETE /user/keys/{id}"));
    for who in ["finn", "gwen"] {
        world.rotate(who, accounts[who]).await.is(202);
    }
    world.settles_within(TimeDelta::minutes(1)).await;
    for who in ["ada", "bob", "cleo", "iris"] {
        accounts.insert(who, world.link(who, &github).await);
    }
    world.decides().await;
    // What somebody in between refuses is parked in the end.
    github.fail_with(Fault::Firewall);
    world.settles_within(TimeDelta::hours(30)).await;
    github.heal();
    let parked = world.pending().await;
    assert_eq!(parked.len(), 6, "{parked:#?}");
    assert!(parked.iter().all(|row| row["status"] == "parked"));
    // Meanwhile people did as they liked.
    world.paste(&github, "bob", "my own").await;
    let key = world.keys("cleo").await[0]["key"].clone();
    let short = &key.as_str().unwrap()[24..];
    let ours = format!("Lanyard lanyard.example.com cleo {short}");
    world.paste(&github, "cleo", &ours).await;
    assert!(github.remove_key("eve", github.keys_of("eve")[0].id));
    let old = world.keys_by_standing("gwen").await["replaced"].clone();
    let there = github.keys_of("gwen").into_iter();
    let mut there = there.filter(|key| key.key == old["public_key"].as_str().unwrap());
    assert!(github.remove_key("gwen", there.next().unwrap().id));
    github.revoke_grant("hugo", &github.app.client_id);
    let key = world.keys("iris").await[0]["public_key"].clone();
    github.add_deploy_key(key.as_str().unwrap()).unwrap();
    (world, github, accounts)
}

#[tokio::test]
async fn a_plan_equals_what_the_run_does_in_every_case() {
    let (world, github, _accounts) = every_case().await;
    let (writes, size) = (github.writes(), world.events().await.len());
    let plan = world.plan(all()).await;
    assert_eq!(github.writes(), writes, "a plan writes nothing there");
    let refreshed = world.events().await.len() - size;
    assert_eq!(refreshed, 1, "an operator's token was made, nothing else");
    let said = by_key(&plan["items"], "would");
    let mut expected = BTreeMap::new();
    for (who, standing, word) in [
        ("ada", "current", "create"),
        ("bob", "current", "adopt"),
        ("cleo", "current", "nothing"),
        ("dave", "current", "nothing"),
        ("eve", "current", "create"),
        ("finn", "current", "nothing"),
        ("finn", "replaced", "withdraw"),
        ("gwen", "current", "nothing"),
        ("gwen", "replaced", "nothing"),
        ("hugo", "current", "unknown"),
        ("iris", "current", "create"),
    ] {
        let key = &world.keys_by_standing(who).await[standing]["key"];
        expected.insert(key.as_str().unwrap().to_owned(), word.to_owned());
    }
    assert_eq!(said, expected);
    for (word, count) in [
        ("planned", 11),
        ("create", 3),
        ("adopt", 1),
        ("withdraw", 1),
        ("nothing", 5),
        ("unknown", 1),
    ] {
        assert_eq!(plan[word], count, "{word}");
    }
    let unknown = plan["items"].as_array().unwrap().iter();
    let mut unknown = unknown.filter(|item| item["would"] == "unknown");
    let unknown = unknown.next().unwrap();
    assert_eq!(unknown["user"], "hugo");
    assert_eq!(unknown["unknown_because"]["blame"], "grant");

    let (done, report) = world.run(all()).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["planned"], plan["planned"]);
    let outcomes = by_key(&report["items"], "outcome");
    let iris = world.keys("iris").await[0]["key"].clone();
    for (key, said) in &said {
        match outcomes.get(key) {
            // Looked at, and nothing was needed.
            None => assert_eq!(said, "nothing"),
            // No list shows that a key is somebody else's.
            Some(outcome) if iris == key.as_str() => assert_eq!(outcome, "parked"),
            Some(outcome) if said == "unknown" => assert_eq!(outcome, "parked"),
            Some(outcome) => assert_eq!(planned_as(outcome), said, "{key}"),
        }
    }
    let left_alone = said.len() - outcomes.len();
    assert_eq!(report["in_place"], left_alone);
    assert_eq!(done["settled"], 9);
    assert_eq!(done["parked"], 2);
}

#[tokio::test]
async fn a_second_run_over_a_settled_world_asks_for_lists_and_changes_nothing() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    world.settles().await;
    world.run(all()).await;
    let (lists, calls) = (github.calls("GET /user/keys"), github.calls_of_ours());
    let before = world.events().await.len();
    let (done, report) = world.run(all()).await;
    assert_eq!(done["settled"], 2);
    assert_eq!(report["in_place"], 2);
    assert_eq!(report["items"], json!([]));
    let listed = github.calls("GET /user/keys") - lists;
    assert_eq!(listed, 2, "one list for each account");
    assert_eq!(github.calls_of_ours() - calls, listed);
    let events = world.events().await;
    let names = events[before..].iter().map(|event| event.event.kind().name);
    let names: Vec<_> = names.filter(|name| *name != "TokenCreated").collect();
    assert_eq!(names, ["ReplayStarted", "ReplayCompleted"]);
}

#[tokio::test]
async fn of_a_provider_that_is_down_a_plan_says_that_nothing_can_be_known_and_why() {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 1..=12 {
        world.link(&format!("dev{number}"), &github).await;
    }
    world.settles().await;
    github.goes_down();
    let calls = github.calls_of_ours();
    let plan = world.plan(all()).await;
    assert_eq!(plan["unknown"], 12);
    for item in plan["items"].as_array().unwrap() {
        assert_eq!(item["unknown_because"]["blame"], "provider", "{item}");
    }
    let asked = github.calls_of_ours() - calls;
    assert!(
        asked <= 4,
        "nobody asks again who was not answered: {asked}"
    );
    github.comes_back();
    world.switch(&github, "pause").await;
    let calls = github.calls_of_ours();
    let plan = world.plan(all()).await;
    assert_eq!(plan["unknown"], 12);
    assert_eq!(plan["items"][0]["why"], "the provider is paused");
    assert_eq!(github.calls_of_ours(), calls);
}

#[tokio::test]
async fn one_state_alone_can_be_taken_up() {
    let (world, _github, _accounts) = every_case().await;
    for (include, planned) in [
        ("requested", 0),
        ("failed", 0),
        ("parked", 6),
        ("unfinished", 6),
        ("all", 11),
    ] {
        let body = json!({ "provider": "github", "include": include, "reason": "to see" });
        assert_eq!(world.plan(body).await["planned"], planned, "{include}");
    }
}
