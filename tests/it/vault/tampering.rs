//! Whoever can write to the database still cannot make one secret pass for another.

use domain::SecretRef;
use lanyard::vault::{Purpose, Vault, VaultError};
use projections::Value;

use super::{Home, person, secret};

/// Two people's tokens, two kinds of secret of one person, one of them replaced once.
struct Story {
    home: Home,
    vault: Vault,
    ada: SecretRef,
    bob: SecretRef,
    ada_key: SecretRef,
}

async fn story(home: Home) -> Story {
    let vault = home.vault().await;
    let tokens = Purpose::GrantTokens;
    let ada = vault
        .seal(&person("ada"), tokens, "a1", &secret("ada's"))
        .await
        .unwrap();
    let bob = vault
        .seal(&person("bob"), tokens, "b1", &secret("bob's"))
        .await
        .unwrap();
    let key = Purpose::PrivateKey;
    let ada_key = vault
        .seal(&person("ada"), key, "a1", &secret("ada's key"))
        .await
        .unwrap();
    Story {
        home,
        vault,
        ada,
        bob,
        ada_key,
    }
}

impl Story {
    async fn change(&self, at: SecretRef, set: &str, value: impl Into<Value>) {
        let sql = format!("UPDATE vault_secrets SET {set} = $2 WHERE ref = $1");
        let changed = self
            .home
            .tamper(&sql, [at.to_string().into(), value.into()])
            .await;
        assert_eq!(changed, 1);
    }

    async fn column(&self, at: SecretRef, column: &str) -> Value {
        let sql = format!("SELECT {column} FROM vault_secrets WHERE ref = '{at}'");
        self.home.rows(&sql).await[0].0[0].clone()
    }

    async fn refuses(&self, at: SecretRef) {
        let opened = self.vault.open_secret(at).await;
        assert!(matches!(opened, Err(VaultError::Damaged(_))), "{opened:?}");
        let opened = self.home.open_with(super::KEY).await;
        assert!(matches!(opened, Err(VaultError::Damaged(_))), "{opened:?}");
    }
}

pub(super) async fn tokens_of_two_people_that_are_swapped_open_for_neither(home: Home) {
    let story = story(home).await;
    let (ada, bob) = (story.ada, story.bob);
    let (adas, bobs) = (
        story.column(ada, "box").await,
        story.column(bob, "box").await,
    );
    story.change(ada, "box", bobs).await;
    story.change(bob, "box", adas).await;
    story.refuses(ada).await;
    story.refuses(bob).await;
}

pub(super) async fn a_secret_that_changes_hands_does_not_open(home: Home) {
    let story = story(home).await;
    story.change(story.ada, "owner", "person:bob").await;
    story.refuses(story.ada).await;
}

pub(super) async fn a_secret_of_another_purpose_does_not_open(home: Home) {
    let story = story(home).await;
    story.change(story.ada, "purpose", "private-key").await;
    story.refuses(story.ada).await;
}

pub(super) async fn a_secret_of_another_subject_does_not_open(home: Home) {
    let story = story(home).await;
    story.change(story.ada, "subject", "a2").await;
    story.refuses(story.ada).await;
}

pub(super) async fn a_row_moved_whole_to_another_reference_does_not_open(home: Home) {
    let story = story(home).await;
    story
        .home
        .tamper(
            "DELETE FROM vault_secrets WHERE ref = $1",
            [story.bob.to_string().into()],
        )
        .await;
    story.change(story.ada, "ref", story.bob.to_string()).await;
    story.refuses(story.bob).await;
}

pub(super) async fn an_earlier_box_put_back_does_not_open(home: Home) {
    let story = story(home).await;
    let first = story.column(story.ada, "box").await;
    story
        .vault
        .replace(story.ada, 1, &secret("second"))
        .await
        .unwrap();
    story.change(story.ada, "box", first).await;
    story.refuses(story.ada).await;
}

pub(super) async fn a_destroyed_secret_put_back_under_another_reference_does_not_open(home: Home) {
    let story = story(home).await;
    let sealed = story.column(story.ada_key, "box").await;
    story.vault.destroy(story.ada_key).await.unwrap();
    story.change(story.ada, "purpose", "private-key").await;
    story.change(story.ada, "box", sealed).await;
    story.refuses(story.ada).await;
}

pub(super) async fn data_keys_that_are_swapped_open_nothing(home: Home) {
    let story = story(home).await;
    let sql = "SELECT wrapped FROM vault_keys WHERE owner = 'person:bob'";
    let bobs = story.home.rows(sql).await[0].0[0].clone();
    let sql = "UPDATE vault_keys SET wrapped = $1 WHERE owner = 'person:ada' AND purpose = 'grant-tokens'";
    story.home.tamper(sql, [bobs]).await;
    story.refuses(story.ada).await;
}

pub(super) async fn a_data_key_of_another_version_opens_nothing(home: Home) {
    let story = story(home).await;
    story
        .home
        .tamper("UPDATE vault_keys SET version = 2", [])
        .await;
    story
        .home
        .tamper("UPDATE vault_secrets SET key_version = 2", [])
        .await;
    story.refuses(story.ada).await;
}

pub(super) async fn a_vault_without_its_canary_or_with_a_changed_one_is_refused(home: Home) {
    let story = story(home).await;
    story
        .home
        .tamper(
            "UPDATE vault_canary SET box = $1",
            [Value::Bytes(vec![0; 80])],
        )
        .await;
    let opened = story.home.open_with(super::KEY).await;
    assert!(matches!(opened, Err(VaultError::Damaged(_))));
    story.home.tamper("DELETE FROM vault_canary", []).await;
    let opened = story.home.open_with(super::KEY).await;
    assert!(matches!(opened, Err(VaultError::Damaged(_))));
    assert!(
        story
            .home
            .rows("SELECT name FROM vault_canary")
            .await
            .is_empty()
    );
}
