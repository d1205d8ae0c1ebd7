//! `lanyard demo --exit`: every line of the journey is real, or it fails.

use super::lanyard;

#[test]
fn the_demo_walks_the_whole_journey_and_ends() {
    let home = tempfile::tempdir().unwrap();
    let ran = lanyard(home.path())
        .args(["demo", "--exit", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{complained}");
    for event in [
        "ProviderAdded",
        "AccountLinked",
        "KeyGenerated",
        "KeyPublished",
        "KeyRotated",
        "KeyPublicationFailed",
        "KeyPublicationParked",
        "ReplayStarted",
        "KeyWithdrawn",
        "KeyRetired",
        "ReplayCompleted",
    ] {
        assert!(said.contains(event), "{event} is missing:\n{said}");
    }
    assert!(said.contains("The journey is over"), "{said}");
    // Neither a token nor a secret is shown when it ends by itself.
    assert!(!said.contains("lyd_"), "{said}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo left something behind: {left:?}");
}
