//! What an operator reads off the metrics.

use chrono::TimeDelta;
use domain::Role;

use super::world::World;

impl World {
    async fn measures(&self) -> Vec<String> {
        let operator = self.service.actor("olga", &[Role::Operator]).await;
        let answer = operator.sees("/metrics").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(answer.header("content-type"), kind);
        assert!(answer.body.ends_with("# EOF\n"));
        answer.body.lines().map(str::to_owned).collect()
    }
}

fn value(measures: &[String], series: &str) -> Option<f64> {
    let line = measures
        .iter()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|number| number.parse().unwrap())
}

/// Returns whether GitHub is in each state of a provider.
fn states(measures: &[String]) -> [bool; 4] {
    ["closed", "open", "half_open", "paused"].map(|state| {
        let series = format!(r#"lanyard_provider_state{{provider="github",state="{state}"}}"#);
        let shown = value(measures, &series);
        assert!([Some(0.0), Some(1.0)].contains(&shown), "{shown:?}");
        shown == Some(1.0)
    })
}

#[tokio::test]
async fn an_outage_and_its_end_can_be_read_off_the_metrics() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let now = world.measures().await;
    let published = r#"lanyard_placements{provider="github",state="published"}"#;
    assert_eq!(value(&now, published), Some(1.0));
    assert_eq!(states(&now), [true, false, false, false]);
    let added =
        r#"lanyard_provider_calls_total{provider="github",operation="add_key",outcome="ok"}"#;
    assert_eq!(value(&now, added), Some(1.0));
    assert_eq!(value(&now, "lanyard_projection_lag_events"), Some(0.0));
    assert_eq!(value(&now, "lanyard_rotation_seconds_count"), Some(0.0));

    github.goes_down();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    world.passes(TimeDelta::minutes(10));
    let now = world.measures().await;
    let failed = |what: &str| format!(r#"lanyard_{what}{{provider="github",state="failed"}}"#);
    assert_eq!(value(&now, &failed("placements")), Some(1.0));
    let oldest = value(&now, &failed("placements_oldest_seconds"));
    assert!(oldest.is_some_and(|oldest| oldest >= 600.0), "{oldest:?}");
    let listed = r#"lanyard_provider_calls_total{provider="github",operation="list_keys",outcome="provider"}"#;
    assert!(value(&now, listed).is_some_and(|calls| calls >= 1.0));

    github.comes_back();
    world.settles_within(TimeDelta::hours(1)).await;
    let now = world.measures().await;
    assert_eq!(
        value(&now, published),
        Some(1.0),
        "the old one is withdrawn"
    );
    assert_eq!(value(&now, &failed("placements")), None);
    assert_eq!(value(&now, "lanyard_rotation_seconds_count"), Some(1.0));
    let took = value(&now, "lanyard_rotation_seconds_sum").unwrap();
    assert!((600.0..4_200.0).contains(&took), "{took}");
    let stored = value(&now, r#"lanyard_appends_total{outcome="stored"}"#);
    assert!(stored.is_some_and(|stored| stored > 10.0));
}

#[tokio::test]
async fn whether_a_provider_is_left_alone_can_be_read_off_the_metrics() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    github.goes_down();
    world.settles_within(TimeDelta::hours(1)).await;
    let now = states(&world.measures().await);
    assert!(!now[0], "{now:?}");
    assert!(now[1] != now[2], "open or half open: {now:?}");
    github.comes_back();
    world.settles_within(TimeDelta::hours(1)).await;
    assert_eq!(states(&world.measures().await), [true, false, false, false]);
}

#[tokio::test]
async fn whether_a_provider_is_paused_can_be_read_off_the_metrics() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.switch(&github, "pause").await;
    assert_eq!(states(&world.measures().await), [true, false, false, true]);
    world.switch(&github, "resume").await;
    world.passes(TimeDelta::seconds(6));
    assert_eq!(states(&world.measures().await), [true, false, false, false]);
}

#[tokio::test]
async fn no_series_is_anybodys_own() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.settles().await;
    let few = world.measures().await;
    for name in ["bob", "cyd", "dan"] {
        world.link(name, &github).await;
    }
    world.settles().await;
    // The cache is a few seconds old at most.
    world.passes(TimeDelta::seconds(6));
    let many = world.measures().await;
    let series = |measures: &[String]| -> Vec<String> {
        let names = measures.iter().filter_map(|line| line.rsplit_once(' '));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let mut new = series(&many);
    new.retain(|name| !series(&few).contains(name));
    assert_eq!(new, Vec::<String>::new());
    assert!(!many.join("\n").contains("ada"));
}
