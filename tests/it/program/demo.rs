//! `lanyard demo --exit`: every line of the journey is real, or it fails.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

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
    let proven = "at forgejo itself, the key is proven";
    assert!(said.contains(proven), "{proven} is missing:\n{said}");
    for (event, at_least) in [("AccountLinked", 9), ("AccountUnlinked", 9)] {
        let told = said.matches(&format!("  {event} ")).count();
        assert!(told >= at_least, "{event} {told} times:\n{said}");
    }
    assert!(said.contains("The journey is over"), "{said}");
    assert!(
        said.contains("every projection equals a fresh fold"),
        "{said}"
    );
    // Neither a token nor a secret is shown when it ends by itself.
    assert!(!said.contains("lyd_"), "{said}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo left something behind: {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_exit_it_serves_on_with_a_link_until_it_is_told_to_stop() {
    let home = tempfile::tempdir().unwrap();
    let mut command = lanyard(home.path());
    command
        .args(["demo", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", home.path())
        .stdout(Stdio::piped());
    let mut demo = Ended(command.spawn().unwrap());
    let mut said = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut line = |wanted: &str| {
        let found = said.find(|line| line.as_ref().unwrap().contains(wanted));
        found.expect("the demo ended too early").unwrap()
    };
    let told = line("sign in as ada-l at ");
    let address = told.rsplit(' ').next().unwrap();
    // Printed last: whoever is told to stop before is only asked again.
    line("lanyard audit");
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let sent = browser.get(address).send().await.unwrap();
    assert_eq!(sent.status(), 303);
    let to = sent.headers()["location"].to_str().unwrap();
    assert!(to.contains("/login/oauth/authorize?"), "{to}");
    let id = demo.0.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    assert!(demo.0.wait().unwrap().success());
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo left something behind: {left:?}");
}

/// A program that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
