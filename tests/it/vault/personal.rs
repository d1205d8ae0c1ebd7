//! Personal data in events, and erasing a person.

use chrono::TimeDelta;
use domain::Sealed;
use lanyard::vault::{Purpose, VaultError};

use super::{Home, person, secret, user};

pub(super) async fn a_text_of_a_person_opens_as_what_it_is_and_nothing_else(home: Home) {
    let vault = home.vault().await;
    let sealed = vault
        .seal_personal(&user("ada"), "login", "ada-l ✓")
        .await
        .unwrap();
    assert_eq!(sealed.person, user("ada"));
    assert!(
        sealed
            .sealed
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    // The log keeps these for ever: a text costs about a hundred bytes more than itself.
    assert_eq!(
        sealed.sealed.len(),
        (4 + 1 + 24 + 32 + 9 + 16_usize).div_ceil(3) * 4 - 1
    );
    let opened = vault.open_personal(&sealed, "login").await.unwrap();
    assert_eq!(opened.as_deref(), Some("ada-l ✓"));

    let as_another = vault.open_personal(&sealed, "address").await;
    assert!(matches!(as_another, Err(VaultError::Damaged(_))));
    vault
        .seal_personal(&user("bob"), "login", "bob")
        .await
        .unwrap();
    let of_another = Sealed {
        person: user("bob"),
        ..sealed.clone()
    };
    let of_another = vault.open_personal(&of_another, "login").await;
    assert!(matches!(of_another, Err(VaultError::Damaged(_))));
    for text in ["", "A", "AAAA", "!", "AAAAAAAA"] {
        let changed = Sealed {
            sealed: text.to_owned(),
            ..sealed.clone()
        };
        let opened = vault.open_personal(&changed, "login").await;
        assert!(matches!(opened, Err(VaultError::Damaged(_))));
    }
}

pub(super) async fn erasing_a_person_leaves_the_others_as_they_are(home: Home) {
    let vault = home.vault().await;
    let ada = vault
        .seal_personal(&user("ada"), "login", "ada-l")
        .await
        .unwrap();
    let bob = vault
        .seal_personal(&user("bob"), "login", "bob-b")
        .await
        .unwrap();
    let adas = vault
        .seal(&person("ada"), Purpose::PrivateKey, "x", &secret("a"))
        .await
        .unwrap();
    let bobs = vault
        .seal(&person("bob"), Purpose::PrivateKey, "x", &secret("b"))
        .await
        .unwrap();
    vault.erase(&user("ada")).await.unwrap();
    vault.erase(&user("ada")).await.unwrap();

    for vault in [vault, home.vault().await] {
        assert_eq!(vault.open_personal(&ada, "login").await.unwrap(), None);
        assert_eq!(vault.open_personal(&ada, "login").await.unwrap(), None);
        let opened = vault.open_personal(&bob, "login").await.unwrap();
        assert_eq!(opened.as_deref(), Some("bob-b"));
        assert!(matches!(
            vault.open_secret(adas).await,
            Err(VaultError::Destroyed)
        ));
        assert_eq!(vault.open_secret(bobs).await.unwrap(), (secret("b"), 1));
    }
}

pub(super) async fn a_person_who_comes_back_begins_anew(home: Home) {
    let vault = home.vault().await;
    let before = vault
        .seal_personal(&user("ada"), "login", "before")
        .await
        .unwrap();
    vault.erase(&user("ada")).await.unwrap();
    let after = vault
        .seal_personal(&user("ada"), "login", "after")
        .await
        .unwrap();
    assert_eq!(vault.open_personal(&before, "login").await.unwrap(), None);
    let opened = vault.open_personal(&after, "login").await.unwrap();
    assert_eq!(opened.as_deref(), Some("after"));
    vault
        .seal(&person("ada"), Purpose::PrivateKey, "x", &secret("new"))
        .await
        .unwrap();
}

pub(super) async fn an_erasure_by_another_instance_is_heeded_within_half_a_minute(home: Home) {
    let (here, there) = (home.vault().await, home.vault().await);
    let sealed = here
        .seal_personal(&user("ada"), "login", "ada-l")
        .await
        .unwrap();
    let at = here
        .seal(&person("ada"), Purpose::GrantTokens, "x", &secret("t"))
        .await
        .unwrap();
    there.erase(&user("ada")).await.unwrap();
    // Secrets are looked up each time.
    assert!(matches!(
        here.open_secret(at).await,
        Err(VaultError::Destroyed)
    ));
    home.clock.advance(TimeDelta::seconds(30));
    assert_eq!(here.open_personal(&sealed, "login").await.unwrap(), None);
    let anew = here
        .seal_personal(&user("ada"), "login", "new")
        .await
        .unwrap();
    assert_eq!(
        there
            .open_personal(&anew, "login")
            .await
            .unwrap()
            .as_deref(),
        Some("new")
    );
}

pub(super) async fn a_text_that_is_remembered_opens_as_any_other(home: Home) {
    let (here, there) = (home.vault().await, home.vault().await);
    let ada = user("ada");
    let login = here.seal_personal(&ada, "login", "ada-l").await.unwrap();
    let opened = async || here.open_personal_often(&login, "login").await.unwrap();
    for _ in 0..2 {
        assert_eq!(opened().await.as_deref(), Some("ada-l"));
        let as_another = here.open_personal_often(&login, "address").await;
        assert!(matches!(as_another, Err(VaultError::Damaged(_))));
    }
    home.clock.advance(TimeDelta::seconds(30));
    assert_eq!(opened().await.as_deref(), Some("ada-l"));
    there.erase(&ada).await.unwrap();
    home.clock.advance(TimeDelta::seconds(30));
    assert_eq!(opened().await, None);

    let anew = here.seal_personal(&ada, "login", "new").await.unwrap();
    let opened = async || here.open_personal_often(&anew, "login").await.unwrap();
    assert_eq!(opened().await.as_deref(), Some("new"));
    here.erase(&ada).await.unwrap();
    assert_eq!(opened().await, None);
}
