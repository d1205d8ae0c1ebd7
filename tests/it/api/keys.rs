//! People's keys.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::app::TestApp;

const KEYS: &str = "/api/v1/users/me/keys";

#[tokio::test]
async fn everybody_may_have_a_personal_key_and_keeps_it() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let made = ada.post(KEYS, json!({ "holder": "personal" })).await;
    let key = made.is(201);
    let id = key["key"].as_str().unwrap();
    let place = format!("/api/v1/users/ada/keys/{id}");
    assert_eq!(made.header("location"), place);
    let again = ada.post(KEYS, json!({ "holder": "personal" })).await;
    assert_eq!(again.is(200), key);
    let listed = ada.sees(KEYS).await.is(200);
    assert_eq!(
        listed["keys"],
        json!([{
            "key": id, "user": "ada", "holder": "personal", "account": null,
            "algorithm": "ed25519", "public_key": key["public_key"],
            "fingerprint": key["fingerprint"], "status": "current", "replaced_by": null,
            "made_at": "2026-11-22T09:00:00.000000Z", "retired_at": null, "placements": [],
        }])
    );
    assert_eq!(ada.get(&place).await.is(200), listed["keys"][0]);
    let line = ada.get(&format!("{place}.pub")).await;
    assert_eq!(line.status, 200);
    assert_eq!(line.header("content-type"), "text/plain; charset=utf-8");
    let expected = format!(
        "{} lanyard-ada-personal\n",
        key["public_key"].as_str().unwrap()
    );
    assert_eq!(line.body, expected);
    assert!(!listed.to_string().contains("private"));
}

#[tokio::test]
async fn a_key_is_rotated_and_the_old_one_has_to_go_first() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.user("ada").await, app.admin().await);
    let old = ada
        .post(KEYS, json!({ "holder": "personal" }))
        .await
        .is(201);
    let old = old["key"].as_str().unwrap().to_owned();
    let algorithm = json!({ "algorithm": "ecdsa-p256" });
    admin.patch("/api/v1/settings", algorithm).await.is(200);
    app.after(TimeDelta::seconds(1));
    let path = format!("{KEYS}/{old}/rotation");
    let body = json!({ "reason": "a lost laptop", "compromised": true });
    let rotated = ada.post(&path, body).await;
    let new = rotated.is(202);
    assert_eq!(new["algorithm"], "ecdsa-p256");
    assert_eq!(
        rotated.header("location"),
        format!("/api/v1/users/ada/keys/{}", new["key"].as_str().unwrap())
    );
    let listed = ada.sees(KEYS).await.is(200);
    let states: Vec<_> = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["status"].clone(), key["replaced_by"].clone()))
        .collect();
    assert_eq!(
        states,
        [
            (json!("compromised"), new["key"].clone()),
            (json!("current"), Value::Null)
        ]
    );
    let answer = ada.post(&path, json!({})).await;
    answer.is_problem(409, "key-rotation-under-way");
    let auditor = app.auditor().await;
    let found = auditor
        .get("/api/v1/audit/events?type=KeyRotated")
        .await
        .is(200);
    assert_eq!(found["events"][0]["event"]["reason"], "a lost laptop");
}

#[tokio::test]
async fn wrong_fields_and_keys_of_others_are_refused() {
    let app = TestApp::new().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let key = ada
        .post(KEYS, json!({ "holder": "personal" }))
        .await
        .is(201);
    let id = key["key"].as_str().unwrap();
    app.catches_up().await;
    let of_bob = format!("{KEYS}/{id}");
    bob.get(&of_bob).await.is_problem(404, "key-not-found");
    let answer = bob.post(&format!("{of_bob}/rotation"), json!({})).await;
    answer.is_problem(404, "key-not-found");
    let of_ada = format!("/api/v1/users/ada/keys/{id}");
    bob.get(&of_ada).await.is_problem(403, "forbidden");
    let body = json!({ "reason": "x".repeat(501), "compromised": 1, "force": true });
    let answer = ada.post(&format!("{of_ada}/rotation"), body).await;
    assert_eq!(answer.rejected(), ["reason", "compromised", "force"]);
    let answer = ada.post(KEYS, json!({ "holder": "account" })).await;
    assert_eq!(answer.rejected(), ["holder"]);
    assert_eq!(ada.post(KEYS, json!({})).await.rejected(), ["holder"]);
    let answer = ada.get(&format!("{KEYS}?retired=maybe&x=1")).await;
    assert_eq!(answer.rejected(), ["retired", "x"]);
    assert_eq!(ada.get(&format!("{KEYS}/1.pub")).await.rejected(), ["key"]);
}

#[tokio::test]
async fn no_answer_has_a_private_key() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let made = ada.post(KEYS, json!({ "holder": "personal" })).await;
    let id = made.is(201)["key"].as_str().unwrap().to_owned();
    for path in [
        KEYS.to_owned(),
        format!("{KEYS}/{id}"),
        format!("{KEYS}/{id}.pub"),
    ] {
        let answer = ada.sees(&path).await;
        let body = answer.body.to_lowercase();
        assert!(
            !body.contains("private") && !body.contains("begin"),
            "{body}"
        );
    }
}
