//! What a replay would do, as a plan is read: a line per key, and the sum.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::events::Events;
use super::super::output::{Column, Output, say};
use super::super::progress::Progress;
use super::REPLAYS;

const COLUMNS: [Column; 6] = [
    ("WOULD", "/would"),
    ("USER", "/user"),
    ("KEY", "/key"),
    ("NOW", "/status"),
    ("WHY", "/why"),
    ("TO DO", "/unknown_because/remedy"),
];

/// Has the plan made, shows how far it is, and prints it.
pub(super) async fn show(client: &Client, output: Output, mut body: Value) -> anyhow::Result<()> {
    body["dry_run"] = json!(true);
    let plan = made(client, &body).await?;
    if output.json {
        output.one(&plan);
        return Ok(());
    }
    // What needs nothing is told in the sum only.
    let items = plan["items"].as_array().into_iter().flatten();
    let changes: Vec<&Value> = items.filter(|item| item["would"] != "nothing").collect();
    output.list(&json!(changes), &COLUMNS, "nothing would be done");
    say(&format!(
        "plan: {} to create, {} to adopt, {} to withdraw, {} as they should be, {} unknown",
        plan["create"], plan["adopt"], plan["withdraw"], plan["nothing"], plan["unknown"]
    ));
    Ok(())
}

async fn made(client: &Client, body: &Value) -> anyhow::Result<Value> {
    let mut events = Events::of(client.follow_post(REPLAYS, body).await?);
    let mut progress = Progress::new("planning", 0);
    while let Some(event) = events.next().await {
        match event.name.as_str() {
            "looked" => {
                let number = |name: &str| event.data[name].as_u64().unwrap_or(0);
                progress.at(number("looked_at"), number("planned"));
            }
            "plan" => {
                progress.end();
                return Ok(event.data);
            }
            "failed" => {
                let code = event.data.as_str().unwrap_or("internal");
                anyhow::bail!("the plan could not be made: {code}");
            }
            _ => {}
        }
    }
    anyhow::bail!("the server went away before the plan was made; ask again")
}
