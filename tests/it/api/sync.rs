//! What is pending at the providers, as an operator sees it.

use domain::account::{Account, AccountCommand, PublicationCause};
use domain::{AccountId, Blame, Failure, KeyId, ReasonCode};
use lanyard::app::Caller;
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
            "requested_at": "2026-11-22T09:00:00Z", "changed_at": "2026-11-22T09:00:00Z",
        }])
    );
    for (filter, count) in [
        ("provider=github&status=parked&user=ada", 1),
        ("provider=gitlab", 0),
        ("user=bob", 0),
        ("status=published", 0),
    ] {
        let found = operator.get(&format!("{SYNC}?{filter}")).await.is(200);
        assert_eq!(found["placements"].as_array().unwrap().len(), count);
    }
    let answer = operator
        .get(&format!("{SYNC}?provider=Git&status=lost&after=x&limit=-1"))
        .await;
    assert_eq!(answer.rejected(), ["provider", "status", "after", "limit"]);
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
