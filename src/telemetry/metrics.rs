//! What is counted: one registry per process, told in the words of `OpenMetrics` 1.0, which
//! Prometheus reads.
//!
//! A label is a provider's slug, a state, an operation or an outcome: admins register providers,
//! the program names the rest. Nothing is counted per person, key or request, so that the number of
//! series does not grow with them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, MutexGuard};

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A call to a provider lasts from milliseconds to the 30 seconds after which it is given up.
const CALL: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// An append lasts as long as the disk takes, or until a lock is given up.
const APPEND: [f64; 10] = [
    0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 5.0,
];

/// A rotation lasts seconds where all is well, and days through an outage.
const ROTATION: [f64; 10] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 259_200.0,
];

/// The states of a breaker.
const BREAKER: [&str; 3] = ["closed", "open", "half_open"];

type Labels<const N: usize> = [(&'static str, String); N];

/// The numbers of one process. Cheap to clone: all clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    calls: Family<Labels<3>, Counter>,
    call_seconds: Family<Labels<1>, Histogram>,
    refresh_failures: Family<Labels<2>, Counter>,
    appends: Family<Labels<1>, Counter>,
    append_seconds: Histogram,
    rotation_seconds: Histogram,
    placements: Family<Labels<2>, Gauge>,
    oldest: Family<Labels<2>, Gauge>,
    revocations: Family<Labels<2>, Gauge>,
    provider_state: Family<Labels<2>, Gauge>,
    size: Gauge,
    behind: Gauge,
    behind_seconds: Gauge,
    looked: Mutex<Option<DateTime<Utc>>>,
}

/// Where the keys of one provider stand that have one state in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placements {
    /// The provider's slug.
    pub provider: String,
    /// The state.
    pub state: &'static str,
    /// How many.
    pub count: u64,
    /// How long the oldest of them has waited, where they wait.
    pub oldest: Option<Duration>,
}

/// Whether a provider is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderState {
    /// The provider's slug.
    pub provider: String,
    /// Whether it is left alone because it does not answer: `closed`, `open` or `half_open`.
    pub breaker: String,
    /// Whether an operator or an admin stopped key sync there.
    pub paused: bool,
}

/// How far the read models are behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// How many events the log has.
    pub log: u64,
    /// How many of them are not applied.
    pub events: u64,
    /// How long the first of these has waited.
    pub age: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Begins to count.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("lanyard");
        let calls = Family::default();
        registry.register(
            "provider_calls",
            "What was asked of a provider, by what came of it: ok, or who is to blame",
            calls.clone(),
        );
        let call_seconds =
            Family::<Labels<1>, Histogram>::new_with_constructor(|| Histogram::new(CALL));
        registry.register(
            "provider_call_seconds",
            "How long a provider took to answer",
            call_seconds.clone(),
        );
        let refresh_failures = Family::default();
        registry.register(
            "refresh_failures",
            "Grants that could not be refreshed, by who is to blame",
            refresh_failures.clone(),
        );
        let appends = Family::default();
        registry.register(
            "appends",
            "Appends to the log, by what came of them",
            appends.clone(),
        );
        let append_seconds = Histogram::new(APPEND);
        registry.register(
            "append_seconds",
            "How long an append took to be on the disk",
            append_seconds.clone(),
        );
        let rotation_seconds = Histogram::new(ROTATION);
        registry.register(
            "rotation_seconds",
            "From a key's rotation until its successor is wherever it belongs",
            rotation_seconds.clone(),
        );
        let placements = Family::default();
        registry.register(
            "placements",
            "Keys at accounts, by where they stand",
            placements.clone(),
        );
        let oldest = Family::default();
        registry.register(
            "placements_oldest_seconds",
            "How long the oldest of them has waited since it was last requested",
            oldest.clone(),
        );
        let revocations = Family::default();
        registry.register(
            "revocations",
            "Grants that could not be revoked yet, by where they stand",
            revocations.clone(),
        );
        let provider_state = Family::default();
        registry.register(
            "provider_state",
            "Whether a provider is in a state: 1, or 0. It is closed, open or half_open; paused goes with each",
            provider_state.clone(),
        );
        let size = Gauge::default();
        registry.register("log_events", "Events in the log", size.clone());
        let behind = Gauge::default();
        registry.register(
            "projection_lag_events",
            "Events that the read models do not have yet",
            behind.clone(),
        );
        let behind_seconds = Gauge::default();
        registry.register(
            "projection_lag_seconds",
            "How long the first of these has waited",
            behind_seconds.clone(),
        );
        let build = Family::<Labels<1>, Gauge>::default();
        build
            .get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned())])
            .set(1);
        registry.register("build", "The version that runs, always 1", build);
        Self(Arc::new(Inner {
            registry,
            calls,
            call_seconds,
            refresh_failures,
            appends,
            append_seconds,
            rotation_seconds,
            placements,
            oldest,
            revocations,
            provider_state,
            size,
            behind,
            behind_seconds,
            looked: Mutex::default(),
        }))
    }

    /// Counts a call to a provider: what was asked, what came of it, how long it took.
    pub fn called(
        &self,
        provider: &str,
        operation: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let provider = ("provider", provider.to_owned());
        let outcome = ("outcome", outcome.to_owned());
        let labels = [
            provider.clone(),
            ("operation", operation.to_owned()),
            outcome.clone(),
        ];
        self.0.calls.get_or_create(&labels).inc();
        self.0
            .call_seconds
            .get_or_create(std::array::from_ref(&provider))
            .observe(took.as_secs_f64());
        if operation == "refresh" && outcome.1 != "ok" {
            let labels = [provider, outcome];
            self.0.refresh_failures.get_or_create(&labels).inc();
        }
    }

    /// Counts an append to the log.
    pub fn appended(&self, outcome: &'static str, took: Duration) {
        let labels = [("outcome", outcome.to_owned())];
        self.0.appends.get_or_create(&labels).inc();
        self.0.append_seconds.observe(took.as_secs_f64());
    }

    /// Counts a rotation whose new key is everywhere.
    pub fn rotated(&self, took: Duration) {
        self.0.rotation_seconds.observe(took.as_secs_f64());
    }

    /// Waits for one's turn to look at what is not counted but asked for, and says when somebody
    /// last did.
    pub async fn look(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.0.looked.lock().await
    }

    /// Replaces what was known of the placements. What is no longer there is no longer told.
    pub fn placements_are(&self, known: &[Placements]) {
        self.0.placements.clear();
        self.0.oldest.clear();
        for known in known {
            let labels = [
                ("provider", known.provider.clone()),
                ("state", known.state.to_owned()),
            ];
            let count = whole(known.count);
            self.0.placements.get_or_create(&labels).set(count);
            if let Some(oldest) = known.oldest {
                let oldest = whole(oldest.as_secs());
                self.0.oldest.get_or_create(&labels).set(oldest);
            }
        }
    }

    /// Replaces what was known of grants that could not be revoked: provider, state, how many.
    pub fn revocations_are(&self, known: &[(String, &'static str, u64)]) {
        self.0.revocations.clear();
        for (provider, state, count) in known {
            let labels = [
                ("provider", provider.clone()),
                ("state", (*state).to_owned()),
            ];
            let count = whole(*count);
            self.0.revocations.get_or_create(&labels).set(count);
        }
    }

    /// Replaces what was known of the providers' states.
    pub fn providers_are(&self, known: &[ProviderState]) {
        self.0.provider_state.clear();
        for known in known {
            let breaker = BREAKER.map(|state| (state, state == known.breaker));
            for (state, is) in breaker.into_iter().chain([("paused", known.paused)]) {
                let labels = [
                    ("provider", known.provider.clone()),
                    ("state", state.to_owned()),
                ];
                let gauge = self.0.provider_state.get_or_create(&labels);
                gauge.set(i64::from(is));
            }
        }
    }

    /// Replaces what was known of the read models.
    pub fn lag_is(&self, lag: Lag) {
        self.0.size.set(whole(lag.log));
        self.0.behind.set(whole(lag.events));
        self.0.behind_seconds.set(whole(lag.age.as_secs()));
    }

    /// Writes everything down.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(8 << 10);
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_a_failed_refresh_is_counted_apart() {
        let metrics = Metrics::new();
        let other = metrics.clone();
        let second = Duration::from_secs(1);
        other.called("github", "refresh", "provider", second);
        metrics.called("github", "refresh", "ok", second);
        metrics.called("github", "list_keys", "provider", second);
        let text = metrics.text().unwrap();
        for line in [
            r#"lanyard_provider_calls_total{provider="github",operation="refresh",outcome="ok"} 1"#,
            r#"lanyard_refresh_failures_total{provider="github",outcome="provider"} 1"#,
            r#"lanyard_provider_call_seconds_count{provider="github"} 3"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_no_longer_there_is_no_longer_told() {
        let metrics = Metrics::new();
        let parked = Placements {
            provider: "github".to_owned(),
            state: "parked",
            count: 3,
            oldest: Some(Duration::from_secs(90)),
        };
        metrics.placements_are(&[parked]);
        let text = metrics.text().unwrap();
        assert!(
            text.contains(r#"lanyard_placements{provider="github",state="parked"} 3"#),
            "{text}"
        );
        metrics.revocations_are(&[("github".to_owned(), "failed", 2)]);
        let text = metrics.text().unwrap();
        let revocations = r#"lanyard_revocations{provider="github",state="failed"} 2"#;
        assert!(text.contains(revocations), "{text}");
        metrics.placements_are(&[]);
        assert!(!metrics.text().unwrap().contains("parked"));
    }
}
