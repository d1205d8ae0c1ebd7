//! The GitHub adapter over real HTTP, against a practice GitHub and against odd answers.

mod failures;
mod keys;
mod link;
mod odd_answers;
mod outbound;
mod probe;
mod refresh;
mod signing;
mod support;
mod tls;
mod token_answers;
