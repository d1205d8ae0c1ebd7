//! Fate, and what was seen of it: the same at every practice server.

/// Gives a practice server faults and a journal.
macro_rules! fate {
    ($server:ty) => {
        /// Fate, and what was seen of it.
        impl $server {
            /// Brings a fault: `server.fail_with(Fault::BadGateway.times(2).on("POST /user/keys"))`.
            pub fn fail_with(&self, fault: impl Into<crate::faults::FaultPlan>) {
                self.hub.faults.add(fault.into());
            }

            /// Removes every fault and lets go of every request that one held.
            pub fn heal(&self) {
                self.hub.faults.heal();
            }

            /// Answers everything, pages too, with 502 and HTML.
            pub fn goes_down(&self) {
                self.fail_with(crate::faults::Fault::BadGateway.everywhere());
            }

            /// Does as [`Self::heal`] does.
            pub fn comes_back(&self) {
                self.heal();
            }

            /// Returns every request so far, in the order they came.
            pub fn journal(&self) -> Vec<crate::journal::JournalEntry> {
                self.hub.journal.entries()
            }

            /// Counts the requests to a route: `server.calls("POST /user/keys")`.
            pub fn calls(&self, route: &str) -> usize {
                self.hub.journal.count(route)
            }

            /// Lists the requests of one person that came while another of theirs was not answered
            /// yet, each with that other.
            pub fn at_once(
                &self,
            ) -> Vec<(crate::journal::JournalEntry, crate::journal::JournalEntry)> {
                self.hub.journal.at_once()
            }

            /// Waits until the journal is as wished; for requests that never get an answer.
            pub async fn until(&self, wish: impl Fn(&[crate::journal::JournalEntry]) -> bool) {
                self.hub.journal.until(wish).await;
            }
        }
    };
}

pub(crate) use fate;
