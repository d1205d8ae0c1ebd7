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
        "AccountUnlinked",
    ] {
        assert!(said.contains(event), "{event} is missing:\n{said}");
    }
    // Every kind goes through link, publish, rotate and unlink.
    for slug in [
        "github",
        "ghe",
        "gitlab",
        "bitbucket",
        "bitbucket-old",
        "gitea",
        "forgejo",
    ] {
        let gone = format!("at {slug} itself, ada-l has no key any more");
        assert!(said.contains(&gone), "{slug} is not unlinked:\n{said}");
    }
    for name in [
        "GitHub Enterprise",
        "GitLab: link, publish, rotate, unlink",
        "Bitbucket Data Center (OAuth 2.0): link, publish, rotate, unlink",
        "Bitbucket Server (OAuth 1.0a): link, publish, rotate, unlink",
        "Gitea: link, publish, rotate, unlink",
        "Forgejo: link, publish, rotate, unlink",
        "Azure DevOps, by hand: link, paste, rotate, unlink",
        "The build host, by hand: link, paste, rotate, unlink",
    ] {
        assert!(said.contains(name), "{name} is missing:\n{said}");
    }
    for (event, at_least) in [("AccountLinked", 9), ("AccountUnlinked", 9)] {
        let told = said.matches(&format!("  {event} ")).count();
        assert!(told >= at_least, "{event} {told} times:\n{said}");
    }
    assert!(said.contains("The journey is over"), "{said}");
    // Neither a token nor a secret is shown when it ends by itself.
    assert!(!said.contains("lyd_"), "{said}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo left something behind: {left:?}");
}
