//! How much a caller may ask for: windows of one minute (`lib/gitlab/rack_attack.rb`).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::GitLabOptions;
use super::answer::refuse;
use super::world::World;
use crate::faults::RetryAfter;

const PERIOD: i64 = 60;

/// What a caller has used of a minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    window: i64,
    used: u32,
}

/// What a caller has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    name: &'static str,
    limit: u32,
    used: u32,
    resets: DateTime<Utc>,
}

impl Allowance {
    /// Says whether the call is beyond the limit.
    pub(super) fn is_over(self) -> bool {
        self.used > self.limit
    }

    /// Writes the headers.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-name", HeaderValue::from_static(self.name));
        let numbers = [
            ("ratelimit-limit", i64::from(self.limit)),
            ("ratelimit-observed", i64::from(self.used)),
            (
                "ratelimit-remaining",
                i64::from(self.limit.saturating_sub(self.used)),
            ),
            ("ratelimit-reset", self.resets.timestamp()),
        ];
        for (name, number) in numbers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
        }
        let date = RetryAfter::At(self.resets).header();
        if let Ok(date) = HeaderValue::try_from(date) {
            headers.insert("ratelimit-resettime", date);
        }
    }

    /// Refuses the call.
    pub(super) fn refuse(self, now: DateTime<Utc>) -> Response {
        let wait = u64::try_from((self.resets - now).num_seconds()).unwrap_or(0);
        retry_later(Some(RetryAfter::Seconds(wait.max(1))))
    }
}

impl World {
    /// Counts one call of a person (0: of nobody) and returns what is left; `None` if there is no
    /// limit.
    pub(super) fn spend(
        &mut self,
        options: &GitLabOptions,
        person: u64,
        now: DateTime<Utc>,
    ) -> Option<Allowance> {
        let per_minute = options.per_minute?;
        let (name, limit) = if person == 0 {
            ("throttle_unauthenticated_api", options.anonymous_per_minute)
        } else {
            ("throttle_authenticated_api", per_minute)
        };
        let window = now.timestamp().div_euclid(PERIOD);
        let budget = self
            .budgets
            .entry(person)
            .or_insert(Budget { window, used: 0 });
        if budget.window != window {
            *budget = Budget { window, used: 0 };
        }
        budget.used = budget.used.saturating_add(1);
        Some(Allowance {
            name,
            limit,
            used: budget.used,
            resets: DateTime::from_timestamp((window + 1) * PERIOD, 0).unwrap_or(now),
        })
    }
}

/// Refuses who asked too often, in plain text.
pub(super) fn retry_later(retry_after: Option<RetryAfter>) -> Response {
    let text = [(header::CONTENT_TYPE, "text/plain")];
    let refusal = (StatusCode::TOO_MANY_REQUESTS, text, "Retry later\n").into_response();
    match retry_after {
        Some(wait) => ([(header::RETRY_AFTER, wait.header())], refusal).into_response(),
        None => refusal,
    }
}

/// Refuses as if the minute were used up.
pub(super) fn spent(resets: DateTime<Utc>, now: DateTime<Utc>) -> Response {
    let limit = 2000;
    let allowance = Allowance {
        name: "throttle_authenticated_api",
        limit,
        used: limit + 1,
        resets,
    };
    let mut refusal = allowance.refuse(now);
    allowance.write(refusal.headers_mut());
    refusal
}

/// Refuses with a limit of the application's own, which has no headers.
pub(super) fn too_often(status: u16, retry_after: Option<RetryAfter>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let words = "This endpoint has been requested too many times. Try again later.";
    let refusal = refuse(status, words);
    match retry_after {
        Some(wait) => ([(header::RETRY_AFTER, wait.header())], refusal).into_response(),
        None => refusal,
    }
}
