//! `lanyard bench sync`, with few people and for a day: every promise of the long run is kept.

use serde_json::Value;

use super::lanyard;

#[test]
fn an_outage_of_a_day_is_survived_probed_sparingly_and_made_up_for() {
    let home = tempfile::tempdir().unwrap();
    let ran = lanyard(home.path())
        .args(["bench", "sync", "--json", "--people", "60"])
        .args(["--hours", "26", "--per-minute", "30"])
        .env("TMPDIR", home.path())
        .output()
        .unwrap();
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{complained}");
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let checks = said["checks"].as_array().unwrap();
    assert!(checks.len() > 10, "{said}");
    for check in checks {
        assert_eq!(check["reached"], true, "{check}");
    }
    let away = said["figures"].as_array().unwrap().iter();
    let mut away = away.filter(|figures| figures["provider"] == "away");
    let figures = away.next().unwrap();
    assert_eq!(figures["keys"], 60, "{figures}");
    // A probe every thirty seconds, and those tries that found out.
    let probes = figures["probes"].as_u64().unwrap();
    assert!((3_000..=26 * 120 + 10).contains(&probes), "{figures}");
}
