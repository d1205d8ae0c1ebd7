use forge::{GitLabDuplicate, GitLabOptions};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{ECDSA, ED25519, Play, header, json_of, key, refused};

#[tokio::test]
async fn a_key_comes_back_with_another_comment() {
    let play = Play::start().await;
    let token = play.ada().await;
    let line = format!("{ED25519} ada@laptop");
    let answer = play.post(&token, "Lanyard", &line).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let body = json_of(answer).await;
    let expected = json!({
        "id": body["id"],
        "title": "Lanyard",
        "created_at": "2026-09-01T12:00:00.000Z",
        "expires_at": null,
        "key": format!("{ED25519} Ada (gitlab.example)"),
        "usage_type": "auth_and_signing",
    });
    assert_eq!(body, expected);
    let path = format!("/user/keys/{}", body["id"]);
    assert_eq!(json_of(play.get(&path, &token).await).await, expected);
    let list = json_of(play.get("/user/keys", &token).await).await;
    assert_eq!(list, json!([expected]));
    let page = play.http.get(play.url("/ada.keys")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert_eq!(page, format!("{ED25519} Ada (gitlab.example)\n"));
    let held = &play.gitlab.keys_of("ada")[0];
    assert_eq!(held.created_by.as_deref(), Some(&*play.app.client_id));
}

#[tokio::test]
async fn usage_and_expiry_are_kept() {
    let play = Play::start().await;
    let token = play.ada().await;
    for (number, usage, given, kept) in [
        (
            1,
            "auth",
            "2027-01-21T00:00:00Z",
            "2027-01-21T00:00:00.000Z",
        ),
        (2, "signing", "2027-01-21", "2027-01-21T00:00:00.000Z"),
    ] {
        let body = json!({
            "title": "Lanyard",
            "key": key(number),
            "usage_type": usage,
            "expires_at": given,
        });
        let made = json_of(play.post_json(&token, &body).await).await;
        assert_eq!(made["usage_type"], usage);
        assert_eq!(made["expires_at"], kept);
    }
    let page = play.http.get(play.url("/ada.keys")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains(&key(1)) && !page.contains(&key(2)));
}

#[tokio::test]
async fn before_15_7_the_usage_is_ignored() {
    let options = GitLabOptions {
        usage_type: false,
        ..GitLabOptions::self_managed()
    };
    let play = Play::with(options).await;
    let token = play.ada().await;
    let body = json!({ "title": "Lanyard", "key": ED25519, "usage_type": "auth" });
    let made = json_of(play.post_json(&token, &body).await).await;
    assert!(made["id"].is_u64() && made.get("usage_type").is_none());
}

#[tokio::test]
async fn a_key_is_unique_over_the_whole_server() {
    for (duplicate, words) in [
        (
            GitLabDuplicate::Sha256,
            json!({ "fingerprint_sha256": ["has already been taken"] }),
        ),
        (
            GitLabDuplicate::Older,
            json!({
                "fingerprint": ["has already been taken"],
                "key": ["has already been taken"],
            }),
        ),
    ] {
        let options = GitLabOptions {
            duplicate,
            ..GitLabOptions::self_managed()
        };
        let play = Play::with(options).await;
        play.gitlab.add_user("bob");
        play.gitlab.paste_key("bob", "laptop", ED25519).unwrap();
        play.gitlab.add_deploy_key(ECDSA).unwrap();
        let token = play.ada().await;
        let made = play.post(&token, "mine", &key(1)).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        for taken in [ED25519, ECDSA, &key(1)] {
            let line = format!("{taken} another comment");
            let answer = play.post(&token, "Lanyard", &line).await;
            assert_eq!(refused(answer, 400).await, words);
        }
    }
}

#[tokio::test]
async fn a_title_may_stand_twice() {
    let play = Play::start().await;
    let token = play.ada().await;
    for number in [1, 2] {
        let made = play.post(&token, "Lanyard", &key(number)).await;
        assert_eq!(made.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn title_and_key_have_their_limits() {
    let play = Play::start().await;
    let token = play.ada().await;
    let longest = "é".repeat(255);
    let made = play.post(&token, &longest, &key(1)).await;
    assert_eq!(json_of(made).await["title"], longest);
    let answer = play.post(&token, &"é".repeat(256), &key(2)).await;
    let words = json!({ "title": ["is too long (maximum is 255 characters)"] });
    assert_eq!(refused(answer, 400).await, words);
    let answer = play.post(&token, " ", &key(2)).await;
    assert_eq!(
        refused(answer, 400).await,
        json!({ "title": ["can't be blank"] })
    );
    let long = format!("{} {}", key(2), "x".repeat(5000));
    let answer = play.post(&token, "Lanyard", &long).await;
    let words = json!({ "key": ["is too long (maximum is 5000 characters)"] });
    assert_eq!(refused(answer, 400).await, words);
}

#[tokio::test]
async fn what_is_no_key_is_refused_for_all_its_faults_at_once() {
    let play = Play::start().await;
    let token = play.ada().await;
    for garbage in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "hello world"] {
        let answer = play.post(&token, "Lanyard", garbage).await;
        let words = json!({
            "key": [
                "type is forbidden. Must be RSA, ECDSA, ED25519, ECDSA_SK, or ED25519_SK",
                "is invalid",
            ],
            "fingerprint_sha256": ["cannot be generated"],
        });
        assert_eq!(refused(answer, 400).await, words, "{garbage}");
    }
}

#[tokio::test]
async fn what_the_api_cannot_read_is_refused_before_it_is_looked_at() {
    let play = Play::start().await;
    let token = play.ada().await;
    for (body, words) in [
        (json!({}), "key is missing, title is missing"),
        (json!({ "key": ED25519 }), "title is missing"),
        (
            json!({ "title": "a", "key": ED25519, "expires_at": "soon" }),
            "expires_at is invalid",
        ),
        (
            json!({ "title": "a", "key": ED25519, "usage_type": "both" }),
            "usage_type does not have a valid value",
        ),
    ] {
        let answer = play.post_json(&token, &body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(json_of(answer).await["error"], words);
    }
    let broken = play
        .call(reqwest::Method::POST, "/user/keys", &token)
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    assert!(play.gitlab.keys_of("ada").is_empty());
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_cannot_be_deleted_twice() {
    let play = Play::start().await;
    let token = play.ada().await;
    let id = json_of(play.post(&token, "Lanyard", ED25519).await).await["id"].clone();
    let path = format!("/user/keys/{id}");
    let deleted = play.delete(&path, &token).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    for answer in [
        play.delete(&path, &token).await,
        play.get(&path, &token).await,
    ] {
        assert_eq!(refused(answer, 404).await, "404 Key Not Found");
    }
    let again = play.post(&token, "Lanyard", ED25519).await;
    assert_eq!(again.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn somebody_elses_key_is_not_there() {
    let play = Play::start().await;
    play.gitlab.add_user("bob");
    let bobs = play.gitlab.paste_key("bob", "laptop", ED25519).unwrap();
    let token = play.ada().await;
    let path = format!("/user/keys/{}", bobs.id);
    let answer = play.delete(&path, &token).await;
    assert_eq!(refused(answer, 404).await, "404 Key Not Found");
    let odd = play.delete("/user/keys/all", &token).await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json_of(odd).await["error"], "key_id is invalid");
    assert_eq!(play.gitlab.keys_of("bob").len(), 1);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let play = Play::start().await;
    let token = play.ada().await;
    for number in 1..=45 {
        play.gitlab.paste_key("ada", "key", &key(number)).unwrap();
    }
    let first = play.get("/user/keys", &token).await;
    for (name, value) in [
        ("x-total", "45"),
        ("x-total-pages", "3"),
        ("x-page", "1"),
        ("x-per-page", "20"),
        ("x-next-page", "2"),
        ("x-prev-page", ""),
    ] {
        assert_eq!(header(&first, name), Some(value), "{name}");
    }
    let link = header(&first, "link").unwrap().to_owned();
    let next = format!(
        "<{}?page=2&per_page=20>; rel=\"next\"",
        play.gitlab.api("/user/keys")
    );
    assert!(link.contains(&next), "{link}");
    assert_eq!(json_of(first).await.as_array().unwrap().len(), 20);
    let last = play.get("/user/keys?page=3", &token).await;
    assert_eq!(header(&last, "x-next-page"), Some(""));
    assert!(!header(&last, "link").unwrap().contains("rel=\"next\""));
    assert_eq!(json_of(last).await.as_array().unwrap().len(), 5);
    let all = play.get("/user/keys?per_page=1000", &token).await;
    assert_eq!(header(&all, "x-per-page"), Some("100"));
    assert_eq!(json_of(all).await.as_array().unwrap().len(), 45);
}
