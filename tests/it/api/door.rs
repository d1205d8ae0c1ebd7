//! What every route has in common: tokens, problems, headers, limits.

use crate::support::app::TestApp;

#[tokio::test]
async fn whoever_asks_learns_who_they_are() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let me = ada.get("/api/v1/me").await.is(200);
    assert_eq!(me["user"], "ada");
    assert_eq!(me["roles"], serde_json::json!(["member"]));
}
