//! The read models, as an operator sees them.

use std::time::Duration;

use serde_json::json;

use crate::support::app::TestApp;

const PROJECTIONS: &str = "/api/v1/projections";

#[tokio::test]
async fn an_operator_sees_how_far_they_are() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let seen = operator.sees(PROJECTIONS).await.is(200);
    assert_eq!(seen["events"], 1);
    let names: Vec<_> = seen["projections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|known| {
            assert_eq!(known["behind"], 0);
            known["name"].as_str().unwrap()
        })
        .collect();
    let mut expected: Vec<_> = projections::ALL.iter().map(|known| known.name()).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn an_operator_has_one_rebuilt_and_its_rows_are_the_same() {
    let app = TestApp::new().await;
    let (operator, admin) = (app.operator().await, app.admin().await);
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    admin.post("/api/v1/tokens", body).await.is(201);
    let before = admin.sees("/api/v1/tokens").await.is(200);
    let path = format!("{PROJECTIONS}/tokens/rebuild");
    let answer = operator.post(&path, json!({})).await;
    answer.is(202);
    assert_eq!(answer.header("location"), PROJECTIONS);
    for _ in 0..200 {
        let seen = operator.get(PROJECTIONS).await.is(200);
        let known = seen["projections"].as_array().unwrap();
        let tokens = known.iter().find(|known| known["name"] == "tokens");
        if tokens.unwrap()["rebuilt"].is_null()
            && operator.post(&path, json!({})).await.status == 202
        {
            break;
        }
        tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>())
            .await
            .unwrap_err();
    }
    assert_eq!(admin.get("/api/v1/tokens").await.is(200), before);
}

#[tokio::test]
async fn what_is_no_projection_is_not_rebuilt() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let answer = operator
        .post(&format!("{PROJECTIONS}/nothing/rebuild"), json!({}))
        .await;
    answer.is_problem(404, "projection-not-found");
    let path = format!("{PROJECTIONS}/tokens/rebuild");
    let (one, other) = tokio::join!(
        operator.post(&path, json!({})),
        operator.post(&path, json!({})),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 202);
    assert!(matches!(statuses[1], 202 | 409), "{statuses:?}");
}
