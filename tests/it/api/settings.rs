//! The deployment's settings.

use serde_json::json;

use crate::support::app::TestApp;

const SETTINGS: &str = "/api/v1/settings";

#[tokio::test]
async fn an_admin_chooses_the_algorithm_of_new_keys() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let before = admin.get(SETTINGS).await;
    assert_eq!(
        before.is(200),
        json!({ "algorithm": "ed25519", "rotation_grace_hours": 24, "revision": 0 })
    );
    assert_eq!(before.header("etag"), "\"0\"");
    let changed = admin
        .patch(SETTINGS, json!({ "algorithm": "ecdsa-p256" }))
        .await;
    let after = json!({ "algorithm": "ecdsa-p256", "rotation_grace_hours": 24, "revision": 1 });
    assert_eq!(changed.is(200), after);
    assert_eq!(changed.header("etag"), "\"1\"");
    assert_eq!(app.user("ada").await.get(SETTINGS).await.is(200), after);
}

#[tokio::test]
async fn what_already_is_changes_nothing() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let same = admin
        .patch(SETTINGS, json!({ "algorithm": "ed25519" }))
        .await;
    same.is(200);
    assert_eq!(same.header("lanyard-index"), "");
    admin.patch(SETTINGS, json!({})).await.is(200);
}

#[tokio::test]
async fn of_two_who_saw_the_same_one_is_told_to_look_again() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let seen = [("if-match", "\"0\"")];
    let first = json!({ "algorithm": "rsa-4096" });
    let second = json!({ "algorithm": "rsa-3072" });
    admin
        .send("PATCH", SETTINGS, Some(first), &seen)
        .await
        .is(200);
    let late = admin
        .send("PATCH", SETTINGS, Some(second.clone()), &seen)
        .await;
    let problem = late.is_problem(412, "revision-changed");
    assert_eq!(problem["detail"], "its revision is now 1");
    for tag in ["W/\"1\"", "\"one\"", "1"] {
        let answer = admin
            .send(
                "PATCH",
                SETTINGS,
                Some(second.clone()),
                &[("if-match", tag)],
            )
            .await;
        answer.is_problem(412, "revision-changed");
    }
    let any = [("if-match", "*")];
    admin
        .send("PATCH", SETTINGS, Some(second), &any)
        .await
        .is(200);
}

#[tokio::test]
async fn an_unknown_algorithm_is_rejected_by_name() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({ "algorithm": "dsa", "colour": 1 });
    let answer = admin.patch(SETTINGS, body).await;
    assert_eq!(answer.rejected(), ["algorithm", "colour"]);
}

#[tokio::test]
async fn an_admin_chooses_how_long_keys_stay_and_how_old_they_grow() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({ "rotation_grace_hours": 0, "max_key_age_days": 90 });
    assert_eq!(
        admin.patch(SETTINGS, body).await.is(200),
        json!({
            "algorithm": "ed25519", "rotation_grace_hours": 0, "max_key_age_days": 90,
            "revision": 1,
        })
    );
    let body = json!({ "rotation_grace_hours": 720, "max_key_age_days": null });
    let seen = admin.patch(SETTINGS, body).await.is(200);
    assert_eq!(seen["rotation_grace_hours"], 720);
    assert_eq!(seen["max_key_age_days"], 90, "what is absent stays");
    let body = json!({ "max_key_age_days": 0 });
    let seen = admin.patch(SETTINGS, body).await.is(200);
    assert_eq!(
        seen,
        json!({ "algorithm": "ed25519", "rotation_grace_hours": 720, "revision": 3 })
    );
}

#[tokio::test]
async fn a_number_out_of_range_is_rejected_by_name() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (hours, days) in [(json!(721), json!(3651)), (json!(-1), json!("90"))] {
        let body = json!({ "rotation_grace_hours": hours, "max_key_age_days": days });
        let answer = admin.patch(SETTINGS, body).await;
        assert_eq!(
            answer.rejected(),
            ["rotation_grace_hours", "max_key_age_days"]
        );
    }
}
