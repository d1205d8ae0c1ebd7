//! What is pending at the providers, as an operator sees it.

use std::pin::pin;
use std::time::Duration;

use domain::account::{Account, AccountCommand, PublicationCause};
use domain::{AccountId, Blame, Failure, KeyId, ReasonCode};
use lanyard::app::Caller;
use projections::key_placements::Pending;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::github::Practice;

const SYNC: &str = "/api/v1/sync";

/// An account whose key could not be published, and waits for somebody.
pub(super) async fn parked(app: &TestApp, account: &str) -> KeyId {
    let account: AccountId = account.parse().unwrap();
    let key = KeyId::new(app.app.new_id());
    let caller = Caller::system("publisher", app.app.new_id(), None);
    for command in [
        AccountCommand::RequestKeyPublication {
            key,
            cause: PublicationCause::Link,
            link: None,
        },
        AccountCommand::RecordKeyPublicationFailed {
            key,
            failure: Failure {
                blame: Blame::App,
                code: ReasonCode::KeyTypeNotAllowed,
                detail: None,
            },
            retry_at: None,
        },
    ] {
        let done = app
            .app
            .dispatch
            .execute::<Account>(&account, command, &caller);
        done.await.unwrap();
    }
    app.catches_up().await;
    key
}

#[tokio::test]
async fn an_operator_sees_what_waits_and_why_and_what_to_do() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, operator) = (app.user("ada").await, app.operator().await);
    let nothing = operator.sees(SYNC).await.is(200);
    assert_eq!(nothing, json!({ "summary": [], "placements": [] }));
    let account = practice.links(&ada, "octocat").await;
    let key = parked(&app, &account).await;
    let pending = operator.get(SYNC).await.is(200);
    let remedy = ReasonCode::KeyTypeNotAllowed.remedy();
    assert_eq!(
        pending["summary"],
        json!([{
            "provider": "github", "wanted": "present", "status": "parked",
            "reason": "key_type_not_allowed", "remedy": remedy, "count": 1, "next_try": null,
        }])
    );
    assert_eq!(
        pending["placements"],
        json!([{
            "account": account, "key": key.to_string(), "user": "ada", "provider": "github",
            "wanted": "present", "status": "parked", "cause": "link", "attempts": 1,
            "failure": { "blame": "app", "code": "key_type_not_allowed", "remedy": remedy },
            "requested_at": "2026-11-22T09:00:00.000000Z", "changed_at": "2026-11-22T09:00:00.000000Z",
        }])
    );
    for (filter, count) in [
        ("provider=github&status=parked&user=ada", 1),
        ("provider=gitlab", 0),
        ("user=bob", 0),
        ("status=published", 0),
        ("code=key_type_not_allowed&status=parked", 1),
        ("code=key_rejected", 0),
    ] {
        let found = operator.get(&format!("{SYNC}?{filter}")).await.is(200);
        assert_eq!(found["placements"].as_array().unwrap().len(), count);
    }
    let answer = operator
        .get(&format!(
            "{SYNC}?provider=Git&status=lost&code=why&after=x&limit=-1"
        ))
        .await;
    let wrong = ["provider", "status", "code", "after", "limit"];
    assert_eq!(answer.rejected(), wrong);
    let both = format!("{SYNC}?drift=any&code=key_rejected");
    assert_eq!(operator.get(&both).await.rejected(), ["drift"]);
}

#[tokio::test]
async fn an_operator_gives_up_what_waits_with_a_reason_that_stays() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, operator) = (app.user("ada").await, app.operator().await);
    let account = practice.links(&ada, "octocat").await;
    let key = parked(&app, &account).await;
    let path = "/api/v1/sync/discard";
    let body = json!({ "account": account, "key": key.to_string(), "reason": "it is gone" });
    ada.post(path, body.clone())
        .await
        .is_problem(403, "forbidden");
    let without = json!({ "account": "x", "key": key.to_string() });
    let refused = operator.post(path, without).await;
    assert_eq!(refused.rejected(), ["account", "reason"]);
    let done = operator.post(path, body.clone()).await;
    assert_eq!(done.is(200), json!({ "discarded": true }));
    let index = done.header("lanyard-index").to_owned();
    let again = operator.post(path, body).await.is(200);
    assert_eq!(again, json!({ "discarded": false }));
    let pending = operator.sees(SYNC).await.is(200);
    assert_eq!(pending["placements"], json!([]));
    let left = operator.get(&format!("{SYNC}?status=left")).await.is(200);
    assert_eq!(left["placements"][0]["key"], key.to_string());
    let auditor = app.auditor().await;
    let event = auditor.sees(&format!("/api/v1/audit/events/{index}")).await;
    let event = event.is(200);
    assert!(
        event.to_string().contains("KeyPlacementDiscarded"),
        "{event}"
    );
    assert!(event.to_string().contains("it is gone"), "{event}");
    let other = json!({
        "account": account, "key": KeyId::new(app.app.new_id()).to_string(), "reason": "none",
    });
    let refused = operator.post(path, other).await;
    refused.is_problem(409, "account-key-not-parked");
}

#[tokio::test]
async fn who_leaves_does_not_stop_a_retry_half_way() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let ada = app.user("ada").await;
    let account = practice.links(&ada, "octocat").await;
    for _ in 0..3 {
        parked(&app, &account).await;
    }
    let before = app.app.log.size().await.unwrap();
    let caller = Caller::system("operator", app.app.new_id(), None);
    let filter = Pending::default();
    {
        let asked = pin!(app.app.retry(&filter, &caller));
        assert!(futures::poll!(asked).is_pending(), "it has just begun");
    }
    let patience = Duration::from_secs(30);
    assert!(app.app.applied.wait_for(before + 2, patience).await);
    let operator = app.operator().await;
    let pending = operator.sees(SYNC).await.is(200);
    let placements = pending["placements"].as_array().unwrap();
    assert_eq!(placements.len(), 3);
    assert!(placements.iter().all(|one| one["status"] == "requested"));
}

#[tokio::test]
async fn an_operator_has_it_tried_again() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, operator) = (app.user("ada").await, app.operator().await);
    let account = practice.links(&ada, "octocat").await;
    parked(&app, &account).await;
    let body = json!({ "provider": "github", "reason": "the policy was changed" });
    let retried = operator.post("/api/v1/sync/retry", body).await;
    assert_eq!(retried.is(202), json!({ "requested": 1, "looked_at": 1 }));
    let otherwise = json!({ "code": "key_rejected" });
    let none = operator.post("/api/v1/sync/retry", otherwise).await;
    assert_eq!(none.is(202)["looked_at"], 0);
    let pending = operator.sees(SYNC).await.is(200);
    assert_eq!(pending["placements"][0]["status"], "requested");
    assert_eq!(pending["placements"][0]["cause"], "retry");
    let again = operator.post("/api/v1/sync/retry", json!({})).await;
    assert_eq!(again.is(202), json!({ "requested": 0, "looked_at": 0 }));
    let answer = operator
        .post("/api/v1/sync/retry", json!({ "key": "x" }))
        .await;
    assert_eq!(answer.rejected(), ["key"]);
}
