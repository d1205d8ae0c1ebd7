//! Bitbucket Server, linked by real signatures: keys come, are replaced and go; and where the
//! server lets nobody delete, the person does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use domain::account::{AccountEvent, Residue};
use domain::provider::{AddProvider, Callback, OnMissing, Protocol, ProviderKind};
use domain::{AccountId, Event};
use forge::{BitbucketDeletes, BitbucketKeyRule, BitbucketOptions, BitbucketServer};
use lanyard::app::Caller;
use lanyard::clock::Clock;
use lanyard::vault::Secret;
use serde_json::json;

use super::world::World;
use crate::support::app::PUBLIC_URL;
use crate::support::link_key::{our_key, pem};

pub(super) const SLUG: &str = "bitbucket";
pub(super) const CONSUMER: &str = "Lanyard";

/// Starts a practice server below a context path and has an admin register it, with a link of
/// the wanted era.
pub(super) async fn bitbucket(world: &World, protocol: Protocol) -> BitbucketServer {
    ahead_by(world, protocol, Arc::default()).await
}

/// Starts one whose clock is so many minutes ahead of ours.
pub(super) async fn ahead_by(
    world: &World,
    protocol: Protocol,
    minutes: Arc<AtomicI64>,
) -> BitbucketServer {
    let clock = world.service.clock.clone();
    let theirs = move || clock.now() + TimeDelta::minutes(minutes.load(Ordering::SeqCst));
    let options = BitbucketOptions::data_center()
        .below("/bitbucket")
        .with_clock(Arc::new(theirs));
    let server = BitbucketServer::start(options).await.unwrap();
    let (client_id, secret, public_key): (String, Secret, Option<String>) = match protocol {
        Protocol::Oauth1 => {
            let public = pem(our_key());
            assert!(server.link_application("Lanyard", CONSUMER, &public));
            (CONSUMER.to_owned(), our_key().clone(), Some(public))
        }
        Protocol::Oauth2 => {
            let redirect = format!("{PUBLIC_URL}/oauth/callback/{SLUG}");
            let client = server.add_incoming_link("Lanyard", &redirect, &["ACCOUNT_WRITE"]);
            (client.client_id, client.client_secret.into(), None)
        }
    };
    let added = AddProvider {
        provider: SLUG.parse().unwrap(),
        kind: ProviderKind::BitbucketServer,
        name: "Bitbucket".parse().unwrap(),
        description: "where we work".parse().unwrap(),
        base_url: server.base_url().parse().unwrap(),
        client_id: Some(client_id.parse().unwrap()),
        client_secret: None,
        callback: Callback::Own,
        algorithm: None,
        pkce: None,
        protocol,
        public_key: public_key.map(|pem| pem.parse().unwrap()),
        signing: false,
        ca_bundle: None,
        proxy: None,
        on_missing: OnMissing::Report,
    };
    let app = &world.service.app;
    let admin = Caller::system("admin", app.new_id(), None);
    app.add_provider(added, Some(secret), &admin).await.unwrap();
    server
}

/// A browser at the provider's page.
pub(super) struct Browser<'a> {
    world: &'a World,
    pub(super) authorize_url: String,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Begins a link and goes as far as the provider's page.
    pub(super) async fn sent_there(world: &'a World, who: &str) -> Self {
        let person = world.service.user(who).await;
        let body = json!({ "provider": SLUG });
        let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let start = start.strip_prefix(PUBLIC_URL).unwrap();
        let sent = world.service.anyone().get(start).await;
        let cookie = sent.header("set-cookie").split(';').next().unwrap();
        Self {
            world,
            authorize_url: sent.header("location").to_owned(),
            cookie: cookie.to_owned(),
        }
    }

    /// Comes back; returns where it is sent then.
    pub(super) async fn comes_back(&self, with: &url::Url) -> String {
        let back = &with[url::Position::BeforePath..];
        let cookie = [("cookie", self.cookie.as_str())];
        let anyone = self.world.service.anyone();
        let done = anyone.send("GET", back, None, &cookie).await;
        done.header("location").to_owned()
    }
}

/// Goes the whole way of a link.
pub(super) async fn link(world: &World, server: &BitbucketServer, who: &str) -> AccountId {
    server.add_user(who);
    let browser = Browser::sent_there(world, who).await;
    let back = server.approve(&browser.authorize_url, who).await.unwrap();
    assert_eq!(browser.comes_back(&back).await, "/oauth/linked");
    let accounts = world.accounts(who).await;
    let account = accounts.iter().find(|account| account["provider"] == SLUG);
    let account = account.unwrap()["account"].as_str().unwrap();
    account.parse().unwrap()
}

/// The public keys that a person has there.
pub(super) fn lines(server: &BitbucketServer, who: &str) -> Vec<String> {
    server
        .keys_of(who)
        .into_iter()
        .map(|key| key.text)
        .collect()
}

/// What was done to keys, in order: `+` for one that came, `-` for one that went.
pub(super) fn writes(server: &BitbucketServer) -> String {
    let entries = server.journal().into_iter();
    entries
        .filter_map(|entry| match (entry.route.as_str(), entry.decided) {
            ("POST /ssh/latest/keys", Some(201)) => Some('+'),
            ("DELETE /ssh/latest/keys/{id}", Some(204)) => Some('-'),
            _ => None,
        })
        .collect()
}

async fn residue(world: &World) -> Vec<Residue> {
    let events = world.events().await.into_iter().rev();
    let mut left = events.filter_map(|recorded| match recorded.event {
        Event::Account(AccountEvent::AccountUnlinked { residue, .. }) => Some(residue),
        _ => None,
    });
    left.next().unwrap()
}

#[tokio::test]
async fn a_key_comes_is_replaced_and_goes_in_either_era() {
    for protocol in [Protocol::Oauth1, Protocol::Oauth2] {
        let world = World::new().await;
        let server = bitbucket(&world, protocol).await;
        server.add_user("ada");
        server.paste_key("ada", "laptop", LAPTOP).unwrap();
        let account = link(&world, &server, "ada").await;
        world.settles().await;
        let key = world.current_key("ada", account).await;
        let ours = key["public_key"].as_str().unwrap();
        assert_eq!(lines(&server, "ada"), [LAPTOP, ours]);

        let made = world.rotate("ada", account).await.is(202);
        world.settles().await;
        assert_eq!(writes(&server), "++-", "at no moment there was no key");
        let new = made["public_key"].as_str().unwrap();
        assert_eq!(lines(&server, "ada"), [LAPTOP, new]);

        world.unlink("ada", account).await;
        world.settles().await;
        assert_eq!(writes(&server), "++--");
        assert_eq!(lines(&server, "ada"), [LAPTOP], "what was not ours stays");
        assert_eq!(world.happened("AccountUnlinked").await, 1);
        // Bitbucket has nothing that revokes: the person is told.
        assert_eq!(residue(&world).await, [Residue::Grant]);
        assert_eq!(server.deletes_without_an_id(), 0);
        assert_eq!(world.pending().await.len(), 0);
    }
}

#[tokio::test]
async fn a_token_of_an_hour_is_renewed_before_the_key_is_replaced() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth2).await;
    let account = link(&world, &server, "ada").await;
    world.settles().await;
    world.passes(TimeDelta::hours(30));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(writes(&server), "++-");
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(server.live_tokens_of("ada"), 1);
}

#[tokio::test]
async fn a_key_ends_after_a_year_and_is_replaced_before_that() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    link(&world, &server, "ada").await;
    world.settles().await;
    let lives = || server.keys_of("ada").pop().unwrap().expiry_days;
    assert_eq!(lives(), Some(365));
    world.passes(TimeDelta::days(334));
    world.settles().await;
    assert_eq!(world.happened("KeyExpiring").await, 0);
    world.passes(TimeDelta::days(2));
    world.settles().await;
    assert_eq!(world.happened("KeyExpiring").await, 1);
    assert_eq!(writes(&server), "++-");
    assert_eq!(lives(), Some(365));
}

#[tokio::test]
async fn where_no_key_may_live_so_long_it_lives_as_long_as_the_admin_allows() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    server.restrict_keys(BitbucketKeyRule {
        most_days: Some(90),
        ..BitbucketKeyRule::default()
    });
    let account = link(&world, &server, "ada").await;
    world.settles().await;
    let key = world.current_key("ada", account).await;
    let ours = key["public_key"].as_str().unwrap();
    assert!(lines(&server, "ada").iter().any(|line| line == ours));
}

#[tokio::test]
async fn a_person_who_says_no_is_told_so_in_either_era() {
    for protocol in [Protocol::Oauth1, Protocol::Oauth2] {
        let world = World::new().await;
        let server = bitbucket(&world, protocol).await;
        server.add_user("ada");
        let browser = Browser::sent_there(&world, "ada").await;
        let back = server.deny(&browser.authorize_url, "ada").await.unwrap();
        let told = browser.comes_back(&back).await;
        assert_eq!(told, "/oauth/failed/flow-denied");
        assert!(world.accounts("ada").await.is_empty());
        assert_eq!(server.live_tokens_of("ada"), 0);
    }
}

#[tokio::test]
async fn a_verifier_of_somebody_elses_link_is_of_no_use() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    for person in ["ada", "eve"] {
        server.add_user(person);
    }
    let ada = Browser::sent_there(&world, "ada").await;
    let eve = Browser::sent_there(&world, "eve").await;
    let of_ada = server.approve(&ada.authorize_url, "ada").await.unwrap();
    let mut of_eve = server.approve(&eve.authorize_url, "eve").await.unwrap();
    // Eve's request token and verifier, with the state of Ada's flow.
    let state = of_ada.query_pairs().find(|(name, _)| name == "state");
    let state = state.unwrap().1.into_owned();
    let pairs: Vec<(String, String)> = of_eve.query_pairs().into_owned().collect();
    of_eve.query_pairs_mut().clear().extend_pairs(
        pairs
            .iter()
            .map(|(name, value)| (name, if name == "state" { &state } else { value })),
    );
    let told = ada.comes_back(&of_eve).await;
    assert_eq!(told, "/oauth/failed/flow-failed");
    assert!(world.accounts("ada").await.is_empty());
    assert_eq!(server.live_tokens_of("eve"), 0, "nothing was exchanged");
}

/// Bitbucket's codes live ten seconds: the callback itself exchanges them, and no worker has a part
/// in it.
#[tokio::test]
async fn a_code_is_exchanged_while_the_browser_waits() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth2).await;
    server.add_user("ada");
    for (seconds, landed, linked) in [
        (10, "/oauth/failed/flow-failed", 0),
        (9, "/oauth/linked", 1),
    ] {
        let browser = Browser::sent_there(&world, "ada").await;
        let back = server.approve(&browser.authorize_url, "ada").await.unwrap();
        world.passes(TimeDelta::seconds(seconds));
        assert_eq!(browser.comes_back(&back).await, landed, "{seconds}");
        assert_eq!(world.accounts("ada").await.len(), linked, "{seconds}");
        let exchanged = server.calls(BitbucketServer::TOKEN_ROUTE);
        assert_eq!(exchanged, 1 + linked, "once for each code");
    }
}

#[tokio::test]
async fn where_nobody_may_delete_the_person_removes_the_old_key() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    let account = link(&world, &server, "ada").await;
    world.settles().await;
    let old = server.keys_of("ada")[0].id;
    server.deletes(BitbucketDeletes::Refused(401));

    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(server.keys_of("ada").len(), 2, "the new one is in place");
    assert_eq!(
        server.keys_of("ada")[1].text,
        made["public_key"].as_str().unwrap()
    );
    let pending = world.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["code"], "remove_by_hand");
    assert_eq!(
        world.happened("GrantLost").await,
        0,
        "it costs nobody a link"
    );
    let asked = server.calls("DELETE /ssh/latest/keys/{id}");
    assert_eq!(asked, 1, "nobody is asked again and again");

    assert!(server.remove_key("ada", old));
    let operator = world.service.operator().await;
    let body = json!({ "provider": SLUG, "reason": "removed by hand" });
    operator.post("/api/v1/replays", body).await.is(202);
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(
        lines(&server, "ada"),
        [made["public_key"].as_str().unwrap()]
    );
    assert_eq!(world.keys("ada").await.len(), 1);
    assert_eq!(server.deletes_without_an_id(), 0);
}

#[tokio::test]
async fn an_unlinking_where_nobody_may_delete_names_what_it_left() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    let account = link(&world, &server, "ada").await;
    world.settles().await;
    let left = server.keys_of("ada")[0].id.to_string();
    server.deletes(BitbucketDeletes::Refused(403));
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    let residue = residue(&world).await;
    assert!(residue.contains(&Residue::Grant), "{residue:?}");
    let key = residue.iter().find_map(|residue| match residue {
        Residue::Key { remote_key, .. } => remote_key.clone(),
        Residue::Grant => None,
    });
    assert_eq!(key, Some(left), "so that it can be found");
}

#[tokio::test]
async fn a_public_key_that_was_never_pasted_costs_nobody_their_link() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    let account = link(&world, &server, "ada").await;
    world.settles().await;
    let other = lanyard::providers::link_key::generate();
    assert!(server.replace_public_key(CONSUMER, &pem(&other)));
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("GrantLost").await, 0);
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["blame"], "app");
    // The admin pastes the right one again: all goes on by itself.
    assert!(server.replace_public_key(CONSUMER, &pem(our_key())));
    world.settles_within(TimeDelta::minutes(30)).await;
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(writes(&server), "++-");
}

/// A key that Ada put there herself.
const LAPTOP: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
