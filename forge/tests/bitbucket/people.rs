use reqwest::{Method, StatusCode};

use crate::support::{KEYS, PROPERTIES, Play, header, json_of, refused};

#[tokio::test]
async fn who_asks_stands_url_encoded_in_a_header() {
    let play = Play::new().await;
    let jane = play.bitbucket.add_user("jane@example.com");
    assert_eq!(jane.slug, "jane_example.com");
    let token = play.link("jane@example.com").await.token;
    let answer = play.get(PROPERTIES, &token).await;
    assert_eq!(header(&answer, "x-ausername"), Some("jane%40example.com"));
    assert_eq!(header(&answer, "x-auserid"), Some(&*jane.id.to_string()));
    assert_eq!(json_of(answer).await["displayName"], "Bitbucket");
}

#[tokio::test]
async fn nobody_is_answered_too_but_without_the_headers() {
    let play = Play::new().await;
    let answer = play
        .http
        .get(play.bitbucket.url(PROPERTIES))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "x-ausername"), None);
    assert_eq!(header(&answer, "x-auserid"), None);
    assert!(header(&answer, "x-arequestid").is_some());
    let properties = json_of(answer).await;
    assert_eq!(properties["version"], "9.4.0");
    assert_eq!(properties["buildNumber"], "9004000");
    for path in [
        KEYS,
        "/rest/api/latest/users/ada",
        "/rest/ssh/latest/settings",
    ] {
        let answer = play
            .http
            .get(play.bitbucket.url(path))
            .send()
            .await
            .unwrap();
        let error = refused(answer, 401).await;
        assert_eq!(
            error["exceptionName"],
            "com.atlassian.bitbucket.AuthorisationException"
        );
    }
}

#[tokio::test]
async fn a_person_is_found_by_slug_or_by_filter() {
    let play = Play::new().await;
    let jane = play.bitbucket.add_user("jane@example.com");
    play.bitbucket.add_user("jane@example.com.au");
    let token = play.ada().await;
    let shown = play
        .get("/rest/api/latest/users/jane_example.com", &token)
        .await;
    let shown = json_of(shown).await;
    assert_eq!(shown["id"], jane.id);
    assert_eq!(shown["name"], "jane@example.com");
    let by_name = play
        .get("/rest/api/latest/users/jane%40example.com", &token)
        .await;
    let error = refused(by_name, 404).await;
    assert_eq!(
        error["exceptionName"],
        "com.atlassian.bitbucket.user.NoSuchUserException"
    );
    let found = play
        .get("/rest/api/latest/users?filter=jane%40example.com", &token)
        .await;
    let found = json_of(found).await;
    assert_eq!(found["size"], 2, "a filter matches parts of names");
}

#[tokio::test]
async fn an_id_outlives_a_name() {
    let play = Play::new().await;
    let ada = play.bitbucket.add_user("ada");
    let token = play.ada().await;
    play.bitbucket.rename_user("ada", "ada.l");
    play.bitbucket.set_slug("ada.l", "countess");
    let answer = play.get(PROPERTIES, &token).await;
    assert_eq!(header(&answer, "x-ausername"), Some("ada.l"));
    assert_eq!(header(&answer, "x-auserid"), Some(&*ada.id.to_string()));
    let shown = play.get("/rest/api/latest/users/countess", &token).await;
    assert_eq!(json_of(shown).await["id"], ada.id);
}

#[tokio::test]
async fn the_journal_names_people_and_holds_no_secrets() {
    let play = Play::new().await;
    let token = play.ada().await;
    play.get(KEYS, &token).await;
    let entries = play.bitbucket.journal();
    let last = entries.last().unwrap();
    assert_eq!(last.route, "GET /ssh/latest/keys");
    assert_eq!(last.user.as_deref(), Some("ada"));
    assert!(!format!("{entries:?}").contains(&token));
    let by_hand = play.bearer(Method::GET, KEYS, "none");
    refused(by_hand.send().await.unwrap(), 401).await;
    assert_eq!(play.bitbucket.journal().last().unwrap().user, None);
}
