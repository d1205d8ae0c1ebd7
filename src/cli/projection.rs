//! `lanyard rebuild NAME`

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::client::Client;
use super::output::Output;
use super::progress::Progress;

#[derive(Debug, Args)]
pub(super) struct RebuildArgs {
    /// Which projection; without a name, lists them
    name: Option<String>,
}

const PROJECTIONS: &str = "/api/v1/projections";

pub(super) async fn run(
    (client, output, args): (Client, Output, RebuildArgs),
) -> anyhow::Result<()> {
    let Some(name) = args.name else {
        let columns = [
            ("PROJECTION", "/name"),
            ("VERSION", "/version"),
            ("EVENTS", "/applied"),
            ("BEHIND", "/behind"),
            ("REBUILT", "/rebuilt"),
        ];
        let answer = client.get(PROJECTIONS, &[]).await?;
        output.list(&answer.body["projections"], &columns, "no projection");
        return Ok(());
    };
    client
        .post(&format!("{PROJECTIONS}/{name}/rebuild"), &json!({}))
        .await?;
    let mut progress = Progress::new("rebuilding", 0);
    let rebuilt = loop {
        let all = client.get(PROJECTIONS, &[]).await?.body;
        let total = all["events"].as_u64().unwrap_or(0);
        let projections = all["projections"].as_array().map_or(&[][..], Vec::as_slice);
        let found = projections
            .iter()
            .find(|known| known["name"] == name.as_str())
            .cloned();
        match found.as_ref().and_then(|now| now["rebuilt"].as_u64()) {
            Some(done) => progress.at(done, total),
            None => break found.unwrap_or_default(),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    progress.end();
    output.done(&format!("{name} is rebuilt"), &rebuilt);
    Ok(())
}
