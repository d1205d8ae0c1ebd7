//! One remote account is one person's, also where two providers stand for one server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use forge::{RedirectRule, TokenLife};
use lanyard::app::App;
use lanyard::clock::FixedClock;
use serde_json::json;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::world::{Site, World};
use crate::support::app::{BEGIN, PUBLIC_URL, TestApp};
use crate::support::held_log::HeldLog;

/// Registers another app of a practice server as another provider.
pub(super) async fn second(world: &World, site: &Site, slug: &str) {
    let callback = format!("{PUBLIC_URL}/oauth/callback/{slug}");
    let app = site.register_app("Lanyard too", &callback, RedirectRule::Exact);
    site.tokens_last(&app.client_id, TokenLife::Forever);
    let body = json!({
        "provider": slug, "kind": "github", "name": slug, "base_url": site.base_url(),
        "client_id": app.client_id, "client_secret": app.client_secret,
    });
    let admin = world.service.admin().await;
    admin.post("/api/v1/providers", body).await.is(201);
}

/// A browser that was at the provider and is about to come back.
pub(super) struct Back {
    path: String,
    cookie: String,
}

/// Goes to the provider and agrees there.
pub(super) async fn goes(world: &World, site: &Site, slug: &str, who: &str, login: &str) -> Back {
    site.add_user(login);
    let person = world.service.user(who).await;
    let body = json!({ "provider": slug });
    let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
    let start = begun["start_url"].as_str().unwrap();
    let start = start.strip_prefix(PUBLIC_URL).unwrap();
    let sent = world.service.anyone().get(start).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap();
    let back = site.approve(sent.header("location"), login).await.unwrap();
    Back {
        path: back[url::Position::BeforePath..].to_owned(),
        cookie: cookie.to_owned(),
    }
}

/// Comes back to an instance; returns where it is sent.
pub(super) async fn comes(app: App, back: Back) -> String {
    let request = Request::get(back.path).header("cookie", back.cookie);
    let mut request = request.body(Body::empty()).unwrap();
    let from: SocketAddr = "192.0.2.7:4711".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(from));
    let answer = lanyard::api::router(app).oneshot(request).await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Has ada go to a provider and come back, and her link stand still before it is written down;
/// returns where she is sent in the end.
pub(super) async fn stands_still(world: &World, site: &Site, log: &HeldLog) -> JoinHandle<String> {
    let adas = goes(world, site, site.slug, "ada", "ada").await;
    log.holds("account-");
    let linking = tokio::spawn(comes(world.instance(), adas));
    log.is_held().await;
    linking
}

/// A service whose log can hold an append back.
pub(super) async fn held() -> (World, Arc<HeldLog>) {
    let begin: DateTime<Utc> = BEGIN.parse().unwrap();
    let clock = Arc::new(FixedClock::at(begin));
    let log = HeldLog::new(clock.clone());
    let world = World::of(TestApp::on(log.clone(), clock).await);
    world.keys_stay_for(0).await;
    (world, log)
}

const LINKED: &str = "/oauth/linked";
const ELSEWHERE: &str = "/oauth/failed/account-linked-elsewhere";

#[tokio::test]
async fn a_remote_account_is_linked_to_one_person_whichever_provider_stands_for_the_server() {
    let world = World::new().await;
    let site = world.site("one").await;
    second(&world, &site, "two").await;
    let account = world.link("ada", &site).await;
    let bobs = goes(&world, &site, "two", "bob", "ada").await;
    assert_eq!(comes(world.instance(), bobs).await, ELSEWHERE);
    assert!(world.accounts("bob").await.is_empty());
    assert_eq!(site.live_tokens_of("ada"), 1, "what is not kept is revoked");
    // Ada herself may have it twice, and bob his own.
    let adas = goes(&world, &site, "two", "ada", "ada").await;
    assert_eq!(comes(world.instance(), adas).await, LINKED);
    let bobs = goes(&world, &site, "two", "bob", "bob").await;
    assert_eq!(comes(world.instance(), bobs).await, LINKED);
    // While the second of hers is linked, the end of the first frees nothing.
    world.settles().await;
    world.unlink("ada", account).await;
    world.settles().await;
    second(&world, &site, "three").await;
    let bobs = goes(&world, &site, "three", "bob", "ada").await;
    assert_eq!(comes(world.instance(), bobs).await, ELSEWHERE);
    let adas = world.accounts("ada").await;
    let other = adas[0]["account"].as_str().unwrap().parse().unwrap();
    world.unlink("ada", other).await;
    world.settles().await;
    let bobs = goes(&world, &site, "three", "bob", "ada").await;
    assert_eq!(comes(world.instance(), bobs).await, LINKED);
}

#[tokio::test]
async fn the_same_number_at_another_server_is_another_account() {
    let world = World::new().await;
    let (one, other) = (world.site("one").await, world.site("other").await);
    // Each practice server counts its people from the same number on.
    world.link("ada", &one).await;
    world.link("bob", &other).await;
    assert_eq!(world.accounts("ada").await.len(), 1);
    assert_eq!(world.accounts("bob").await.len(), 1);
}

#[tokio::test]
async fn of_two_people_at_once_on_two_instances_one_links_the_account() {
    for round in 0..8 {
        let world = World::new().await;
        let site = world.site("one").await;
        second(&world, &site, "two").await;
        let adas = goes(&world, &site, "one", "ada", "ada").await;
        let bobs = goes(&world, &site, "two", "bob", "ada").await;
        let (first, other) = (world.instance(), world.instance());
        let (adas, bobs) = if round % 2 == 0 {
            tokio::join!(comes(first, adas), comes(other, bobs))
        } else {
            let (bobs, adas) = tokio::join!(comes(first, bobs), comes(other, adas));
            (adas, bobs)
        };
        let mut sent = [adas, bobs];
        sent.sort();
        assert_eq!(sent, [ELSEWHERE, LINKED]);
        let linked = [world.accounts("ada").await, world.accounts("bob").await];
        assert_eq!(linked.iter().map(Vec::len).sum::<usize>(), 1);
    }
}

#[tokio::test]
async fn who_is_about_to_link_is_waited_for_and_who_takes_too_long_takes_the_link_back() {
    let (world, log) = held().await;
    let site = world.site("one").await;
    second(&world, &site, "two").await;
    let adas = goes(&world, &site, "one", "ada", "ada").await;
    let bobs = goes(&world, &site, "two", "bob", "ada").await;
    let again = goes(&world, &site, "two", "bob", "ada").await;
    log.holds("account-");
    let slow = tokio::spawn(comes(world.instance(), adas));
    log.is_held().await;
    // Nothing is in the log, and yet bob is refused.
    assert_eq!(comes(world.instance(), bobs).await, ELSEWHERE);
    world.passes(TimeDelta::minutes(2));
    assert_eq!(comes(world.instance(), again).await, LINKED);
    log.lets_go();
    assert_eq!(slow.await.unwrap(), ELSEWHERE);
    world.settles().await;
    assert!(world.accounts("ada").await.is_empty());
    assert_eq!(world.accounts("bob").await.len(), 1);
    assert_eq!(site.lines("ada").len(), 1, "bob's key alone");
}
