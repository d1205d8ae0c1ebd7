//! The REST API, one file per noun.

mod access;
mod accounts;
mod audit;
mod by_hand;
mod campaigns;
mod door;
mod host_keys;
mod idempotency;
mod keys;
mod linking;
mod linking_hiccups;
mod notices;
mod openapi;
mod owning;
mod problems;
mod projections;
mod provider_network;
mod provider_secrets;
mod provider_tests;
mod providers;
mod readiness;
mod replays;
mod settings;
mod sync;
mod tokens;
mod webhooks;
