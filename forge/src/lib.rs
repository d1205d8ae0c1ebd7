//! Plays: practice Git servers that are as strict as the real ones.
//!
//! A practice server is a whole server on a loopback port: people, apps, OAuth, SSH keys and the
//! refusals that go with them. Tests and `lanyard demo` talk to it over HTTP, as they would to the
//! real one, and reach behind its counter with plain method calls: to sign a person in, to look at
//! what it holds, to take it down and bring it back.
//!
//! It never reads a clock of its own accord (see [`Clock`]), never sleeps unless asked to
//! ([`Fault::Slow`]), and its [journal](JournalEntry) never holds a secret.
//!
//! ```no_run
//! # async fn example() -> Result<(), forge::ForgeError> {
//! use forge::{GitHub, GitHubOptions, RedirectRule};
//!
//! let github = GitHub::start(GitHubOptions::dot_com()).await?;
//! let callback = "http://127.0.0.1:8080/oauth/callback/github";
//! let app = github.register_app("Lanyard", callback, RedirectRule::Exact);
//! github.add_user("ada");
//! let page = format!("{}/login/oauth/authorize?client_id={}", github.base_url(), app.client_id);
//! let back = github.approve(&page, "ada").await?; // the callback, with its code
//! # let _ = back;
//! # Ok(())
//! # }
//! ```

mod bitbucket;
mod browser;
mod clock;
mod dice;
mod error;
mod fate;
mod faults;
mod gitea;
mod github;
mod gitlab;
mod html;
mod journal;
mod server;
mod ssh;
mod sshsig;

pub use bitbucket::{
    BitbucketClient, BitbucketDeletes, BitbucketKey, BitbucketKeyRule, BitbucketOptions,
    BitbucketRate, BitbucketServer, BitbucketSsh, BitbucketState, BitbucketUser,
};
pub use clock::{Clock, HandClock, system_clock};
pub use error::ForgeError;
pub use faults::{Fault, FaultPlan, Moment, RetryAfter};
pub use gitea::{
    Gitea, GiteaApp, GiteaFlavour, GiteaKey, GiteaOptions, GiteaRefresh, GiteaRegrant, GiteaUser,
};
pub use github::{
    App, Flavour, GitHub, GitHubOptions, Key, RedirectRule, TokenLife, User, WritePace,
};
pub use gitlab::{
    GitLab, GitLabAccount, GitLabApp, GitLabDuplicate, GitLabKey, GitLabOptions, GitLabUser,
};
pub use journal::JournalEntry;
pub use ssh::{KeyRefusal, PublicKey};
