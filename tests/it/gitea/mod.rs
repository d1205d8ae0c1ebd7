//! The Gitea adapter over real HTTP, against a practice Gitea or Forgejo and against odd answers.

mod failures;
mod key_refusals;
mod keys;
mod link;
mod odd_answers;
mod probe;
mod refresh;
mod signing;
mod support;
mod titles;
