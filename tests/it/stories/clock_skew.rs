//! The clock of a Bitbucket Server, against which it judges what is signed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use domain::provider::Protocol;
use serde_json::json;

use super::bitbucket::{ahead_by, lines, link};
use super::world::World;

#[tokio::test]
async fn a_clock_that_is_minutes_off_is_one_alarm_and_costs_nobody_a_link() {
    let world = World::new().await;
    let minutes = Arc::new(AtomicI64::new(0));
    let server = ahead_by(&world, Protocol::Oauth1, minutes.clone()).await;
    let ada = link(&world, &server, "ada").await;
    let bob = link(&world, &server, "bob").await;
    world.settles().await;
    minutes.store(7, Ordering::SeqCst);
    world.rotate("ada", ada).await.is(202);
    world.rotate("bob", bob).await.is(202);
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("ProviderAppRefused").await, 1);
    assert_eq!(world.happened("GrantLost").await, 0);
    let admin = world.service.admin().await;
    let refused =
        async || admin.get("/api/v1/providers/bitbucket").await.is(200)["refused"].clone();
    assert_eq!(refused().await["code"], "clock_skew");
    let remedy = refused().await["remedy"].to_string();
    assert!(remedy.contains("clocks"), "{remedy}");
    for waiting in world.pending().await {
        assert_eq!(waiting["failure"]["code"], "clock_skew");
        assert_eq!(waiting["failure"]["blame"], "app");
    }
    minutes.store(0, Ordering::SeqCst);
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("ProviderAppAccepted").await, 1);
    assert_eq!(refused().await, json!(null));
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(lines(&server, "ada").len(), 1);
    assert_eq!(lines(&server, "bob").len(), 1);
}
