//! Sorts what is to be appended: what may go now, what must wait, what is too late.

use std::collections::{HashMap, VecDeque};

use domain::Draft;

use super::answer::{Answer, Teller};
use super::heads::{Asked, Heads};
use super::key::StreamKey;
use crate::eventlog::{Append, Appended, LogError};

/// The most events of a batch, which is read as a whole for each of them.
const EVENTS: usize = 128;
/// The most bytes of a batch, so that one with long lines does not hold the others up.
const BYTES: usize = 1 << 20;

/// An append and whoever waits for it. Dropped unanswered, it tells them that the outcome is
/// unknown.
pub(super) struct Request {
    pub(super) append: Append,
    pub(super) key: StreamKey,
    pub(super) answer: Answer,
}

impl Request {
    pub(super) fn refuse(self, error: &LogError) {
        // Whoever asked may have gone.
        let _ = self.answer.send(Err(error.clone()));
    }

    /// Returns of each event its stream and its number there.
    pub(super) fn places(&self) -> impl Iterator<Item = (StreamKey, u64)> {
        let versions = self.append.expected + 1..;
        versions
            .take(self.append.events.len())
            .map(|version| (self.key, version))
    }

    fn bytes(&self) -> usize {
        self.append.events.iter().map(Draft::line_length).sum()
    }
}

/// All appends that are not answered and not on their way.
#[derive(Default)]
pub(super) struct Desk {
    /// Each for another stream, at the version that it expects as far as is known here.
    ready: VecDeque<Request>,
    /// Each for another stream of which too little is known.
    unsure: Vec<Request>,
    /// The streams of all of these and of what is on its way, each with what waits behind.
    behind: HashMap<StreamKey, VecDeque<Request>>,
}

impl Desk {
    /// Takes an append in. One to a stream that another append is waiting for waits behind it:
    /// only then it is known which version the stream has.
    pub(super) fn take(&mut self, request: Request, heads: &Heads) {
        if let Some(behind) = self.behind.get_mut(&request.key) {
            behind.push_back(request);
            return;
        }
        self.behind.insert(request.key, VecDeque::new());
        self.sort(request, heads);
    }

    /// Decides about an append by what is known of its stream.
    fn sort(&mut self, request: Request, heads: &Heads) {
        let expected = request.append.expected;
        match heads.known(request.key) {
            Some(known) if known > expected => {
                let stream = request.key;
                request.refuse(&LogError::Conflict);
                self.free(stream, heads);
            }
            Some(known) if known == expected => self.ready.push_back(request),
            // Of first events the database itself makes sure that they are.
            None if expected == 0 => self.ready.push_back(request),
            // Perhaps another instance wrote what is missing.
            _ => self.unsure.push(request),
        }
    }

    /// Returns how many appends may go.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Hands out the next batch, of at most so many appends.
    pub(super) fn batch(&mut self, most: usize) -> Vec<Request> {
        let mut batch = Vec::with_capacity(most.min(self.ready.len()));
        let (mut events, mut bytes) = (0, 0);
        while batch.len() < most
            && let Some(next) = self.ready.front()
        {
            events += next.append.events.len();
            bytes += next.bytes();
            if !batch.is_empty() && (events > EVENTS || bytes > BYTES) {
                break;
            }
            batch.extend(self.ready.pop_front());
        }
        batch
    }

    /// Hands out those of whose streams more must be known.
    pub(super) fn unsure(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.unsure)
    }

    /// Answers appends that are stored from the index `base` on.
    pub(super) fn stored(
        &mut self,
        requests: Vec<Request>,
        base: u64,
        heads: &Heads,
        teller: &Teller,
    ) {
        let mut next = base;
        let (streams, stored): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .map(|request| {
                let events = request.append.events.len() as u64;
                next += events;
                let appended = Appended {
                    last: next.saturating_sub(1),
                    version: request.append.expected + events,
                };
                (request.key, (request.answer, appended))
            })
            .unzip();
        teller.tell(stored);
        for stream in streams {
            self.free(stream, heads);
        }
    }

    /// Takes back appends of which one came too late; which, is to be looked up.
    pub(super) fn overtaken(&mut self, requests: Vec<Request>) {
        self.unsure.extend(requests);
    }

    /// Decides anew about all that may go: the log was followed past what others wrote.
    pub(super) fn sort_again(&mut self, heads: &Heads) {
        for request in std::mem::take(&mut self.ready) {
            self.sort(request, heads);
        }
    }

    /// Decides about appends whose streams were looked up.
    pub(super) fn looked_up(
        &mut self,
        requests: Vec<Request>,
        found: &HashMap<StreamKey, u64>,
        asked: Asked,
        heads: &Heads,
    ) {
        for request in requests {
            let version = found.get(&request.key).copied().unwrap_or(0);
            let relied_on = heads.learn(request.key, version, asked);
            let missing = heads.known(request.key) < Some(request.append.expected);
            if relied_on && missing {
                let stream = request.key;
                request.refuse(&LogError::Conflict);
                self.free(stream, heads);
            } else {
                self.sort(request, heads);
            }
        }
    }

    /// Answers appends that cannot be stored.
    pub(super) fn refused(&mut self, requests: Vec<Request>, error: &LogError, heads: &Heads) {
        for request in requests {
            let stream = request.key;
            request.refuse(error);
            self.free(stream, heads);
        }
    }

    /// Takes in what waited behind an append that is now answered.
    fn free(&mut self, stream: StreamKey, heads: &Heads) {
        for request in self.behind.remove(&stream).unwrap_or_default() {
            self.take(request, heads);
        }
    }
}
