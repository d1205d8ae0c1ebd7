//! How much a caller may ask for.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::answer::refuse;
use super::world::World;
use super::{GitHubOptions, WritePace};
use crate::faults::RetryAfter;

const WINDOW: TimeDelta = TimeDelta::hours(1);
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// What GitHub says to who is too busy.
const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few \
    minutes before you try again.";

/// What a caller has used of the current hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    started: DateTime<Utc>,
    used: u32,
}

/// What a caller has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    limit: u32,
    used: u32,
    resets: DateTime<Utc>,
}

impl Allowance {
    fn remaining(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    /// Says whether the call is beyond the limit.
    pub(super) fn is_over(self) -> bool {
        self.used > self.limit
    }

    /// Gives a call back that did not count.
    pub(super) fn refunded(self) -> Self {
        Self {
            used: self.used.saturating_sub(1),
            ..self
        }
    }

    /// Writes the headers.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let numbers = [
            ("x-ratelimit-limit", i64::from(self.limit)),
            ("x-ratelimit-remaining", i64::from(self.remaining())),
            ("x-ratelimit-used", i64::from(self.used.min(self.limit))),
            ("x-ratelimit-reset", self.resets.timestamp()),
        ];
        for (name, number) in numbers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
        }
        headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    }

    pub(super) fn json(self) -> Value {
        json!({
            "limit": self.limit,
            "remaining": self.remaining(),
            "used": self.used.min(self.limit),
            "reset": self.resets.timestamp(),
            "resource": "core",
        })
    }
}

impl World {
    /// Counts `calls` calls of a person (0: of nobody) and returns what is left; `None` if there
    /// is no limit.
    pub(super) fn spend(
        &mut self,
        options: &GitHubOptions,
        person: u64,
        calls: u32,
        now: DateTime<Utc>,
    ) -> Option<Allowance> {
        let hourly = options.hourly_limit?;
        let limit = if person == 0 {
            options.anonymous_hourly_limit
        } else {
            hourly
        };
        let budget = self.budgets.entry(person).or_insert(Budget {
            started: now,
            used: 0,
        });
        if now - budget.started >= WINDOW {
            *budget = Budget {
                started: now,
                used: 0,
            };
        }
        budget.used = budget
            .used
            .saturating_add(calls)
            .min(limit.saturating_add(1));
        Some(Allowance {
            limit,
            used: budget.used,
            resets: budget.started + WINDOW,
        })
    }

    /// Gives a call back.
    pub(super) fn refund(&mut self, person: u64) {
        if let Some(budget) = self.budgets.get_mut(&person) {
            budget.used = budget.used.saturating_sub(1);
        }
    }

    /// Checks the pace of a token and says how long it has to wait, if it has to.
    pub(super) fn pace(
        &mut self,
        options: &GitHubOptions,
        secret: &str,
        method: &Method,
        now: DateTime<Utc>,
    ) -> Option<RetryAfter> {
        if options.write_pace == WritePace::Free {
            return None;
        }
        let token = self.tokens.get_mut(secret)?;
        if *method != Method::GET && token.limited_until.is_none_or(|until| until <= now) {
            let too_soon = |last: DateTime<Utc>| now - last < TimeDelta::seconds(1);
            if token.last_write.is_some_and(too_soon) {
                token.limited_until = Some(now + PAUSE);
            } else {
                token.last_write = Some(now);
            }
        }
        let wait = token.limited_until.filter(|until| *until > now)? - now;
        let whole = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
        Some(RetryAfter::Seconds(u64::try_from(whole).unwrap_or(1)))
    }
}

/// Refuses who used the hour up.
pub(super) fn used_up(status: u16, person: u64) -> Response {
    let who = if person == 0 {
        String::new()
    } else {
        format!(" for user ID {person}")
    };
    refuse(
        limit_status(status),
        &format!("API rate limit exceeded{who}."),
    )
}

/// Refuses as if the hour were used up.
pub(super) fn spent(status: u16, resets: DateTime<Utc>) -> Response {
    let mut refusal = refuse(limit_status(status), "API rate limit exceeded.");
    let limit = 5000;
    Allowance {
        limit,
        used: limit,
        resets,
    }
    .write(refusal.headers_mut());
    refusal
}

/// Refuses who is too busy.
pub(super) fn too_busy(status: u16, retry_after: Option<RetryAfter>) -> Response {
    let refusal = refuse(limit_status(status), SECONDARY);
    match retry_after {
        Some(wait) => ([(header::RETRY_AFTER, wait.header())], refusal).into_response(),
        None => refusal,
    }
}

fn limit_status(status: u16) -> StatusCode {
    if status == 429 {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        StatusCode::FORBIDDEN
    }
}
