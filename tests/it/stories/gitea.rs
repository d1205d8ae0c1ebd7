//! A Gitea and a Forgejo, from the first link to the last trace, over REST and in a browser.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::account::{AccountEvent, Residue};
use domain::provider::ProviderEvent;
use domain::{AccountId, Event};
use forge::{Gitea, GiteaApp, GiteaOptions};
use lanyard::clock::Clock as _;
use serde_json::json;

use super::world::World;
use crate::support::actors::Answer;
use crate::support::app::PUBLIC_URL;

/// A practice server that an admin has registered.
pub(super) struct Place {
    pub(super) world: World,
    pub(super) gitea: Gitea,
    app: GiteaApp,
}

impl Place {
    pub(super) async fn with(options: GiteaOptions) -> Self {
        let world = World::new().await;
        let clock = world.service.clock.clone();
        let options = options.with_clock(Arc::new(move || clock.now()));
        let gitea = Gitea::start(options).await.unwrap();
        let app = gitea.register_app("Lanyard", &format!("{PUBLIC_URL}/oauth/callback/gitea"));
        let body = json!({
            "provider": "gitea", "kind": "gitea", "name": "Gitea", "base_url": gitea.base_url(),
            "client_id": app.client_id, "client_secret": app.client_secret,
        });
        let admin = world.service.admin().await;
        admin.post("/api/v1/providers", body).await.is(201);
        gitea.add_user("ada");
        Self { world, gitea, app }
    }

    /// Goes the whole way of a link in a browser; returns the last answer.
    async fn links(&self, who: &str) -> Answer {
        let person = self.world.service.user(who).await;
        let body = json!({ "provider": "gitea" });
        let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let browser = self.world.service.anyone();
        let sent = browser.get(start.strip_prefix(PUBLIC_URL).unwrap()).await;
        let cookie = sent.header("set-cookie").split(';').next().unwrap();
        let back = self.gitea.approve(sent.header("location"), who).await;
        let back = &back.unwrap()[url::Position::BeforePath..].to_owned();
        browser.send("GET", back, None, &[("cookie", cookie)]).await
    }

    /// Links Ada's account, and waits until her key is there.
    pub(super) async fn ada(&self) -> AccountId {
        let done = self.links("ada").await;
        assert_eq!(done.header("location"), "/oauth/linked", "{done:?}");
        self.world.settles().await;
        let accounts = self.world.accounts("ada").await;
        accounts[0]["account"].as_str().unwrap().parse().unwrap()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let keys = self.gitea.keys_of("ada");
        keys.into_iter().map(|key| key.key).collect()
    }

    /// An admin changes something.
    pub(super) async fn changes(&self, body: serde_json::Value) -> Answer {
        let admin = self.world.service.admin().await;
        admin.patch("/api/v1/providers/gitea", body).await
    }

    /// Everybody's keys are looked at.
    pub(super) async fn sweeps(&self) {
        let operator = self.world.service.operator().await;
        let sweep = "/api/v1/providers/gitea/sweep";
        operator.post(sweep, json!({})).await.is(202);
        self.world.looks().await;
    }

    /// What the last unlinking left.
    async fn residue(&self) -> Vec<Residue> {
        let events = self.world.events().await.into_iter().rev();
        let mut left = events.filter_map(|recorded| match recorded.event {
            Event::Account(AccountEvent::AccountUnlinked { residue, .. }) => Some(residue),
            _ => None,
        });
        left.next().unwrap()
    }
}

#[tokio::test]
async fn an_account_is_linked_its_key_published_rotated_and_withdrawn() {
    for options in [
        GiteaOptions::gitea(),
        GiteaOptions::forgejo(),
        GiteaOptions::gitea().below("/git"),
    ] {
        let place = Place::with(options).await;
        let account = place.ada().await;
        let linked = &place.world.accounts("ada").await[0];
        assert_eq!(linked["login"], "ada");
        let first = place.world.current_key("ada", account).await;
        assert_eq!(place.lines(), [first["public_key"].as_str().unwrap()]);
        let title = &place.gitea.keys_of("ada")[0].title;
        assert!(title.contains(first["fingerprint"].as_str().unwrap()));

        // Long enough for the access token to have run out twice.
        place.world.passes(TimeDelta::hours(3));
        let made = place.world.rotate("ada", account).await.is(202);
        place.world.settles().await;
        assert_eq!(place.lines(), [made["public_key"].as_str().unwrap()]);
        assert_eq!(place.world.happened("GrantRenewed").await, 1);

        place.world.unlink("ada", account).await;
        place.world.settles().await;
        assert!(place.lines().is_empty());
        assert_eq!(place.world.happened("AccountUnlinked").await, 1);
        assert_eq!(place.world.keys("ada").await.len(), 0);
        // No app can revoke a grant there: that is said, and not kept silent.
        assert_eq!(place.residue().await, [Residue::Grant]);
        assert!(place.gitea.has_grant("ada", &place.app.client_id));
        assert_eq!(place.world.pending().await.len(), 0);
    }
}

#[tokio::test]
async fn a_new_link_where_nothing_can_be_revoked_leaves_the_old_tokens_to_run_out() {
    for options in [GiteaOptions::gitea(), GiteaOptions::forgejo()] {
        let place = Place::with(options).await;
        let account = place.ada().await;
        assert_eq!(place.ada().await, account);
        place.world.looks_within(TimeDelta::hours(1)).await;
        // The person's one grant is the new link's too: nothing of it is left behind.
        assert_eq!(place.world.happened("ProviderGrantLeft").await, 0);
        assert!(place.gitea.has_grant("ada", &place.app.client_id));
        place.world.rotate("ada", account).await.is(202);
        place.world.settles().await;
        assert_eq!(place.lines().len(), 1);
        assert_eq!(place.world.happened("GrantLost").await, 0);
    }
}

#[tokio::test]
async fn a_person_who_revokes_the_app_links_again_and_keeps_the_key() {
    let place = Place::with(GiteaOptions::forgejo()).await;
    let account = place.ada().await;
    let before = place.lines();
    place.gitea.revoke_grant("ada", &place.app.client_id);
    place.world.passes(TimeDelta::hours(2));
    place.world.rotate("ada", account).await.is(202);
    place.world.settles().await;
    assert_eq!(place.lines(), before, "the key stays without its grant");
    assert_eq!(place.world.happened("GrantLost").await, 1);
    let accounts = place.world.accounts("ada").await;
    assert_eq!(accounts[0]["status"], "grant_lost");
    assert_eq!(place.ada().await, account);
    assert_eq!(place.world.accounts("ada").await[0]["status"], "linked");
    assert_eq!(place.lines().len(), 1);
    assert_ne!(place.lines(), before, "the rotation was done after all");
}

#[tokio::test]
async fn scopes_that_forgejo_kept_from_before_are_refused_by_name() {
    let place = Place::with(GiteaOptions::forgejo()).await;
    let client = &place.app.client_id;
    place.gitea.granted_before("ada", client, "read:user");
    let refused = place.links("ada").await;
    let failed = "/oauth/failed/scopes-missing";
    assert_eq!(refused.header("location"), failed);
    assert!(place.world.accounts("ada").await.is_empty());
    // Nothing here can take the grant back, so it is told.
    let events = place.world.events().await.into_iter();
    let mut left = events.filter_map(|recorded| match recorded.event {
        Event::Provider(ProviderEvent::ProviderGrantLeft { failure, .. }) => failure.detail,
        _ => None,
    });
    assert!(left.next().unwrap().contains("Authorized OAuth2"));
    assert!(left.next().is_none());
    // The person revokes it at Forgejo, as the page says.
    place.gitea.revoke_grant("ada", client);
    place.ada().await;
    assert_eq!(place.lines().len(), 1);
}

#[tokio::test]
async fn a_key_whose_title_a_person_has_taken_is_published_under_another() {
    let place = Place::with(GiteaOptions::gitea()).await;
    let account = place.ada().await;
    let held = place.gitea.keys_of("ada").remove(0);
    // The person removes our key, and gives its title to one of their own.
    assert!(place.gitea.remove_key("ada", held.id));
    let own = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
    place.gitea.paste_key("ada", &held.title, own).unwrap();
    let replay = json!({ "provider": "gitea", "include": "all", "reason": "it is gone" });
    let operator = place.world.service.operator().await;
    place.world.service.catches_up().await;
    operator.post("/api/v1/replays", replay).await.is(202);
    place.world.settles().await;
    let keys = place.gitea.keys_of("ada");
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[1].key, held.key);
    assert_eq!(keys[1].title, format!("{} 2", held.title));
    // It is ours still: unlinking removes it, and leaves the person's own.
    place.world.unlink("ada", account).await;
    place.world.settles().await;
    assert_eq!(place.lines(), [own]);
}
