//! The host keys of a Bitbucket: what a scan shows is compared with what Bitbucket tells of its SSH
//! server, to whoever is linked there.

use domain::provider::Protocol;
use forge::{BitbucketServer, BitbucketSsh, Fault};
use lanyard::host_keys::HostKey;
use serde_json::{Value, json};

use super::bitbucket::{SLUG, bitbucket, link};
use super::world::World;
use crate::host_keys::practice::{Lie, start};
use crate::support::actors::Answer;

const KEYS: &str = "/api/v1/providers/bitbucket/host-keys";
const SCAN: &str = "/api/v1/providers/bitbucket/host-keys/scan";

/// An SSH server that belongs to a Bitbucket, which tells its place and the fingerprint of its key.
struct Ssh {
    port: u16,
    key: HostKey,
}

impl Ssh {
    async fn beside(server: &BitbucketServer) -> Self {
        let (port, blob) = start(Lie::None).await;
        let key = HostKey::new("127.0.0.1", port, blob).unwrap();
        let ssh = Self { port, key };
        server.set_ssh(ssh.settings(&ssh.key.fingerprint()));
        ssh
    }

    fn settings(&self, fingerprint: &str) -> BitbucketSsh {
        BitbucketSsh {
            base_url: format!("ssh://127.0.0.1:{}", self.port),
            fingerprint: fingerprint.to_owned(),
            ..BitbucketSsh::default()
        }
    }
}

/// Another server's.
const OTHER: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

async fn put(world: &World, line: &str) -> Answer {
    let admin = world.service.admin().await;
    let body = json!({ "keys": [line], "source": "scanned" });
    admin.send("PUT", KEYS, Some(body), &[]).await
}

async fn ssh_of(world: &World) -> Value {
    let admin = world.service.admin().await;
    let at = format!("/api/v1/providers/{SLUG}");
    admin.get(&at).await.is(200)["ssh"].clone()
}

#[tokio::test]
async fn a_scan_goes_where_bitbucket_says_and_is_borne_out_by_its_fingerprint() {
    for protocol in [Protocol::Oauth1, Protocol::Oauth2] {
        let world = World::new().await;
        let server = bitbucket(&world, protocol).await;
        link(&world, &server, "ada").await;
        let ssh = Ssh::beside(&server).await;
        let admin = world.service.admin().await;
        assert_eq!(ssh_of(&world).await["port"], 7999, "the usual one");

        let shown = admin.post(SCAN, json!({})).await.is(200);
        assert_eq!(shown["told"], ssh.key.fingerprint());
        assert_eq!(shown["keys"].as_array().unwrap().len(), 1);
        assert_eq!(shown["keys"][0]["matches"], "yes");
        assert_eq!(shown["keys"][0]["line"], ssh.key.to_string());

        let known = put(&world, &ssh.key.to_string()).await.is(200);
        assert_eq!(known["keys"][0].get("matches"), None, "only in a scan");
        let reached = ssh_of(&world).await;
        assert_eq!(reached["port"], ssh.port);
        let example = format!("ssh://git@127.0.0.1:{}/PROJECT/REPO.git", ssh.port);
        assert_eq!(reached["example"], example);
    }
}

#[tokio::test]
async fn keys_that_are_not_bitbuckets_own_are_refused() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    link(&world, &server, "ada").await;
    let ssh = Ssh::beside(&server).await;
    server.set_ssh(ssh.settings(OTHER));
    let admin = world.service.admin().await;
    let shown = admin.post(SCAN, json!({})).await.is(200);
    assert_eq!(shown["told"], OTHER);
    assert_eq!(shown["keys"][0]["matches"], "no");
    let refused = put(&world, &ssh.key.to_string()).await;
    let problem = refused.is_problem(409, "host-keys-differ");
    assert!(problem["detail"].as_str().unwrap().contains(OTHER));
    let known = admin.get(KEYS).await.is(200);
    assert_eq!(known["keys"], json!([]), "nothing is recorded");

    // The administrators of Bitbucket mend it, and the same keys are taken.
    server.set_ssh(ssh.settings(&ssh.key.fingerprint()));
    put(&world, &ssh.key.to_string()).await.is(200);
}

#[tokio::test]
async fn where_nobody_is_told_there_is_nothing_to_compare_with() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth2).await;
    let ssh = Ssh::beside(&server).await;
    server.set_ssh(ssh.settings(OTHER));
    let admin = world.service.admin().await;
    let unknown = async |why: &str| {
        let asked = json!({ "host": "127.0.0.1", "port": ssh.port });
        let shown = admin.post(SCAN, asked).await.is(200);
        assert_eq!(shown["keys"][0]["matches"], "unknown", "{why}");
        assert_eq!(shown.get("told"), None, "{why}");
    };
    unknown("nobody is linked").await;
    link(&world, &server, "ada").await;
    server.fail_with(Fault::BadGateway.on("GET /ssh/latest/settings"));
    unknown("it does not answer").await;
    server.heal();
    server.revoke_grant("ada", &client_of(&world).await);
    unknown("the only link is of no use").await;
    put(&world, &ssh.key.to_string()).await.is(200);
}

#[tokio::test]
async fn a_link_of_no_use_does_not_keep_the_next_from_being_asked() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    for who in ["ada", "bob"] {
        link(&world, &server, who).await;
    }
    let ssh = Ssh::beside(&server).await;
    let client = client_of(&world).await;
    let admin = world.service.admin().await;
    for (gone, expected) in [("ada", "yes"), ("bob", "unknown")] {
        server.revoke_grant(gone, &client);
        let asked = json!({ "host": "127.0.0.1", "port": ssh.port });
        let shown = admin.post(SCAN, asked).await.is(200);
        assert_eq!(shown["keys"][0]["matches"], expected, "without {gone}");
    }
}

#[tokio::test]
async fn an_ssh_server_that_is_switched_off_is_not_looked_for() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    link(&world, &server, "ada").await;
    server.set_ssh(BitbucketSsh {
        enabled: false,
        ..BitbucketSsh::default()
    });
    let admin = world.service.admin().await;
    let refused = admin.post(SCAN, json!({})).await;
    let problem = refused.is_problem(409, "host-keys-not-had");
    assert!(problem["detail"].as_str().unwrap().contains("switched off"));
}

async fn client_of(world: &World) -> String {
    let admin = world.service.admin().await;
    let at = format!("/api/v1/providers/{SLUG}");
    let shown = admin.get(&at).await.is(200);
    shown["client_id"].as_str().unwrap().to_owned()
}
