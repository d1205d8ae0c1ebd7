//! What is reported of an access.

/// A command to the record of one access.
#[derive(Debug, Clone, PartialEq)]
pub enum AccessCommand {
    /// Reports that somebody read the audit trail.
    RecordAuditRead {
        /// What they asked for, as the query was written.
        query: String,
        /// How many events were given.
        returned: u64,
    },
}
