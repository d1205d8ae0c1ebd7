//! Decides: every rule of Lanyard as a pure function.
//!
//! Given what happened to one stream and a command, an aggregate here says what follows, or
//! which rule refuses it. Nothing in this crate reads a clock, draws a random number, opens a
//! file or a socket, or waits: times and ids arrive with the command, secrets only as
//! [`SecretRef`], personal data only as [`Sealed`] text.
//!
//! One folder per aggregate, each with its commands, events, refusals and tests;
//! [`key_sync`] is the policy between them, [`retry`] the arithmetic of trying again, [`breaker`]
//! says when a provider is left alone, and [`Event::decode`] is the single door through which
//! stored lines become events.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod access;
pub mod account;
pub mod campaign;
pub mod keyring;
pub mod offboarding;
pub mod provider;
pub mod replay;
pub mod settings;
pub mod token;
pub mod webhook;

mod event;
mod failure;
mod ids;
mod notice;
mod recorded;
mod refusal;
#[cfg(test)]
mod samples;
mod sealed;
mod text;
pub mod time;

pub mod breaker;
pub mod key_sync;
pub mod reconcile;
pub mod retry;
pub mod upcast;

pub use event::{DecodeError, Event, Kind, LoggedEvent, decode_as};
pub use failure::{Blame, Failure, ReasonCode};
pub use ids::{
    AccountId, CampaignId, EventId, InvalidId, KeyId, ProviderSlug, ReplayId, SecretRef, TokenId,
    UserId, WebhookId,
};
pub use notice::{NoticeKind, UnknownNoticeKind};
pub use recorded::{
    Actor, ActorKind, Draft, Header, InvalidStreamName, Means, Origin, Outcome, Recorded, Role,
    StreamName,
};
pub use refusal::{Refusal, RefusalKind, RefusedRule};
pub use sealed::Sealed;
pub use text::{
    BaseUrl, CaBundle, ClientId, Description, DisplayName, HostKeyLine, ProxyUrl, PublicPem,
    TextError,
};
pub use time::format_time;
