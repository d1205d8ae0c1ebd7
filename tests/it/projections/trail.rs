//! How an auditor finds events.
