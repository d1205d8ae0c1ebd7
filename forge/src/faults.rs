//! Faults on demand: what goes wrong, for which calls, how often.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// One way a server lets its callers down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 503 with a JSON body.
    Unavailable,
    /// 503 with an HTML page, as in maintenance.
    Maintenance,
    /// 503 with an HTML page that is labelled JSON.
    MislabelledMaintenance,
    /// 502 with an HTML page.
    BadGateway,
    /// 500 "Server Error".
    ServerError,
    /// 200 with an HTML page where JSON is expected.
    Html,
    /// 403 with an HTML page, as from a firewall in between.
    Firewall,
    /// 200 with JSON that breaks off.
    BrokenJson,
    /// 200 with a body of so many mebibytes of nothing.
    Huge(usize),
    /// 401, as when a replica has not heard of a new token yet.
    BadCredentials,
    /// The token endpoint refuses with this code, in its own way of refusing. To be brought
    /// [`on`](Self::on) that endpoint.
    OAuthError(String),
    /// Something on the way strips the `Accept` header.
    AcceptLost,
    /// 429.
    TooManyRequests(Option<RetryAfter>),
    /// The hourly budget of the caller is used up.
    OutOfBudget {
        /// 403 or 429.
        status: u16,
        /// How long until the next hour begins.
        resets_in: Duration,
    },
    /// The server found the caller too busy.
    SecondaryLimit {
        /// 403 or 429.
        status: u16,
        /// When to come back, if the server says so.
        retry_after: Option<RetryAfter>,
    },
    /// 403: too many failed sign-ins.
    LockedOut,
    /// The connection is closed without an answer.
    Dropped(Moment),
    /// No answer comes for as long as the fault lasts.
    Silent(Moment),
    /// What was asked is done, but the caller is told 502.
    LostAnswer,
    /// Something on the way sends the request twice; the caller gets the second answer.
    Repeated,
    /// The request waits on the wall clock before it is looked at.
    Slow(Duration),
    /// The request waits until the fault is healed, and is then served as if nothing had been.
    Held,
}

/// Whether a fault strikes before or after what was asked is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    BeforeEffect,
    /// All was done; only the answer is missing.
    AfterEffect,
}

/// A `Retry-After` header, in either of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds.
    Seconds(u64),
    /// An HTTP date.
    At(DateTime<Utc>),
}

impl RetryAfter {
    /// Returns the value of the header.
    pub(crate) fn header(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::At(when) => when.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}

impl Fault {
    /// Strikes one call, then is over.
    pub fn once(self) -> FaultPlan {
        self.times(1)
    }

    /// Strikes `calls` calls, then is over.
    pub fn times(self, calls: usize) -> FaultPlan {
        FaultPlan::from(self).times(calls)
    }

    /// Strikes only one route, named as in the journal: `"POST /user/keys"`.
    pub fn on(self, route: &str) -> FaultPlan {
        FaultPlan::from(self).on(route)
    }

    /// Strikes the API, the OAuth endpoints and the pages for people alike.
    pub fn everywhere(self) -> FaultPlan {
        FaultPlan::from(self).everywhere()
    }
}

/// A fault, the calls it strikes, and for how long. Without more it strikes every API call until
/// it is healed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    fault: Fault,
    left: Option<usize>,
    reach: Reach,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    Api,
    Route(String),
    Everywhere,
}

impl From<Fault> for FaultPlan {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            left: None,
            reach: Reach::Api,
        }
    }
}

impl FaultPlan {
    /// Strikes one call, then is over.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Strikes `calls` calls, then is over.
    #[must_use]
    pub fn times(self, calls: usize) -> Self {
        Self {
            left: Some(calls),
            ..self
        }
    }

    /// Strikes only one route, named as in the journal: `"POST /user/keys"`.
    #[must_use]
    pub fn on(self, route: &str) -> Self {
        Self {
            reach: Reach::Route(route.to_owned()),
            ..self
        }
    }

    /// Strikes the API, the OAuth endpoints and the pages for people alike.
    #[must_use]
    pub fn everywhere(self) -> Self {
        Self {
            reach: Reach::Everywhere,
            ..self
        }
    }

    fn meets(&self, route: &str, api: bool) -> bool {
        match &self.reach {
            Reach::Api => api,
            Reach::Route(only) => only == route,
            Reach::Everywhere => true,
        }
    }
}

/// A fault that struck one request.
#[derive(Debug)]
pub(crate) struct Strike {
    pub(crate) fault: Fault,
    healed: watch::Receiver<u64>,
}

impl Strike {
    /// Waits until the faults are healed or the server stops.
    pub(crate) async fn healed(&mut self) {
        // An error means that the server is gone, which heals too.
        drop(self.healed.changed().await);
    }
}

/// The faults of one running server.
#[derive(Debug)]
pub(crate) struct Faults {
    plans: Mutex<Vec<FaultPlan>>,
    heals: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self {
            plans: Mutex::new(Vec::new()),
            heals: watch::Sender::new(0),
        }
    }

    /// Adds a plan; among several that meet a call, the oldest strikes.
    pub(crate) fn add(&self, plan: FaultPlan) {
        if plan.left != Some(0) {
            self.plans().push(plan);
        }
    }

    /// Removes every plan and lets go of every request that waits.
    pub(crate) fn heal(&self) {
        let mut plans = self.plans();
        plans.clear();
        self.heals.send_modify(|heals| *heals += 1);
    }

    /// Says what strikes a request, if anything does.
    pub(crate) fn strike(&self, route: &str, api: bool) -> Option<Strike> {
        let mut plans = self.plans();
        let found = plans.iter().position(|plan| plan.meets(route, api))?;
        let fault = plans[found].fault.clone();
        if let Some(left) = &mut plans[found].left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                plans.remove(found);
            }
        }
        // Subscribed under the lock, so that a heal in between is not missed.
        Some(Strike {
            fault,
            healed: self.heals.subscribe(),
        })
    }

    fn plans(&self) -> MutexGuard<'_, Vec<FaultPlan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
