//! Sealing, opening, replacing, destroying.

use std::sync::Arc;

use domain::SecretRef;
use lanyard::vault::{Owner, Purpose, VaultError};

use super::{Home, person, secret, user};

pub(super) async fn what_is_sealed_opens_again_after_a_restart(home: Home) {
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

pub(super) async fn a_replaced_secret_has_the_next_generation_and_the_old_one_is_gone(home: Home) {
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

pub(super) async fn of_fifty_that_replace_one_secret_at_once_one_wins(home: Home) {
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

pub(super) async fn many_first_secrets_of_one_person_share_one_data_key(home: Home) {
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

pub(super) async fn a_destroyed_secret_is_gone_for_good_and_destroying_it_again_is_nothing(
    home: Home,
) {
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

pub(super) async fn a_secret_that_never_was_is_not_found(home: Home) {
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

pub(super) async fn a_box_kept_elsewhere_opens_in_its_place_only(home: Home) {
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

pub(super) async fn nothing_that_shows_itself_shows_a_secret(home: Home) {
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
