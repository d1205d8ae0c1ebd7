//! What people live through: a service, practice Git servers on loopback, and time that passes
//! by hand.

mod link;
mod world;
