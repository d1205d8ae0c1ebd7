//! Sealing, opening, replacing, destroying.

use std::sync::Arc;

use domain::SecretRef;
use lanyard::vault::{Owner, Purpose, VaultError};

use super::{Home, person, secret, user};

#[tokio::test]
async fn what_is_sealed_opens_again_after_a_restart() {
    let home = Home::new();
    let tokens = (person("ada"), Purpose::GrantTokens);
    let app = (
        Owner::Provider("github".parse().unwrap()),
        Purpose::ClientSecret,
    );
    let signing = (Owner::Deployment, Purpose::SigningKey);
    let vault = home.vault().await;
    let mut kept = Vec::new();
    for (owner, purpose) in [tokens, app, signing] {
        for text in ["", "gho_1", &"long".repeat(5_000)] {
            let at = vault
                .seal(&owner, purpose, "x", &secret(text))
                .await
                .unwrap();
            kept.push((at, text.to_owned()));
        }
    }
    drop(vault);
    let vault = home.vault().await;
    for (at, text) in kept {
        assert_eq!(vault.open_secret(at).await.unwrap(), (secret(&text), 1));
    }
}

#[tokio::test]
async fn a_replaced_secret_has_the_next_generation_and_the_old_one_is_gone() {
    let home = Home::new();
    let vault = home.vault().await;
    let at = vault
        .seal(&person("ada"), Purpose::GrantTokens, "x", &secret("first"))
        .await
        .unwrap();
    assert_eq!(vault.replace(at, 1, &secret("second")).await.unwrap(), 2);
    assert_eq!(vault.open_secret(at).await.unwrap(), (secret("second"), 2));
    let late = vault.replace(at, 1, &secret("late")).await;
    assert!(matches!(late, Err(VaultError::Stale)));
    assert_eq!(vault.open_secret(at).await.unwrap(), (secret("second"), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_that_replace_one_secret_at_once_one_wins() {
    let home = Home::new();
    let vault = Arc::new(home.vault().await);
    let at = vault
        .seal(&person("ada"), Purpose::GrantTokens, "x", &secret("first"))
        .await
        .unwrap();
    let racers: Vec<_> = (0..50)
        .map(|racer| {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move {
                let mine = secret(&format!("racer {racer}"));
                (racer, vault.replace(at, 1, &mine).await)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            (racer, Ok(generation)) => winners.push((racer, generation)),
            (_, Err(error)) => assert!(matches!(error, VaultError::Stale), "{error}"),
        }
    }
    let [(winner, 2)] = winners[..] else {
        panic!("{winners:?} won");
    };
    let kept = vault.open_secret(at).await.unwrap();
    assert_eq!(kept, (secret(&format!("racer {winner}")), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_first_secrets_of_one_person_share_one_data_key() {
    let home = Home::new();
    let vault = Arc::new(home.vault().await);
    let sealers: Vec<_> = (0..20)
        .map(|n| {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move {
                let text = secret(&n.to_string());
                let at = vault
                    .seal(&person("ada"), Purpose::PrivateKey, "x", &text)
                    .await;
                assert_eq!(vault.open_secret(at.unwrap()).await.unwrap().0, text);
            })
        })
        .collect();
    for sealer in sealers {
        sealer.await.unwrap();
    }
    assert_eq!(home.rows("SELECT version FROM vault_keys").await.len(), 1);
}

#[tokio::test]
async fn a_destroyed_secret_is_gone_for_good_and_destroying_it_again_is_nothing() {
    let home = Home::new();
    let vault = home.vault().await;
    let at = vault
        .seal(&person("ada"), Purpose::PrivateKey, "x", &secret("key"))
        .await
        .unwrap();
    vault.destroy(at).await.unwrap();
    vault.destroy(at).await.unwrap();
    assert!(matches!(
        vault.open_secret(at).await,
        Err(VaultError::Destroyed)
    ));
    let replaced = vault.replace(at, 1, &secret("other")).await;
    assert!(matches!(replaced, Err(VaultError::Destroyed)));
    let left = home
        .rows("SELECT ref FROM vault_secrets WHERE box IS NOT NULL")
        .await;
    assert!(left.is_empty());
    home.vault().await;
}

#[tokio::test]
async fn a_secret_that_never_was_is_not_found() {
    let home = Home::new();
    let vault = home.vault().await;
    let nowhere = SecretRef::new(uuid::Uuid::from_u128(1));
    assert!(matches!(
        vault.open_secret(nowhere).await,
        Err(VaultError::NotFound)
    ));
    let replaced = vault.replace(nowhere, 1, &secret("x")).await;
    assert!(matches!(replaced, Err(VaultError::NotFound)));
    vault.destroy(nowhere).await.unwrap();
}

#[tokio::test]
async fn a_box_kept_elsewhere_opens_in_its_place_only() {
    let home = Home::new();
    let vault = home.vault().await;
    let (ada, bob) = (person("ada"), person("bob"));
    let flow = Purpose::OauthFlow;
    let place = "oauth_flows/box/5ca1ab1e";
    let sealed = vault
        .seal_box(&ada, flow, place, &secret("verifier"))
        .await
        .unwrap();
    let again = vault
        .seal_box(&bob, flow, place, &secret("verifier"))
        .await
        .unwrap();
    assert_ne!(sealed, again);
    let opened = vault.open_box(&ada, flow, place, &sealed).await.unwrap();
    assert_eq!(opened, secret("verifier"));
    for (owner, purpose, place, sealed) in [
        (&bob, flow, place, &sealed[..]),
        (&ada, Purpose::GrantTokens, place, &sealed),
        (&ada, flow, "oauth_flows/box/0ther", &sealed),
        (&ada, flow, place, &again),
        (&ada, flow, place, &sealed[..7]),
        (&ada, flow, place, &[]),
    ] {
        let opened = vault.open_box(owner, purpose, place, sealed).await;
        assert!(matches!(opened, Err(VaultError::Damaged(_))), "{opened:?}");
    }
    vault.erase(&user("ada")).await.unwrap();
    let opened = vault.open_box(&ada, flow, place, &sealed).await;
    assert!(matches!(opened, Err(VaultError::Destroyed)));
}

#[tokio::test]
async fn nothing_that_shows_itself_shows_a_secret() {
    let home = Home::new();
    let vault = home.vault().await;
    let hidden = secret("canary");
    assert_eq!(format!("{hidden:?}"), "Secret(…)");
    let at = vault
        .seal(&person("ada"), Purpose::GrantTokens, "x", &hidden)
        .await
        .unwrap();
    home.tamper("UPDATE vault_secrets SET subject = 'y'", [])
        .await;
    let refused = vault.open_secret(at).await.unwrap_err();
    for shown in [
        format!("{vault:?}"),
        format!("{refused:?}"),
        refused.to_string(),
    ] {
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!shown.contains("000102"), "{shown}");
    }
}

#[tokio::test]
async fn no_file_holds_a_secret_in_the_clear() {
    use base64::Engine as _;

    let canaries = [
        "canary-token-7f3a",
        "canary-key-91bc",
        "canary-login-d402",
        "canary-flow-55e1",
    ];
    let home = Home::new();
    let vault = home.vault().await;
    let ada = person("ada");
    let token = vault
        .seal(&ada, Purpose::GrantTokens, "x", &secret(canaries[0]))
        .await
        .unwrap();
    vault
        .replace(token, 1, &secret(&canaries[0].repeat(3)))
        .await
        .unwrap();
    let key = vault
        .seal(&ada, Purpose::PrivateKey, "x", &secret(canaries[1]))
        .await
        .unwrap();
    vault.destroy(key).await.unwrap();
    let login = vault
        .seal_personal(&user("ada"), "login", canaries[2])
        .await
        .unwrap();
    std::fs::write(home.path().join("events"), login.sealed).unwrap();
    let flow = vault
        .seal_box(&ada, Purpose::OauthFlow, "p", &secret(canaries[3]))
        .await
        .unwrap();
    std::fs::write(home.path().join("flows"), flow).unwrap();

    let mut files = 0;
    let mut bytes = 0;
    for file in std::fs::read_dir(home.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        files += 1;
        bytes += content.len();
        for canary in canaries {
            let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(canary);
            // Also in base64, whatever stands before it.
            for form in [canary.as_bytes(), &encoded.as_bytes()[4..16]] {
                let found = content.windows(form.len()).any(|window| window == form);
                assert!(!found, "{canary} is in a file");
            }
        }
    }
    // The database, its log and shared memory, and the two files of this test.
    assert_eq!(files, 5);
    assert!(bytes > 10_000);
}

#[tokio::test]
async fn what_was_destroyed_is_not_in_the_file_any_more() {
    let home = Home::new();
    let vault = home.vault().await;
    let ada = person("ada");
    let at = vault
        .seal(&ada, Purpose::PrivateKey, "x", &secret("key"))
        .await
        .unwrap();
    vault
        .seal_personal(&user("ada"), "login", "ada")
        .await
        .unwrap();
    let mut gone = Vec::new();
    for row in home
        .rows("SELECT wrapped FROM vault_keys UNION ALL SELECT box FROM vault_secrets")
        .await
    {
        gone.push(row.bytes(0).unwrap().to_vec());
    }
    assert_eq!(gone.len(), 3);
    vault.erase(&user("ada")).await.unwrap();
    assert!(matches!(
        vault.open_secret(at).await,
        Err(VaultError::Destroyed)
    ));
    // Closing the database writes its log into the file.
    let Home {
        folder, database, ..
    } = home;
    drop((vault, database));
    let content = std::fs::read(folder.path().join("state.db")).unwrap();
    assert!(!folder.path().join("state.db-wal").exists());
    for sealed in gone {
        // The salt alone would not help either; but nothing at all is left.
        let found = content.windows(24).any(|window| window == &sealed[1..25]);
        assert!(!found);
    }
}
