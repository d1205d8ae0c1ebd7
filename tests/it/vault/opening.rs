//! The right key, or nothing; and another key.

use domain::Sealed;
use lanyard::vault::{KeyEncryptionKey, Owner, Purpose, VaultError};

use super::{Home, KEY, OTHER_KEY, person, secret, user};

fn key(text: &str) -> KeyEncryptionKey {
    KeyEncryptionKey::from_env_value(text).unwrap()
}

async fn everything(home: &Home) -> Vec<projections::Row> {
    let mut rows = home
        .rows("SELECT * FROM vault_keys ORDER BY owner, purpose, version")
        .await;
    rows.extend(home.rows("SELECT * FROM vault_secrets ORDER BY ref").await);
    rows.extend(home.rows("SELECT * FROM vault_canary").await);
    rows
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_name_and_changes_nothing() {
    let home = Home::new();
    let vault = home.vault().await;
    vault
        .seal(&person("ada"), Purpose::PrivateKey, "x", &secret("s"))
        .await
        .unwrap();
    let before = everything(&home).await;
    let refused = home.open_with(OTHER_KEY).await.unwrap_err();
    let (right, wrong) = (key(KEY).id(), key(OTHER_KEY).id());
    assert_eq!(right.len(), 16);
    assert!(
        matches!(&refused, VaultError::WrongKey { wanted, given } if *wanted == right && *given == wrong)
    );
    assert!(refused.to_string().contains(&right));
    assert_eq!(everything(&home).await, before);
}

#[tokio::test]
async fn a_wrong_key_that_claims_the_right_name_is_refused() {
    let home = Home::new();
    home.vault().await;
    home.tamper(
        "UPDATE vault_canary SET kek_id = $1",
        [key(OTHER_KEY).id().into()],
    )
    .await;
    let refused = home.open_with(OTHER_KEY).await;
    assert!(matches!(refused, Err(VaultError::Damaged(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_open_a_new_vault_together_agree() {
    let home = Home::new();
    let opened = futures::future::join_all((0..8).map(|_| home.open_with(KEY))).await;
    for vault in opened {
        vault.unwrap();
    }
    assert_eq!(home.rows("SELECT name FROM vault_canary").await.len(), 1);
}

#[tokio::test]
async fn under_another_key_everything_opens_as_before_and_the_old_key_no_more() {
    let home = Home::new();
    let vault = home.vault().await;
    let ada = vault
        .seal_personal(&user("ada"), "login", "ada-l")
        .await
        .unwrap();
    let token = vault
        .seal(&person("ada"), Purpose::GrantTokens, "x", &secret("t"))
        .await
        .unwrap();
    let app = vault
        .seal(&Owner::Deployment, Purpose::SigningKey, "x", &secret("k"))
        .await
        .unwrap();
    let gone = vault
        .seal_personal(&user("bob"), "login", "bob-b")
        .await
        .unwrap();
    vault.erase(&user("bob")).await.unwrap();

    let (vault, keys) = vault.rewrap(key(OTHER_KEY)).await.unwrap();
    assert_eq!(keys, 3);
    for vault in [vault, home.open_with(OTHER_KEY).await.unwrap()] {
        assert_eq!(
            vault.open_personal(&ada, "login").await.unwrap().as_deref(),
            Some("ada-l")
        );
        assert_eq!(vault.open_personal(&gone, "login").await.unwrap(), None);
        assert_eq!(vault.open_secret(token).await.unwrap(), (secret("t"), 1));
        assert_eq!(vault.open_secret(app).await.unwrap(), (secret("k"), 1));
        vault
            .seal_personal(&user("eve"), "login", "eve")
            .await
            .unwrap();
    }
    let refused = home.open_with(KEY).await;
    assert!(matches!(refused, Err(VaultError::WrongKey { .. })));
}

#[tokio::test]
async fn more_data_keys_than_a_page_are_wrapped_again() {
    let home = Home::new();
    let vault = home.vault().await;
    let sealed = futures::future::join_all((0..2_100).map(|n| {
        let (vault, owner) = (&vault, user(&format!("user-{n}")));
        async move { vault.seal_personal(&owner, "login", "x").await.unwrap() }
    }))
    .await;
    let (vault, keys) = vault.rewrap(key(OTHER_KEY)).await.unwrap();
    assert_eq!(keys, 2_100);
    drop(vault);
    let vault = home.open_with(OTHER_KEY).await.unwrap();
    for text in sealed {
        assert!(vault.open_personal(&text, "login").await.unwrap().is_some());
    }
}

/// What stands in `first_release.sql` and here was sealed once and for all. If this fails, what
/// people have stored would not open any more: add a format, leave this one as it is.
#[tokio::test]
async fn what_the_first_release_sealed_opens() {
    let home = Home::new();
    for row in include_str!("first_release.sql").lines() {
        home.tamper(row, []).await;
    }
    let vault = home.vault().await;
    let at = "01a1ee56-5e00-752f-80bf-9e194e541b28".parse().unwrap();
    assert_eq!(
        vault.open_secret(at).await.unwrap(),
        (secret("gho_second"), 2)
    );

    let login = Sealed {
        person: user("ada"),
        sealed: "AAAAAQFxMYGwbiLf0vRw43CeixhWkDKnFBEDFu8ZwrlJa_5iXp8vU2E5oHDqq3Y2VIBxUN\
                 yVtMQbO0LyiCHD7eOG_oRxeJ33UtYidQ0w2n7ZTQ"
            .to_owned(),
    };
    let opened = vault.open_personal(&login, "login").await.unwrap();
    assert_eq!(opened.as_deref(), Some("ada-l"));

    let provider = Owner::Provider("github".parse().unwrap());
    let sealed = b"\
        \x00\x00\x00\x00\x00\x00\x00\x01\x01\xf0\x57\x6d\xb2\xfa\x26\xad\xfa\xbc\x4f\x6f\
        \x7e\xfa\xbb\x19\xf2\xd8\xff\xd8\x4d\xbf\xfd\x00\xe1\x78\xf5\x58\x78\xf7\xcb\xb6\
        \xc5\xa1\x19\x6e\x05\xc6\x4b\x25\x5c\x90\x0e\x49\xbe\xe3\x96\x94\x33\x9d\x8c\x4c\
        \x4b\xe9\xc8\x04\x60\x4e\xe0\x62\x49\x99\x6e\x58\xf7\x0d\x65\x5b\x38\xaf\xa8\xfc\
        \xd7\xea\xf2\xa7\xc3\x75\x9f\xc1\x07";
    let opened = vault.open_box(&provider, Purpose::OauthFlow, "oauth_flows/box/1", sealed);
    assert_eq!(opened.await.unwrap(), secret("verifier"));
}
