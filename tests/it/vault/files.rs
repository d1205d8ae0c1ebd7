//! What only a story of files can tell.

use domain::Sealed;
use lanyard::vault::{Owner, Purpose, VaultError};

use super::{Home, person, secret, user};

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
