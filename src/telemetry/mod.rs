//! What operators see of a running process: numbers and traces. It knows nothing of the rest.

pub mod metrics;
pub mod traces;
