//! Keys that are named one by one.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{counts, states};
use crate::stories::world::World;

#[tokio::test]
async fn the_keys_that_an_incident_touched_are_replaced_and_no_others() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let keys = [world.keys("ada").await, world.keys("cleo").await];
    let named = |keys: &[Value], field: &str| keys[0][field].as_str().unwrap().to_owned();
    let body = json!({
        "keys": [named(&keys[0], "key"), named(&keys[1], "fingerprint")],
        "compromised": true, "reason": "a laptop was stolen",
    });
    let plan = world.plans_campaign(body.clone()).await;
    assert_eq!([&plan["planned"], &plan["skipped"]], [2, 0]);
    let path = world.campaigns(body.clone()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(seen["scope"]["keys"].as_array().unwrap().len(), 2);
    assert_eq!(counts(&seen), [2, 2, 2, 0, 0, 0]);
    let expected = ["ada", "cleo"].map(|person| (person, "placed"));
    assert_eq!(world.report(&path).await, states(expected));
    // What was named is done, whatever its successors are.
    assert_eq!(world.plans_campaign(body).await["planned"], 0);
}
