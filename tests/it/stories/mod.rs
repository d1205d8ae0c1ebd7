//! What people live through: a service, practice Git servers on loopback, and time that passes
//! by hand.

mod adopted;
mod apps;
mod bitbucket;
mod by_hand;
mod crashes;
mod gitea;
mod gitlab;
mod grants;
mod instances;
mod limits;
mod link;
mod lost_answers;
mod measures;
mod outage;
mod pauses;
mod removal;
mod replay;
mod rotation;
mod secrets;
mod shutdown;
mod signing;
mod tokens;
mod two_secrets;
mod unlink;
mod world;
