//! The Bitbucket adapter over real HTTP, against a practice Bitbucket Server of either era and
//! against odd answers.

mod delete;
mod identity;
mod keys;
mod link_key;
mod oauth1;
mod oauth2;
mod odd_answers;
mod probe;
mod problems;
mod renewal;
mod ssh;
mod support;
mod vectors;
