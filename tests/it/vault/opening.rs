//! The right key, or nothing; and another key.

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

pub(super) async fn a_wrong_key_is_refused_by_name_and_changes_nothing(home: Home) {
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

pub(super) async fn a_wrong_key_that_claims_the_right_name_is_refused(home: Home) {
    home.vault().await;
    home.tamper(
        "UPDATE vault_canary SET kek_id = $1",
        [key(OTHER_KEY).id().into()],
    )
    .await;
    let refused = home.open_with(OTHER_KEY).await;
    assert!(matches!(refused, Err(VaultError::Damaged(_))));
}

pub(super) async fn instances_that_open_a_new_vault_together_agree(home: Home) {
    let opened = futures::future::join_all((0..8).map(|_| home.open_with(KEY))).await;
    for vault in opened {
        vault.unwrap();
    }
    assert_eq!(home.rows("SELECT name FROM vault_canary").await.len(), 1);
}

pub(super) async fn under_another_key_everything_opens_as_before_and_the_old_key_no_more(
    home: Home,
) {
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

pub(super) async fn more_data_keys_than_a_page_are_wrapped_again(home: Home) {
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
