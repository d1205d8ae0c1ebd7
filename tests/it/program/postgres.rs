//! The whole server on `PostgreSQL`: a journey through its front door, two servers on one
//! database, and a database that goes away and comes back.

use std::path::Path;

use forge::{GitHub, GitHubOptions};
use reqwest::Method;
use serde_json::{Value, json};

use super::remote::Remote;
use super::{Server, lanyard};
use crate::support::app::PUBLIC_URL;
use crate::support::postgres::{self, Cluster, Database};

/// The vault's key, of which every server on the database must have the same.
const KEY: &str = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=";

/// How often somebody looks before they give up; each look is a request.
const PATIENCE: usize = 5_000;

fn serve(home: &Path, database: &Database) -> Server {
    Server::start_with(home, |command| {
        command
            .args(["--database", database.url()])
            .args(["--public-url", PUBLIC_URL, "--allow-host", "127.0.0.1"])
            .env("LANYARD_KEY", KEY);
    })
}

/// Lets `lanyard verify` judge what is kept in the database.
fn verify(home: &Path, database: &Database) -> (bool, String) {
    let ran = lanyard(home)
        .args(["verify", "--database", database.url()])
        .env("LANYARD_KEY", KEY)
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    (
        ran.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Looks until somebody's current key is in place, and is not `other`; returns its id.
async fn key_in_place(person: &Remote, other: &str) -> String {
    for _ in 0..PATIENCE {
        let seen = person.get("/api/v1/users/me/keys").await.unwrap().is(200);
        let keys = seen["keys"].as_array().unwrap();
        let in_place = |key: &&Value| key["status"] == "current" && key["key"] != other;
        if let Some(key) = keys.iter().find(in_place)
            && key["placements"][0]["status"] == "published"
        {
            return key["key"].as_str().unwrap().to_owned();
        }
    }
    panic!("no key ever came to its place");
}

async fn practice() -> GitHub {
    GitHub::start(GitHubOptions::enterprise()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journey_goes_over_two_servers_on_one_postgresql() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let (found, said) = verify(home.path(), &database);
    assert!(!found, "{said}");
    assert!(said.contains("there is no Lanyard data"), "{said}");

    let one = serve(home.path(), &database);
    let admin = Remote::first_admin(&one).await;
    let github = practice().await;
    admin.registers(&github).await;
    let body = json!({ "rotation_grace_hours": 0 });
    let settings = admin.send(Method::PATCH, "/api/v1/settings", Some(body), &[]);
    settings.await.unwrap().is(200);

    let other = serve(home.path(), &database);
    let there = admin.at(&other);
    there.links(&github, "octo-root").await;
    let first = key_in_place(&admin, "").await;
    assert_eq!(github.keys_of("octo-root").len(), 1);

    // Asked for twice with one word at two servers: done once.
    let rotation = format!("/api/v1/users/me/keys/{first}/rotation");
    let word = [("idempotency-key", "once")];
    let ask = |who: Remote| {
        let rotation = rotation.clone();
        async move {
            who.send(Method::POST, &rotation, Some(json!({})), &word)
                .await
        }
    };
    let told = ask(admin.clone()).await.unwrap();
    let again = ask(there.clone()).await.unwrap();
    assert_eq!((told.status, again.status), (202, 202), "{again:?}");
    assert_eq!(told.text, again.text);
    let second = key_in_place(&there, &first).await;
    assert_ne!(first, second);

    // What an auditor asks, and what nobody can ask.
    let asked = "/api/v1/audit/events?provider=github&type=KeyRotated&user=root&actor=root";
    let seen = there.get(asked).await.unwrap().is(200);
    assert_eq!(seen["events"].as_array().unwrap().len(), 1, "{seen}");
    let wrong = there.get("/api/v1/audit/events?actor=%00").await.unwrap();
    wrong.is(422);
    for path in ["sync", "notices", "projections", "replays", "campaigns"] {
        let path = format!("/api/v1/{path}");
        there.get(&path).await.unwrap().is(200);
    }

    let accounts = there
        .get("/api/v1/users/me/accounts")
        .await
        .unwrap()
        .is(200);
    let account = accounts["accounts"][0]["account"].as_str().unwrap();
    let unlink = format!("/api/v1/users/me/accounts/{account}");
    let unlinked = there
        .send(Method::DELETE, &unlink, None, &[])
        .await
        .unwrap();
    assert_eq!(unlinked.status, 202, "{unlinked:?}");
    for look in 0.. {
        assert!(look < PATIENCE, "the account is never unlinked");
        let accounts = admin
            .get("/api/v1/users/me/accounts")
            .await
            .unwrap()
            .is(200);
        if accounts["accounts"].as_array().unwrap().is_empty() {
            break;
        }
    }
    assert_eq!(github.keys_of("octo-root").len(), 0);

    assert!(one.end("-TERM").success());
    assert!(other.end("-TERM").success());
    let (sound, said) = verify(home.path(), &database);
    assert!(sound, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_told_as_such_and_keeps_what_was_acknowledged() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path(), &database);
    let admin = Remote::first_admin(&server).await;
    let mut acknowledged = Vec::new();
    for number in 0..5 {
        let name = format!("before-{number}");
        admin.make_token(&name).await.unwrap().is(201);
        acknowledged.push(name);
    }

    cluster.kill();
    let refused = admin.make_token("while-it-is-away").await.unwrap();
    refused.is(503);
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    let ready = admin.get("/readyz").await.unwrap();
    ready.is(503);

    cluster.start_again();
    let mut last = 0;
    for look in 0.. {
        assert!(look < PATIENCE, "the server never finds its database again");
        let name = format!("after-{look}");
        let answer = admin.make_token(&name).await.unwrap();
        if answer.status == 201 {
            acknowledged.push(name);
            last = answer.index();
            break;
        }
        answer.is(503);
    }
    let asked = format!("/api/v1/tokens?limit=1000&wait={last}");
    let seen = admin.get(&asked).await.unwrap().is(200);
    let tokens = seen["tokens"].as_array().unwrap();
    for name in &acknowledged {
        assert!(tokens.iter().any(|token| token["name"] == **name), "{name}");
    }
    assert!(server.end("-TERM").success());
    let (sound, said) = verify(home.path(), &database);
    assert!(sound, "{said}");
}
