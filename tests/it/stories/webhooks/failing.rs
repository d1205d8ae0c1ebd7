//! Receivers that are away, slow, gone, or elsewhere.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::clock::{Clock, FixedClock};
use lanyard::database::postgres::PostgresDatabase;
use lanyard::eventlog::memory::MemoryLog;
use serde_json::json;

use super::{PAUSED, Post, RESUMED};
use crate::stories::world::World;
use crate::support::app::{BEGIN, TestApp};
use crate::support::postgres;
use crate::support::receiver::Receiver;

#[tokio::test]
async fn a_receiver_that_was_away_for_hours_gets_everything_once_and_in_order() {
    let mut post = Post::new().await;
    post.receiver.answers(503);
    for _ in 0..2 {
        post.pauses().await;
        post.resumes().await;
    }
    post.goes_for(TimeDelta::hours(9)).await;
    let tries = post.receiver.taken();
    assert_eq!(
        tries.len(),
        6,
        "at once, and after 5 s, 5 min, 30 min, 2 h, 5 h"
    );
    assert!(tries.iter().all(|taken| taken.id == tries[0].id));
    assert!(tries.iter().all(|taken| taken.body == tries[0].body));
    assert!(tries.is_sorted_by_key(|taken| taken.timestamp));
    let shown = post.shown().await;
    assert_eq!(shown["status"], "failing");
    assert_eq!(shown["problem"], "status 503");
    assert_eq!(shown["attempts"], 6);
    post.receiver.answers(200);
    post.restarts();
    post.goes_for(TimeDelta::hours(12)).await;
    assert_eq!(post.receiver.knows(), [PAUSED, RESUMED, PAUSED, RESUMED]);
    assert_eq!(post.receiver.taken().len(), 10);
    let shown = post.shown().await;
    assert_eq!(shown["status"], "active");
    assert_eq!(shown.get("problem"), None);
}

#[tokio::test]
async fn an_answer_that_was_lost_brings_the_same_message_again() {
    let mut post = Post::new().await;
    post.receiver.holds(true);
    post.pauses().await;
    post.world.service.catches_up().await;
    assert!(post.courier.notifier.look().await.unwrap().moved);
    post.receiver.until(1).await;
    // The process ends before the answer.
    post.restarts();
    post.receiver.holds(false);
    let again = post.goes().await;
    assert!(again.is_some(), "whoever is gone may still be sending");
    post.goes_for(TimeDelta::minutes(2)).await;
    let taken = post.receiver.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].id, taken[1].id);
    assert_eq!(taken[0].body, taken[1].body);
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_for_days_is_disabled_and_goes_on_when_enabled() {
    let mut post = Post::new().await;
    post.receiver.answers(500);
    post.pauses().await;
    post.goes_for(TimeDelta::days(3)).await;
    assert_eq!(post.shown().await["status"], "failing");
    post.goes_for(TimeDelta::days(1)).await;
    assert_eq!(post.receiver.taken().len(), 10);
    let shown = post.shown().await;
    assert_eq!(shown["status"], "disabled");
    assert_eq!(shown["disabled"], "unanswered");
    assert_eq!(shown["problem"], "status 500");
    assert_eq!(post.world.happened("WebhookDisabled").await, 1);
    post.resumes().await;
    assert_eq!(post.goes_for(TimeDelta::days(30)).await, None);
    assert_eq!(post.receiver.taken().len(), 10);
    post.receiver.answers(204);
    let shown = post.asks("/enable", json!({})).await;
    assert_eq!(
        (&shown["status"], &shown["attempts"]),
        (&json!("active"), &json!(0))
    );
    post.goes().await;
    assert_eq!(post.receiver.knows(), [PAUSED, RESUMED]);
}

#[tokio::test]
async fn a_receiver_that_is_enabled_and_still_away_has_all_its_tries_again() {
    let mut post = Post::new().await;
    post.receiver.answers(500);
    post.pauses().await;
    post.goes_for(TimeDelta::days(4)).await;
    post.asks("/enable", json!({})).await;
    post.goes_for(TimeDelta::days(1)).await;
    assert_eq!(post.shown().await["status"], "failing");
    post.goes_for(TimeDelta::days(3)).await;
    assert_eq!(post.receiver.taken().len(), 20);
    assert_eq!(post.world.happened("WebhookDisabled").await, 2);
}

#[tokio::test]
async fn a_receiver_that_is_gone_for_good_is_left_alone_at_once() {
    let mut post = Post::new().await;
    post.receiver.answers(410);
    post.pauses().await;
    post.resumes().await;
    assert_eq!(post.goes_for(TimeDelta::days(9)).await, None);
    assert_eq!(post.receiver.taken().len(), 1);
    assert_eq!(post.shown().await["disabled"], "gone");
    assert_eq!(post.world.happened("WebhookDisabled").await, 1);
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_is_given_it() {
    let mut post = Post::new().await;
    post.receiver.answers_once(429, &[("retry-after", "3600")]);
    let begin = post.world.service.clock.now();
    post.pauses().await;
    let next = post.goes().await.unwrap();
    assert_eq!(next, begin + TimeDelta::hours(1));
    post.goes_for(TimeDelta::hours(2)).await;
    assert_eq!(post.receiver.knows(), [PAUSED]);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_leads_nowhere() {
    let mut post = Post::new().await;
    let elsewhere = Receiver::open().await;
    let to = [("location", elsewhere.url())];
    let to: Vec<_> = to.iter().map(|(name, url)| (*name, url.as_str())).collect();
    for status in [301, 302, 307, 308] {
        post.receiver.answers_once(status, &to);
    }
    post.pauses().await;
    post.goes_for(TimeDelta::hours(2)).await;
    assert_eq!(elsewhere.taken().len(), 0);
    let problem = post.shown().await["problem"].clone();
    assert_eq!(problem, "status 308: a redirect is not followed");
    post.goes_for(TimeDelta::hours(2)).await;
    assert_eq!(post.receiver.knows(), [PAUSED]);
}

#[tokio::test]
async fn a_changed_address_is_tried_at_once_and_a_removed_webhook_never() {
    let mut post = Post::new().await;
    post.receiver.answers(404);
    post.pauses().await;
    post.goes_for(TimeDelta::hours(1)).await;
    let tries = post.receiver.taken().len();
    let elsewhere = Receiver::open().await;
    let admin = post.world.service.admin().await;
    let body = json!({ "url": elsewhere.url() });
    admin.patch(&post.path(""), body).await.is(200);
    post.goes().await;
    assert_eq!(elsewhere.knows(), [PAUSED]);
    assert_eq!(post.receiver.taken().len(), tries);
    let admin = post.world.service.admin().await;
    admin.delete(&post.path("")).await.is(204);
    post.resumes().await;
    assert_eq!(post.goes().await, None);
    assert_eq!(elsewhere.taken().len(), 1);
}

#[tokio::test]
async fn how_far_a_receiver_is_is_kept_in_postgresql_alike() {
    let Some(empty) = postgres::database().await else {
        return;
    };
    let begin: DateTime<Utc> = BEGIN.parse().unwrap();
    let clock = Arc::new(FixedClock::at(begin));
    let database = PostgresDatabase::open(empty.server()).await.unwrap();
    let log = Arc::new(MemoryLog::new(clock.clone()));
    let home = tempfile::tempdir().unwrap();
    let service = TestApp::with(log, Arc::new(database), clock, home).await;
    let mut post = Post::of(World::of(service)).await;
    post.receiver.answers(503);
    post.pauses().await;
    post.resumes().await;
    post.goes_for(TimeDelta::hours(1)).await;
    let shown = post.shown().await;
    assert_eq!(shown["attempts"], 4);
    assert_eq!(shown["problem"], "status 503");
    post.receiver.answers(200);
    post.restarts();
    post.goes_for(TimeDelta::hours(3)).await;
    assert_eq!(post.receiver.knows(), [PAUSED, RESUMED]);
    assert_eq!(post.shown().await["status"], "active");
}
