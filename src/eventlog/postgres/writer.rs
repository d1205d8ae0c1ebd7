//! The one task of an instance that appends.

use std::sync::Arc;
use std::time::Duration;

use domain::format_time;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::Known;
use super::answer::Teller;
use super::desk::{Desk, Request};
use super::pace::Pace;
use super::queue::{Closed, Queue};
use super::session::{self, Appending, Done, OVERTAKEN, Session};
use crate::clock::Clock;
use crate::database::postgres::{Failure, Server};
use crate::eventlog::LogError;

/// How long to rest between attempts to connect: the first time, and at most.
const REST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Everything the writer needs.
pub(super) struct Writer {
    pub(super) server: Server,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) known: Arc<Known>,
    pub(super) queue: Arc<Queue<Request>>,
}

/// Why a session is over.
enum Over {
    /// Nobody is left who could append, and everything is answered.
    Finished,
    /// The connection is lost.
    Lost,
}

impl Writer {
    /// Appends until nobody is left who could ask for it.
    pub(super) async fn run(mut self, mut session: Session) {
        let teller = Arc::new(Teller::default());
        let watching = {
            let teller = Arc::clone(&teller);
            tokio::spawn(async move { teller.watch_over().await })
        };
        while let Over::Lost = self.serve(session, &teller).await {
            tracing::warn!("the connection to the log is lost");
            let Some(next) = self.reconnect().await else {
                break;
            };
            tracing::info!("the connection to the log is back");
            session = next;
        }
        watching.abort();
        teller.tell_all();
    }

    async fn serve(&mut self, mut session: Session, teller: &Teller) -> Over {
        let known = Arc::clone(&self.known);
        let mut work = Work::new(&known, teller);
        let mut open = true;
        loop {
            let unsure = work.desk.unsure();
            let is_behind = work.is_behind();
            if is_behind || !unsure.is_empty() {
                work.look_ups += 1;
                work.follows = is_behind;
                let asked = known.heads.ask_all();
                work.under_way.push(session.look_up(asked, unsure));
            }
            while !work.follows {
                let batch = work.desk.batch(work.pace.now(work.desk.ready()));
                if batch.is_empty() {
                    break;
                }
                let time = format_time(self.clock.now());
                let asked = known.heads.ask_all();
                work.pace.sent(batch.len());
                work.under_way.push(session.append(asked, time, batch));
            }
            let ready = if work.follows { 0 } else { work.desk.ready() };
            let ask_again = work.pace.ask_again(ready);
            if !open && work.under_way.is_empty() && ask_again.is_none() {
                return Over::Finished;
            }
            let done = tokio::select! {
                biased;
                Some(done) = work.under_way.next() => Some(done),
                _ = &mut session.driver => return Over::Lost,
                () = self.queue.has(work.pace.wanted(ready)), if open => None,
                () = rest(ask_again.unwrap_or_default()), if ask_again.is_some() => None,
            };
            // Who is back already counts when a batch comes back, though nobody was woken for them.
            open = open && work.take_in(&self.queue).is_ok();
            if let Some(over) = done.and_then(|done| work.came_back(done)) {
                return over;
            }
        }
    }

    /// Connects again; nothing, if nobody is left who could ask for it.
    async fn reconnect(&mut self) -> Option<Session> {
        let (mut rest, longest) = REST;
        loop {
            match Session::connect(&self.server, &self.known).await {
                Ok(session) => return Some(session),
                Err(failure) => {
                    tracing::warn!(rest = ?rest, "no connection to the log: {failure:?}");
                    self.refuse_for(rest, failure.into()).await?;
                    rest = longest.min(rest * 2);
                }
            }
        }
    }

    /// Refuses what comes in for so long, and what has come in before.
    async fn refuse_for(&mut self, rest: Duration, error: LogError) -> Option<()> {
        let rest = sleep(rest);
        tokio::pin!(rest);
        loop {
            tokio::select! {
                biased;
                () = self.queue.has(1) => {
                    for request in self.queue.take().ok()? {
                        request.refuse(&error);
                    }
                }
                () = &mut rest => return Some(()),
            }
        }
    }
}

impl Drop for Writer {
    /// Nobody waits for a writer that has gone, not even one that fell.
    fn drop(&mut self) {
        self.queue.close();
        drop(self.queue.take());
    }
}

/// Rests for so long; what is too short for a timer only lets the others go on.
async fn rest(time: Duration) {
    if time.is_zero() {
        yield_now().await;
    } else {
        sleep(time).await;
    }
}

/// What goes on over one session.
struct Work<'a> {
    known: &'a Known,
    teller: &'a Teller,
    desk: Desk,
    under_way: FuturesUnordered<Appending>,
    look_ups: usize,
    /// Nothing is sent until what others wrote is known here.
    follows: bool,
    /// A batch came to stand behind events that others wrote.
    others_came_between: bool,
    pace: Pace,
}

impl<'a> Work<'a> {
    fn new(known: &'a Known, teller: &'a Teller) -> Self {
        Self {
            known,
            teller,
            desk: Desk::default(),
            under_way: FuturesUnordered::new(),
            look_ups: 0,
            follows: false,
            others_came_between: false,
            pace: Pace::new(),
        }
    }

    /// Takes in all that wait to be appended.
    fn take_in(&mut self, queue: &Queue<Request>) -> Result<(), Closed> {
        for request in queue.take()? {
            self.desk.take(request, &self.known.heads);
        }
        Ok(())
    }

    /// Tells whether others wrote what is not known here yet. The longer that is, the more the
    /// database has to look through for each batch.
    fn is_behind(&self) -> bool {
        let alone = self.under_way.is_empty();
        let heard_of_more = || *self.known.size.borrow() > self.known.heads.reach();
        self.look_ups == 0 && (self.others_came_between || (alone && heard_of_more()))
    }

    /// Deals with what came back; tells if the session is over.
    fn came_back(&mut self, done: Done) -> Option<Over> {
        let heads = &self.known.heads;
        match done {
            Done::Appended {
                requests,
                base,
                took,
            } => {
                self.pace.came_back(self.desk.ready(), took);
                match base {
                    Ok(base) => {
                        let places: Vec<_> = requests.iter().flat_map(Request::places).collect();
                        let upto = base + places.len() as u64;
                        self.others_came_between |= !heads.follow(base, places.into_iter());
                        self.known.has_grown_to(upto);
                        self.desk.stored(requests, base, heads, self.teller);
                    }
                    Err(Failure::Duplicate(key)) if key == OVERTAKEN => {
                        self.desk.overtaken(requests);
                    }
                    Err(failure) => return self.failed(requests, failure),
                }
            }
            Done::LookedUp {
                requests,
                asked,
                found,
            } => {
                self.look_ups -= 1;
                self.follows = false;
                match found {
                    Ok((followed, found)) => {
                        if !followed.is_empty() {
                            self.others_came_between = false;
                            session::follow(followed, heads);
                            self.known.has_grown_to(heads.reach());
                            self.desk.sort_again(heads);
                        }
                        self.desk.looked_up(requests, &found, asked, heads);
                    }
                    // Nobody is told, and it would be tried again at once: so begin anew.
                    Err(failure) if requests.is_empty() => {
                        tracing::warn!("the log cannot be followed: {failure:?}");
                        return Some(Over::Lost);
                    }
                    Err(failure) => return self.failed(requests, failure),
                }
            }
        }
        None
    }

    /// Answers what failed. Those of a lost connection are dropped, as all on the desk will be:
    /// that answers them.
    fn failed(&mut self, requests: Vec<Request>, failure: Failure) -> Option<Over> {
        // A standby now, after a switch-over: the address may lead to another server.
        if failure.is_of_the_connection() || matches!(failure, Failure::ReadOnly(_)) {
            return Some(Over::Lost);
        }
        self.desk
            .refused(requests, &failure.into(), &self.known.heads);
        None
    }
}
