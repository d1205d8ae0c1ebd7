//! What people live through: a service, practice Git servers on loopback, and time that passes
//! by hand.

mod adopted;
mod apps;
mod bitbucket;
mod breaker;
mod budgets;
mod by_hand;
mod crashes;
mod drift;
mod force;
mod gitea;
mod gitlab;
mod grants;
mod instances;
mod limits;
mod link;
mod lost_answers;
mod notices;
mod offboarding;
mod outage;
mod pauses;
mod removal;
mod replay;
mod replay_plan;
mod replay_runs;
mod rotation;
mod secrets;
mod shutdown;
mod signing;
mod tokens;
mod two_secrets;
mod unlink;
mod webhooks;
mod world;
