//! What receivers are told, and in which order.

use chrono::TimeDelta;
use domain::retry::RetryPolicy;
use lanyard::worker::notifying::Notifier;
use lanyard::worker::policy::Policy;
use lanyard::worker::publisher::Publisher;
use lanyard::worker::sweeping::Sweeper;
use lanyard::worker::{Loops, Worker};
use serde_json::json;

use super::{Courier, PAUSED, Post, RESUMED, add, kinds};
use crate::support::receiver::Receiver;

#[tokio::test]
async fn a_receiver_is_told_once_that_it_began_and_once_that_it_is_over() {
    let mut post = Post::new().await;
    post.pauses().await;
    post.goes().await;
    post.pauses().await;
    post.goes().await;
    assert_eq!(kinds(&post.receiver.taken()), [PAUSED]);
    post.resumes().await;
    post.goes().await;
    post.restarts();
    let idle = post.goes().await;
    assert_eq!(kinds(&post.receiver.taken()), [PAUSED, RESUMED]);
    assert_eq!(idle, None, "nobody looks without a reason");
    let [began, over] = &post.receiver.taken()[..] else {
        panic!("two messages");
    };
    assert_ne!(began.id, over.id);
    let (began, over) = (began.json(), over.json());
    assert_eq!(began["data"]["notice"], over["data"]["notice"]);
    assert_eq!(began["data"]["provider"], "github");
    assert_eq!(over["timestamp"], over["data"]["closed_at"]);
    assert_eq!(began["data"].get("closed_at"), None);
}

#[tokio::test]
async fn a_provider_that_goes_away_is_one_message_and_one_when_it_is_back() {
    let mut post = Post::new().await;
    for who in ["ada", "bob"] {
        post.world.link(who, &post.github).await;
    }
    post.github.goes_down();
    for _ in 0..3 {
        post.world.settles_within(TimeDelta::minutes(20)).await;
        post.goes().await;
    }
    let down = "notice.provider_down.opened";
    assert_eq!(kinds(&post.receiver.taken()), [down]);
    let told = post.receiver.taken()[0].json();
    assert_eq!(told["data"]["provider"], "github");
    assert_eq!(told["data"]["code"], "provider_error");
    post.github.comes_back();
    post.world.settles_within(TimeDelta::minutes(5)).await;
    post.goes().await;
    let back = "notice.provider_down.closed";
    assert_eq!(kinds(&post.receiver.taken()), [down, back]);
}

#[tokio::test]
async fn what_happened_before_a_webhook_was_added_is_not_told() {
    let mut post = Post::new().await;
    post.pauses().await;
    let late = Receiver::open().await;
    add(&post.world, json!({ "url": late.url() })).await;
    post.goes().await;
    post.resumes().await;
    post.goes().await;
    assert_eq!(kinds(&late.taken()), [RESUMED]);
    assert_eq!(post.receiver.taken().len(), 2);
}

#[tokio::test]
async fn a_receiver_is_told_of_the_kinds_that_it_named() {
    let mut post = Post::new().await;
    let picky = Receiver::open().await;
    let body = json!({ "url": picky.url(), "kinds": ["key_blocked", "needs_relink"] });
    add(&post.world, body).await;
    post.pauses().await;
    post.resumes().await;
    post.goes().await;
    assert_eq!(picky.taken().len(), 0);
    assert_eq!(post.receiver.taken().len(), 2);
}

#[tokio::test]
async fn a_worker_tells_by_itself_and_stops_in_time() {
    let post = Post::new().await;
    let app = post.world.instance();
    let loops = Loops {
        policy: Policy::new(app.clone()),
        publisher: Publisher::new(app.clone(), RetryPolicy::default()),
        sweeper: Sweeper::new(app.clone()),
        notifier: Notifier::new(app.clone()),
    };
    let worker = Worker::start(app, loops);
    post.pauses().await;
    post.receiver.until(1).await;
    post.resumes().await;
    post.receiver.until(2).await;
    assert!(worker.stop().await);
    assert_eq!(post.receiver.knows(), [PAUSED, RESUMED]);
}

#[tokio::test]
async fn a_slow_receiver_delays_no_other() {
    let mut post = Post::new().await;
    let slow = Receiver::open().await;
    add(&post.world, json!({ "url": slow.url() })).await;
    slow.holds(true);
    post.pauses().await;
    post.world.service.catches_up().await;
    post.courier.notifier.look().await.unwrap();
    slow.until(1).await;
    post.receiver.until(1).await;
    post.courier.notifier.receiver_ended().await;
    post.resumes().await;
    post.world.service.catches_up().await;
    post.courier.notifier.look().await.unwrap();
    post.receiver.until(2).await;
    assert_eq!(slow.knows(), [""; 0]);
    slow.holds(false);
    while post.courier.notifier.is_busy() {
        post.courier.notifier.receiver_ended().await;
    }
    post.goes().await;
    assert_eq!(slow.knows(), [PAUSED, RESUMED]);
    assert_eq!(post.receiver.knows(), [PAUSED, RESUMED]);
}

#[tokio::test]
async fn of_two_instances_one_sends() {
    let mut post = Post::new().await;
    let mut other = Courier::of(&post.world.instance());
    for _ in 0..3 {
        post.pauses().await;
        tokio::join!(post.courier.goes(&post.world), other.goes(&post.world));
        post.resumes().await;
        tokio::join!(other.goes(&post.world), post.courier.goes(&post.world));
    }
    post.goes_for(TimeDelta::minutes(2)).await;
    let expected = [PAUSED, RESUMED].repeat(3);
    assert_eq!(kinds(&post.receiver.taken()), expected);
}

#[tokio::test]
async fn a_closing_notifier_finishes_the_message_at_hand_and_takes_no_other() {
    let mut post = Post::new().await;
    post.receiver.holds(true);
    post.pauses().await;
    post.resumes().await;
    post.world.service.catches_up().await;
    post.courier.notifier.look().await.unwrap();
    post.receiver.until(1).await;
    let (closed, ()) = tokio::join!(post.courier.notifier.close(), async {
        post.receiver.holds(false);
    });
    let () = closed;
    assert_eq!(post.receiver.knows(), [PAUSED]);
    post.restarts();
    post.goes().await;
    assert_eq!(post.receiver.knows(), [PAUSED, RESUMED]);
}

#[tokio::test]
async fn a_body_holds_ids_and_neither_secrets_nor_what_anybody_said() {
    let mut post = Post::new().await;
    let (world, github) = (&post.world, &post.github);
    github.tokens_last(&github.app.client_id, forge::TokenLife::EightHours);
    let account = world.link("ada", github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(9));
    let refused = forge::Fault::OAuthError("bad_refresh_token".to_owned());
    github.fail_with(refused.on(forge::GitHub::TOKEN_ROUTE));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    post.goes().await;
    let taken = post.receiver.taken();
    assert_eq!(kinds(&taken), ["notice.needs_relink.opened"]);
    let told = taken[0].json();
    let mut fields: Vec<_> = told["data"].as_object().unwrap().keys().collect();
    fields.sort_unstable();
    let known = [
        "account", "code", "kind", "notice", "provider", "remedy", "since", "user", "words",
    ];
    assert_eq!(fields, known);
    assert_eq!(told["data"]["user"], "ada");
    assert_eq!(told["data"]["account"], account.to_string());
    let key = post.world.keys("ada").await[0].clone();
    let secret = post.webhook["secret"].as_str().unwrap();
    for never in [
        secret,
        &post.github.app.client_secret,
        key["public_key"].as_str().unwrap(),
        "@",
        "gho_",
        "ghr_",
        "bad_refresh_token",
        "192.0.2.7",
    ] {
        assert!(!taken[0].body.contains(never), "{never}");
    }
}
