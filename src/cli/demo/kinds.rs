//! Every other kind of Git server: link, publish, rotate, unlink.

use anyhow::ensure;
use serde_json::json;

use super::cast::{Cast, Key};
use super::servers::{Practice, by_hand};
use super::{add_provider, at_provider, browser, chapter};
use crate::cli::output::say;

/// Takes one kind that has an API through a whole life.
pub(super) async fn tour(cast: &mut Cast, practice: &Practice) -> anyhow::Result<()> {
    let (slug, server) = (practice.slug, &practice.server);
    chapter(&format!("{}: link, publish, rotate, unlink", practice.name));
    add_provider(&cast.admin, practice).await?;
    server.add_user("ada-l");
    let start = cast.ada.begin_link(slug).await?;
    browser::link(&start, server, "ada-l").await?;
    let first = cast.ada.key_in_place(slug).await?;
    at_provider(server, slug, "ada-l", &first.fingerprint)?;
    rotate(cast, practice, &first).await?;
    if practice.proves_keys() {
        ensure!(
            server.has_proofs_of("ada-l"),
            "a key is not proven at {slug}"
        );
        say(&format!(
            "  at {slug} itself, the key is proven: commits that are signed with it are trusted"
        ));
    }
    leave(cast, practice).await
}

/// Replaces the key at a kind that has an API.
pub(super) async fn rotate(
    cast: &mut Cast,
    practice: &Practice,
    first: &Key,
) -> anyhow::Result<()> {
    let slug = practice.slug;
    cast.ada.rotate(first, "a tour of every kind").await?;
    let second = cast.ada.rotated(slug, first).await?;
    at_provider(&practice.server, slug, "ada-l", &second.fingerprint)
}

/// Unlinks the account at a kind that has an API, and looks there whether a key is left.
pub(super) async fn leave(cast: &mut Cast, practice: &Practice) -> anyhow::Result<()> {
    let (slug, server) = (practice.slug, &practice.server);
    cast.ada.unlink(slug).await?;
    ensure!(
        server.fingerprints_of("ada-l").is_empty(),
        "a key is left over at {slug}"
    );
    cast.show_events().await?;
    say(&format!("  at {slug} itself, ada-l has no key any more"));
    Ok(())
}

/// Takes the kinds without an API through the same life: the member carries the keys.
pub(super) async fn tour_by_hand(cast: &mut Cast) -> anyhow::Result<()> {
    for (slug, kind, name, base_url) in [
        (
            "azure",
            "azure_devops",
            "Azure DevOps",
            "https://dev.azure.com/example",
        ),
        (
            "builds",
            "ssh",
            "The build host",
            "https://builds.example.com",
        ),
    ] {
        chapter(&format!("{name}, by hand: link, paste, rotate, unlink"));
        let body = by_hand(slug, kind, name, base_url);
        cast.admin.client.post("/api/v1/providers", &body).await?;
        let account = cast.ada.link_by_hand(slug, "ada-l").await?;
        let first = cast.ada.asked_to_paste(slug).await?;
        cast.ada
            .confirm(&account, &first, json!({ "placed": true }))
            .await?;
        let first = cast.ada.key_in_place(slug).await?;
        cast.ada.rotate(&first, "a tour of every kind").await?;
        let second = cast.ada.asked_to_paste(slug).await?;
        cast.ada
            .confirm(&account, &second, json!({ "placed": true }))
            .await?;
        cast.ada.asked_to_remove(&first).await?;
        cast.ada
            .confirm(&account, &first, json!({ "placed": false }))
            .await?;
        let second = cast.ada.rotated(slug, &first).await?;
        cast.ada.begin_unlink(slug).await?;
        cast.ada.asked_to_remove(&second).await?;
        cast.ada
            .confirm(&account, &second, json!({ "placed": false }))
            .await?;
        cast.ada.unlinked(slug).await?;
        cast.show_events().await?;
    }
    Ok(())
}
