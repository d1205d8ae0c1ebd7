use reqwest::StatusCode;
use serde_json::json;

use crate::support::{ECDSA, ED25519, Play, header, json_of, refused};

#[tokio::test]
async fn me_is_known_by_a_number_that_stays() {
    let play = Play::dot_com().await;
    let token = play.token_of("ada", "").await;
    let before = json_of(play.get("/user", &token).await).await;
    assert_eq!(before["login"], "ada");
    assert_eq!(before["type"], "User");
    assert!(before.get("two_factor_authentication").is_none());
    assert!(before.get("suspended_at").is_none());
    play.github.rename_user("ada", "countess");
    play.github.add_user("ada");
    let after = json_of(play.get("/user", &token).await).await;
    assert_eq!(after["login"], "countess");
    assert_eq!(after["id"], before["id"]);
}

#[tokio::test]
async fn enterprise_server_says_when_an_account_was_suspended() {
    let play = Play::enterprise().await;
    let me = json_of(play.get("/user", &play.ada().await).await).await;
    assert!(me.as_object().unwrap().contains_key("suspended_at"));
}

#[tokio::test]
async fn everybody_may_see_the_keys_of_everybody() {
    let play = Play::dot_com().await;
    let first = play.github.paste_key("ada", "one", ED25519).unwrap();
    let second = play.github.paste_key("ada", "two", ECDSA).unwrap();
    let get = |url: String| play.http.get(url).send();
    let rows = json_of(get(play.github.api("/users/Ada/keys")).await.unwrap()).await;
    let expected = json!([{ "id": first.id, "key": ED25519 }, { "id": second.id, "key": ECDSA }]);
    assert_eq!(rows, expected);
    let page = get(format!("{}/ada.keys", play.github.base_url()))
        .await
        .unwrap();
    assert!(
        header(&page, "content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(page.text().await.unwrap(), format!("{ED25519}\n{ECDSA}\n"));
    let nobody = get(play.github.api("/users/nobody/keys")).await.unwrap();
    assert_eq!(refused(nobody, 404).await, "Not Found");
    let nobody = get(format!("{}/nobody.keys", play.github.base_url()))
        .await
        .unwrap();
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn dot_com_tells_its_host_keys() {
    let play = Play::dot_com().await;
    let meta = json_of(
        play.http
            .get(play.github.api("/meta"))
            .send()
            .await
            .unwrap(),
    )
    .await;
    let keys = meta["ssh_keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter()
            .all(|key| forge::PublicKey::parse(key.as_str().unwrap()).is_ok())
    );
    let prints = &meta["ssh_key_fingerprints"];
    assert_eq!(
        prints["SHA256_ED25519"],
        "oJCfD0YJwHwuagEM2T7qhYB+48F8weG2lrSxO3eYZ1k"
    );
    assert_eq!(
        prints["SHA256_ECDSA"],
        "QvAdBhIRL9DCXVjW5zyxpGG9FlA3tIVkPmqDWs8cX9E"
    );
    assert_eq!(
        prints["SHA256_RSA"],
        "UKQUR+zKVkaIUi8MedZHLC+iGA5a3VXrGAVfc/wsD1M"
    );
}

#[tokio::test]
async fn enterprise_server_keeps_its_host_keys_to_itself() {
    let play = Play::enterprise().await;
    let meta = json_of(
        play.http
            .get(play.github.api("/meta"))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(meta["installed_version"], "3.19.0");
    assert!(meta.get("ssh_keys").is_none() && meta.get("ssh_key_fingerprints").is_none());
}
