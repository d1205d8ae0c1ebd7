//! What a busy run looks like from the providers' side.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use forge::{GitHubOptions, JournalEntry, WritePace};
use lanyard::clock::Clock;
use serde_json::json;

use super::world::{Site, World};
use crate::support::worker::Hands;

const PEOPLE: [&str; 5] = ["ada", "bob", "cleo", "dora", "eve"];

/// When each person's token wrote.
fn writes(site: &Site) -> BTreeMap<String, Vec<DateTime<Utc>>> {
    let is_write = |entry: &JournalEntry| {
        matches!(entry.method.as_str(), "POST" | "DELETE") && entry.route.contains("keys")
    };
    let mut writes: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for entry in site.journal().into_iter().filter(is_write) {
        let user = entry.user.expect("whose token it is");
        writes.entry(user).or_default().push(entry.at);
    }
    writes
}

/// A provider that refuses two writes of one token within a second, and takes keys for signing too.
async fn strict(world: &World, slug: &'static str) -> Site {
    let clock = world.service.clock.clone();
    let options = GitHubOptions {
        write_pace: WritePace::OncePerSecond,
        ..GitHubOptions::dot_com().with_clock(Arc::new(move || clock.now()))
    };
    world.site_with(slug, options).await
}

#[tokio::test]
async fn after_a_busy_run_no_token_was_ever_used_twice_at_once() {
    let world = World::new().await;
    let sites = [
        strict(&world, "github").await,
        strict(&world, "forge").await,
    ];
    let mut accounts = Vec::new();
    for person in PEOPLE {
        for site in &sites {
            accounts.push((person, world.link(person, site).await));
        }
    }
    world.settles().await;
    // Rotations, sweeps, a replay of everything and unlinkings, all at the same time and for hours.
    let mut looking = Hands::new(&world.service.app);
    for round in 0..6 {
        let rotating = accounts.iter().skip(round % 2).step_by(2);
        for (person, account) in rotating {
            world.rotate(person, *account).await;
        }
        for site in &sites {
            let sweep = format!("/api/v1/providers/{}/sweep", site.slug);
            let operator = world.service.operator().await;
            operator.post(&sweep, json!({})).await.is(202);
        }
        let body = json!({ "provider": "github", "include": "all", "reason": "busy" });
        let operator = world.service.operator().await;
        operator.post("/api/v1/replays", body).await;
        for _ in 0..12 {
            let mut working = world.hands().await;
            tokio::join!(
                working.round(),
                looking.looks(&world.service.clock, TimeDelta::zero()),
            );
            drop(working);
            world.passes(TimeDelta::milliseconds(300));
        }
        world.settles().await;
    }
    for (person, account) in accounts.drain(..).take(4) {
        world.unlink(person, account).await;
    }
    world.settles().await;
    for site in &sites {
        assert!(site.journal().len() > 50, "it was busy");
        assert_eq!(site.at_once(), []);
        for (user, writes) in writes(site) {
            for pair in writes.windows(2) {
                assert!(
                    pair[1] - pair[0] >= TimeDelta::seconds(1),
                    "{user}: {writes:?}"
                );
            }
        }
    }
    assert_eq!(world.happened("KeyPublicationFailed").await, 0);
}

#[tokio::test]
async fn two_tokens_do_not_wait_for_each_other() {
    let world = World::new().await;
    let github = strict(&world, "github").await;
    for person in PEOPLE {
        world.link(person, &github).await;
    }
    world.works().await;
    let writes = writes(&github);
    let begin = writes["ada"][0];
    for person in PEOPLE {
        assert_eq!(writes[person], [begin], "{person} did not wait for anybody");
    }
}
