//! What the vault promises, and what it refuses.

mod files;
mod key_file;
mod opening;
mod personal;
mod secrets;
mod tampering;

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use domain::UserId;
use lanyard::clock::{FixedClock, SystemIds};
use lanyard::database::Database;
use lanyard::database::postgres::PostgresDatabase;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::vault::{KeyEncryptionKey, Owner, Secret, Vault, VaultError};
use projections::{Row, Statement, Value};
use tempfile::TempDir;

use crate::support;

/// Makes two tests of every story: one in `SQLite`, one in `PostgreSQL` where there is one.
macro_rules! in_every_database {
    ($($file:ident::$story:ident,)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    super::$file::$story(super::Home::new()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    if let Some(home) = super::Home::in_postgres().await {
                        super::$file::$story(home).await;
                    }
                }
            )*
        }
    };
}

in_every_database! {
    secrets::what_is_sealed_opens_again_after_a_restart,
    secrets::a_replaced_secret_has_the_next_generation_and_the_old_one_is_gone,
    secrets::of_fifty_that_replace_one_secret_at_once_one_wins,
    secrets::many_first_secrets_of_one_person_share_one_data_key,
    secrets::a_destroyed_secret_is_gone_for_good_and_destroying_it_again_is_nothing,
    secrets::a_secret_that_never_was_is_not_found,
    secrets::a_box_kept_elsewhere_opens_in_its_place_only,
    secrets::nothing_that_shows_itself_shows_a_secret,
    personal::a_text_of_a_person_opens_as_what_it_is_and_nothing_else,
    personal::erasing_a_person_leaves_the_others_as_they_are,
    personal::a_person_who_comes_back_begins_anew,
    personal::an_erasure_by_another_instance_is_heeded_within_half_a_minute,
    personal::a_text_that_is_remembered_opens_as_any_other,
    tampering::tokens_of_two_people_that_are_swapped_open_for_neither,
    tampering::a_secret_that_changes_hands_does_not_open,
    tampering::a_secret_of_another_purpose_does_not_open,
    tampering::a_secret_of_another_subject_does_not_open,
    tampering::a_row_moved_whole_to_another_reference_does_not_open,
    tampering::an_earlier_box_put_back_does_not_open,
    tampering::a_destroyed_secret_put_back_under_another_reference_does_not_open,
    tampering::data_keys_that_are_swapped_open_nothing,
    tampering::a_data_key_of_another_version_opens_nothing,
    tampering::a_vault_without_its_canary_or_with_a_changed_one_is_refused,
    opening::a_wrong_key_is_refused_by_name_and_changes_nothing,
    opening::a_wrong_key_that_claims_the_right_name_is_refused,
    opening::instances_that_open_a_new_vault_together_agree,
    opening::under_another_key_everything_opens_as_before_and_the_old_key_no_more,
    opening::more_data_keys_than_a_page_are_wrapped_again,
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A database and, if it is in files, where; and a clock that stands still.
struct Home {
    folder: TempDir,
    clock: Arc<FixedClock>,
    database: Arc<dyn Database>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(folder.path().join("state.db")).unwrap();
        Self::of(folder, Arc::new(database))
    }

    /// An empty database of its own; nothing, and loudly so, where there is no `PostgreSQL`.
    async fn in_postgres() -> Option<Self> {
        let server = support::postgres::database().await?.server();
        let database = PostgresDatabase::open(server).await.unwrap();
        Some(Self::of(tempfile::tempdir().unwrap(), Arc::new(database)))
    }

    fn of(folder: TempDir, database: Arc<dyn Database>) -> Self {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        Self {
            folder,
            clock: Arc::new(FixedClock::at(now)),
            database,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn open_with(&self, key: &str) -> Result<Vault, VaultError> {
        Vault::open(
            Arc::clone(&self.database),
            KeyEncryptionKey::from_env_value(key).unwrap(),
            Arc::clone(&self.clock) as _,
            Arc::new(SystemIds::default()),
        )
        .await
    }

    async fn vault(&self) -> Vault {
        self.open_with(KEY).await.unwrap()
    }

    /// Changes the database behind the vault's back; returns how many rows that changed.
    async fn tamper(&self, sql: &str, args: impl IntoIterator<Item = Value>) -> u64 {
        let statement = Statement::new(sql.to_owned(), args);
        self.database.transact(vec![statement]).await.unwrap()[0]
    }

    async fn rows(&self, sql: &str) -> Vec<Row> {
        let statement = Statement::new(sql.to_owned(), []);
        self.database.query(statement).await.unwrap()
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn person(name: &str) -> Owner {
    Owner::Person(user(name))
}

fn secret(text: &str) -> Secret {
    Secret::from(text)
}
