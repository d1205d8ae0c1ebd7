//! Every rule and every refusal.
