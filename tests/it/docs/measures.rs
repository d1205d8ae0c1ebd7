//! The page of the metrics names each of them, in the words of the program, and no other.

use std::time::Duration;

use lanyard::telemetry::metrics::{Lag, Metrics, Placements, ProviderState};

use crate::support::tree::read;

#[test]
fn every_metric_stands_on_its_page() {
    let metrics = Metrics::new();
    let second = Duration::from_secs(1);
    metrics.called("github", "refresh", "provider", second);
    metrics.appended("stored", second);
    metrics.lag_is(Lag {
        log: 1,
        events: 0,
        age: second,
    });
    metrics.placements_are(&[Placements {
        provider: "github".to_owned(),
        state: "parked",
        count: 1,
        oldest: Some(second),
    }]);
    metrics.revocations_are(&[("github".to_owned(), "parked", 1)]);
    metrics.providers_are(&[ProviderState {
        provider: "github".to_owned(),
        breaker: "open".to_owned(),
        paused: false,
    }]);
    let text = metrics.text().unwrap();
    let said = |kind: &str| -> Vec<(String, String)> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        let pairs = lines.filter_map(|line| line.split_once(' '));
        pairs
            .map(|(name, says)| (name.to_owned(), says.to_owned()))
            .collect()
    };
    let kinds = said("# TYPE ");
    assert!(kinds.len() > 10, "{text}");
    let mut rows = Vec::new();
    for ((name, says), (_, kind)) in said("# HELP ").into_iter().zip(kinds) {
        let told = if kind == "counter" { "_total" } else { "" };
        let says = says.trim_end_matches('.');
        rows.push(format!("| `{name}{told}` | {kind} | {says} |"));
    }
    let page = read("docs/operators/metrics.md");
    let stands: Vec<&str> = page
        .lines()
        // Those who tell of alarms have fewer columns.
        .filter(|line| line.starts_with("| `lanyard_") && line.matches(" | ").count() == 3)
        .collect();
    let stands: Vec<String> = stands
        .iter()
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            // The last column says which labels there are.
            format!("{} |", cells[..cells.len() - 1].join(" | "))
        })
        .collect();
    assert_eq!(stands, rows);
}
