//! What was asked of a practice server, in the order it came.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// One request, without its secrets: no query, no headers, no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The method.
    pub method: String,
    /// The path as it was asked for.
    pub path: String,
    /// Method and path as the API names them, `"DELETE /user/keys/{id}"`; an unknown path stands
    /// as it is.
    pub route: String,
    /// Who asked, by login, if the server found out.
    pub user: Option<String>,
    /// The status the server came to; `None` if a fault kept it from looking.
    pub decided: Option<u16>,
    /// The status the caller was given; `None` if no answer was given.
    pub answered: Option<u16>,
}

/// The place of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(usize);

/// A request came, or was answered.
#[derive(Clone, Copy, Debug)]
enum Step {
    Came(usize),
    Answered(usize),
}

/// The journal of one running server.
#[derive(Debug)]
pub(crate) struct Journal {
    entries: Mutex<Vec<JournalEntry>>,
    steps: Mutex<Vec<Step>>,
    changes: watch::Sender<u64>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            entries: Mutex::new(Vec::new()),
            steps: Mutex::new(Vec::new()),
            changes: watch::Sender::new(0),
        }
    }

    /// Writes down that a request came.
    pub(crate) fn arrived(&self, entry: JournalEntry) -> Ticket {
        let ticket = {
            let mut entries = self.lock();
            entries.push(entry);
            let ticket = Ticket(entries.len() - 1);
            self.steps().push(Step::Came(ticket.0));
            ticket
        };
        self.changed();
        ticket
    }

    /// Writes down what the server came to, and for whom.
    pub(crate) fn decided(&self, ticket: Ticket, status: u16, user: Option<String>) {
        {
            let entry = &mut self.lock()[ticket.0];
            entry.decided = Some(status);
            entry.user = user;
        }
        self.changed();
    }

    /// Writes down what the caller was given.
    pub(crate) fn answered(&self, ticket: Ticket, status: u16) {
        {
            let entries = &mut self.lock();
            entries[ticket.0].answered = Some(status);
            self.steps().push(Step::Answered(ticket.0));
        }
        self.changed();
    }

    /// Returns every entry so far.
    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.lock().clone()
    }

    /// Counts the requests to a route.
    pub(crate) fn count(&self, route: &str) -> usize {
        self.lock()
            .iter()
            .filter(|entry| entry.route == route)
            .count()
    }

    /// Lists the requests of one person that came while another of theirs was not answered yet, each
    /// with that other.
    pub(crate) fn at_once(&self) -> Vec<(JournalEntry, JournalEntry)> {
        let entries = self.lock();
        let (mut open, mut found) = (Vec::new(), Vec::new());
        for step in self.steps().iter() {
            match *step {
                Step::Answered(ended) => open.retain(|other| *other != ended),
                Step::Came(came) => {
                    let user = &entries[came].user;
                    let same = |other: &&usize| user.is_some() && entries[**other].user == *user;
                    let others = open.iter().filter(same);
                    found.extend(
                        others.map(|other| (entries[*other].clone(), entries[came].clone())),
                    );
                    open.push(came);
                }
            }
        }
        found
    }

    /// Waits until the entries are as wished.
    pub(crate) async fn until(&self, wish: impl Fn(&[JournalEntry]) -> bool) {
        let mut changes = self.changes.subscribe();
        while !wish(&self.lock()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn steps(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<JournalEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
