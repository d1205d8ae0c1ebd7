//! A replay watched to its end.

use serde_json::Value;

use super::super::client::Client;
use super::super::events::Events;
use super::super::progress::Progress;
use super::REPLAYS;

/// Shows the progress until the replay is over.
pub(super) async fn watch(client: &Client, replay: &str) -> anyhow::Result<Value> {
    let at = format!("{REPLAYS}/{replay}");
    let mut progress = Progress::new("replaying", 0);
    loop {
        let mut events = Events::of(client.follow(&format!("{at}/progress")).await?);
        let mut told = false;
        while let Some(event) = events.next().await {
            told = true;
            let number = |name: &str| event.data[name].as_u64().unwrap_or(0);
            progress.at(number("settled") + number("parked"), number("planned"));
            if event.name == "end" {
                progress.end();
                return Ok(client.get(&at, &[]).await?.body);
            }
        }
        // A stream lives for some minutes; one that says nothing at all would never end this.
        anyhow::ensure!(
            told,
            "the server went away; `lanyard replay watch {replay}`"
        );
    }
}
