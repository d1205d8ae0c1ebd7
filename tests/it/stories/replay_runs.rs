//! A replay on its way: stopped, resumed, watched, and reported.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use forge::Fault;
use serde_json::{Value, json};

use super::world::{Site, World};

const REPLAYS: &str = "/api/v1/replays";

/// How many people a story of many has: more than two pages of what a replay takes up. A run of
/// 5,000, which takes minutes, is `LANYARD_REPLAY_PEOPLE=5000`.
fn people() -> u32 {
    let asked = std::env::var_os("LANYARD_REPLAY_PEOPLE");
    asked.map_or(230, |asked| asked.to_str().unwrap().parse().unwrap())
}

/// So many people's keys are requested, and none is there yet.
async fn many_requested(people: u32) -> (World, Site) {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 0..people {
        world.link(&format!("dev{number}"), &github).await;
    }
    world.decides_all().await;
    (world, github)
}

impl World {
    async fn decides_all(&self) {
        let mut hands = self.hands().await;
        while hands.decides().await.moved {}
    }

    async fn begins(&self, body: Value) -> String {
        let operator = self.service.operator().await;
        self.service.catches_up().await;
        let begun = operator.post(REPLAYS, body).await;
        begun.is(202);
        begun.header("location").to_owned()
    }

    async fn at(&self, path: &str) -> Value {
        self.service.operator().await.sees(path).await.is(200)
    }

    /// Reads a stream to its end.
    async fn events_of(&self, path: &str) -> Vec<(String, Value)> {
        let operator = self.service.operator().await;
        let answer = operator
            .send("GET", path, None, &[("last-event-id", "7")])
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let blocks = answer.body.split("\n\n");
        let field = |block: &str, name: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
        };
        blocks
            .filter_map(|block| Some((field(block, "event: ")?, field(block, "data: ")?)))
            .map(|(name, data)| (name, serde_json::from_str(&data).unwrap()))
            .collect()
    }
}

fn unfinished() -> Value {
    json!({ "provider": "github", "reason": "incident 4711" })
}

#[tokio::test]
async fn a_replay_that_was_stopped_midway_goes_on_with_what_it_had_not_taken_up() {
    let people = people();
    let (world, github) = many_requested(people).await;
    world.switch(&github, "pause").await;
    let mut plan = unfinished();
    plan["dry_run"] = true.into();
    let operator = world.service.operator().await;
    world.service.catches_up().await;
    let planned = operator.post(REPLAYS, plan).await.is(200)["planned"].clone();
    assert_eq!(planned, people);
    let path = world.begins(unfinished()).await;
    // One page is taken up; then an operator has second thoughts.
    world.round().await;
    operator.delete(&path).await.is(204);
    world.works().await;
    let stopped = world.at(&path).await;
    assert_eq!(stopped["status"], "cancelled");
    let taken = stopped["open"].as_u64().unwrap();
    assert!((1..u64::from(people)).contains(&taken), "{stopped}");
    world.restarts().await;
    let resume = format!("{path}/resume");
    let resumed = operator
        .post(&resume, json!({ "reason": "all clear" }))
        .await;
    assert_eq!(resumed.header("location"), path);
    assert_eq!(resumed.is(202)["status"], "running");
    operator.post(&resume, json!({})).await.is(202);
    world.restarts().await;
    world.works().await;
    assert_eq!(world.at(&path).await["open"], people, "each of them, once");
    world.switch(&github, "resume").await;
    world.settles().await;
    let done = world.at(&path).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["settled"], planned);
    assert_eq!(github.writes().len(), people as usize);
    operator
        .post(&resume, json!({}))
        .await
        .is_problem(409, "replay-completed");
    // Once more is nothing more.
    let calls = github.calls_of_ours();
    let again = world.begins(unfinished()).await;
    world.settles().await;
    let again = world.at(&again).await;
    assert_eq!(
        (&again["planned"], &again["settled"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(github.calls_of_ours(), calls);
    // Who asked for each step, and why.
    let auditor = world.service.auditor().await;
    let found = auditor
        .sees("/api/v1/audit/events?type=ReplayResumed")
        .await
        .is(200)
        .to_string();
    assert!(found.contains("all clear"), "{found}");
}

#[tokio::test]
async fn a_replay_is_watched_to_its_end() {
    let (world, _github) = many_requested(3).await;
    let path = world.begins(unfinished()).await;
    let progress = format!("{path}/progress");
    let (told, ()) = tokio::join!(world.events_of(&progress), world.settles());
    let (last, before) = told.split_last().unwrap();
    assert_eq!(last.0, "end");
    assert_eq!(
        last.1,
        json!({ "status": "completed", "planned": 3, "open": 0, "settled": 3, "parked": 0 })
    );
    assert!(
        before.iter().all(|(name, _)| name == "progress"),
        "{told:?}"
    );
    let different: BTreeSet<String> = told.iter().map(|(_, data)| data.to_string()).collect();
    assert_eq!(different.len(), told.len(), "nothing is told twice");
    // Whoever comes when it is over is told so at once.
    assert_eq!(world.events_of(&progress).await, std::slice::from_ref(last));
    let operator = world.service.operator().await;
    let unknown = format!("{REPLAYS}/0199aaaa-0000-7000-8000-000000000000/progress");
    operator
        .get(&unknown)
        .await
        .is_problem(404, "replay-not-found");
}

#[tokio::test]
async fn a_plan_tells_how_far_it_is() {
    let (world, _github) = many_requested(9).await;
    let operator = world.service.operator().await;
    world.service.catches_up().await;
    let mut body = unfinished();
    body["dry_run"] = true.into();
    let accept = [("accept", "text/event-stream")];
    let answer = operator
        .send("POST", REPLAYS, Some(body.clone()), &accept)
        .await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert!(answer.body.contains("event: looked\n"), "{}", answer.body);
    let (_, plan) = answer.body.split_once("event: plan\ndata: ").unwrap();
    let plan: Value = serde_json::from_str(plan.trim()).unwrap();
    assert_eq!(plan["create"], 9);
    body["provider"] = "elsewhere".into();
    let answer = operator.send("POST", REPLAYS, Some(body), &accept).await;
    answer.is_problem(404, "provider-not-found");
}

#[tokio::test]
async fn a_report_says_who_why_and_what_became_of_each() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    github.fail_with(Fault::Firewall);
    world.settles_within(TimeDelta::hours(30)).await;
    github.heal();
    let key = world.keys("bob").await[0]["public_key"].clone();
    github.add_deploy_key(key.as_str().unwrap()).unwrap();
    let body = json!({ "provider": "github", "reason": "INC-7: a | b *outage*" });
    let path = world.begins(body).await;
    world.settles().await;
    let report = world.at(&format!("{path}/report")).await;
    assert_eq!(report["replay"]["started_by"], "olga");
    assert_eq!(report["replay"]["status"], "completed");
    assert_eq!(report["outcomes"].as_array().unwrap().len(), 2);
    let items = report["items"].as_array().unwrap();
    let of = |who: &str| items.iter().find(|item| item["user"] == who).unwrap();
    let (ada, bob) = (of("ada"), of("bob"));
    for item in [ada, bob] {
        assert_eq!(item["before"]["status"], "parked");
        assert_eq!(item["before"]["failure"]["blame"], "provider");
        assert_eq!(item["wanted"], "present");
    }
    assert_eq!(
        (&ada["after"], &ada["outcome"]),
        (&json!("published"), &json!("created"))
    );
    assert_eq!(
        (&bob["after"], &bob["outcome"]),
        (&json!("parked"), &json!("parked"))
    );
    assert_eq!(bob["failure"]["code"], "key_conflict_other_account");
    assert!(!bob["failure"]["remedy"].as_str().unwrap().is_empty());
    let auditor = world.service.auditor().await;
    let page = auditor
        .send(
            "GET",
            &format!("{path}/report"),
            None,
            &[("accept", "text/markdown")],
        )
        .await;
    assert_eq!(page.header("content-type"), "text/markdown; charset=utf-8");
    assert!(
        page.body.starts_with("# Replay of github\n"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("| Why | INC-7: a \\| b \\*outage\\* |"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("key\\_conflict\\_other\\_account"),
        "{}",
        page.body
    );
    // A later rotation is another story, and changes no report.
    let account = world.accounts("ada").await[0]["account"].clone();
    let account = account.as_str().unwrap().parse().unwrap();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let later = world.at(&format!("{path}/report")).await;
    assert_eq!(later["items"], report["items"]);
}

#[tokio::test]
async fn a_replay_that_checks_what_is_in_place_survives_a_stop_and_a_restart() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    world.settles().await;
    assert!(github.remove_key("ada", github.keys_of("ada")[0].id));
    let body = json!({ "provider": "github", "include": "all", "reason": "to be sure" });
    let path = world.begins(body).await;
    let operator = world.service.operator().await;
    operator.delete(&path).await.is(204);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    let resumed = operator.post(&format!("{path}/resume"), json!({})).await;
    resumed.is(202);
    world.restarts().await;
    world.settles().await;
    let done = world.at(&path).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["settled"], 2);
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.happened("ReplayCompleted").await, 1);
}

#[tokio::test]
async fn where_people_carry_their_keys_nothing_is_replayed() {
    let world = World::new().await;
    let body = json!({
        "provider": "azure", "kind": "azure_devops", "name": "Azure",
        "base_url": "https://dev.azure.com/contoso",
    });
    let admin = world.service.admin().await;
    admin.post("/api/v1/providers", body).await.is(201);
    let operator = world.service.operator().await;
    for dry_run in [true, false] {
        let body = json!({ "provider": "azure", "reason": "x", "dry_run": dry_run });
        let answer = operator.post(REPLAYS, body).await;
        answer.is_problem(409, "replay-by-hand");
    }
    assert_eq!(world.happened("ReplayStarted").await, 0);
}

#[tokio::test]
async fn a_replay_is_complete_although_there_is_always_something_new() {
    let (world, _github) = many_requested(3).await;
    let path = world.begins(unfinished()).await;
    for turn in 0..100 {
        world.passes(TimeDelta::seconds(2));
        // A token is an event that is nobody's business here.
        world.service.user(&format!("somebody{turn}")).await;
        assert!(world.round().await.moved, "it is never idle");
    }
    assert_eq!(world.at(&path).await["status"], "completed");
    assert_eq!(world.happened("ReplayCompleted").await, 1);
}
