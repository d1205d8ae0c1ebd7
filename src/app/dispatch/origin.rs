//! From where a command came: what identifies a person beyond their id stands sealed in its events.

use domain::{ActorKind, Header, Origin, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Caller;
use crate::vault::{Vault, VaultError};

/// Who sent it, as far as the network tells. One text, so that it is sealed once.
#[derive(Serialize, Deserialize)]
struct Sender {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

/// Returns the origin of what `caller` asks for, and takes the sender out of it. Only a person's sender is
/// noted: the others are the server itself.
///
/// # Panics
///
/// Never: two texts serialise.
pub(super) async fn origin(vault: &Vault, caller: &mut Caller) -> Result<Origin, VaultError> {
    let mut origin = Origin {
        request: caller.request,
        sender: None,
    };
    let sender = Sender {
        address: caller.address.take(),
        agent: caller.agent.take(),
    };
    let is_told = sender.address.is_some() || sender.agent.is_some();
    if is_told
        && caller.actor.kind == ActorKind::Person
        && let Ok(person) = caller.actor.id.parse::<UserId>()
    {
        let text = serde_json::to_string(&sender).expect("texts serialise");
        let context = context(caller.correlation);
        origin.sender = Some(vault.seal_personal(&person, &context, &text).await?);
    }
    Ok(origin)
}

/// Opens the personal data in an event's origin: each part by its name, without a value once the
/// person was erased.
pub(in crate::app) async fn opened(
    vault: &Vault,
    header: &Header,
) -> Result<Vec<(&'static str, Option<String>)>, VaultError> {
    let Some(sealed) = &header.origin.sender else {
        return Ok(Vec::new());
    };
    let context = context(header.correlation);
    let Some(text) = vault.open_personal(sealed, &context).await? else {
        return Ok(vec![("address", None), ("agent", None)]);
    };
    let damaged = |_| VaultError::Damaged(format!("the sender of event {}", header.id));
    let sender: Sender = serde_json::from_str(&text).map_err(damaged)?;
    let parts = [("address", sender.address), ("agent", sender.agent)];
    let told = parts
        .into_iter()
        .filter_map(|(name, part)| Some((name, Some(part?))));
    Ok(told.collect())
}

/// Returns what the sender is bound to when it is sealed.
fn context(correlation: Uuid) -> String {
    format!("origin/{correlation}")
}
