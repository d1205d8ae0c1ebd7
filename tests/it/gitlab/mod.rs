//! The GitLab adapter over real HTTP, against a practice GitLab and against odd answers.

mod failures;
mod keys;
mod link;
mod maintenance;
mod odd_answers;
mod policy;
mod probe;
mod refresh;
mod revoke;
mod support;
mod token_answers;
