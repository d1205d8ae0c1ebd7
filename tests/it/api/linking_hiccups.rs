//! A provider that stumbles right after it gave tokens: the code is spent, so it is asked again.

use forge::{Fault, FaultPlan, Moment, RetryAfter};
use serde_json::json;

use super::linking::failed;
use crate::support::app::TestApp;
use crate::support::github::Practice;

const USER: &str = "GET /user";

#[tokio::test]
async fn what_passes_within_seconds_costs_nobody_the_link() {
    for fault in [
        Fault::BadGateway.times(3),
        Fault::BadCredentials.once(),
        Fault::Dropped(Moment::BeforeEffect).once(),
        Fault::TooManyRequests(Some(RetryAfter::Seconds(3))).once(),
    ] {
        let app = TestApp::new().await;
        let practice = Practice::new(&app).await;
        practice.github.add_user("octocat");
        practice.github.fail_with(fault.on(USER));
        practice.links(&app.user("ada").await, "octocat").await;
        assert_eq!(practice.github.live_tokens_of("octocat"), 1);
    }
}

#[tokio::test]
async fn what_lasts_longer_is_not_waited_for_and_the_tokens_are_given_back() {
    let every: [(FaultPlan, usize); 4] = [
        (Fault::BadGateway.into(), 7),
        (Fault::BadCredentials.into(), 2),
        (
            Fault::TooManyRequests(Some(RetryAfter::Seconds(60))).into(),
            1,
        ),
        (Fault::Html.into(), 1),
    ];
    for (fault, calls) in every {
        let app = TestApp::new().await;
        let practice = Practice::new(&app).await;
        practice.github.add_user("octocat");
        let ada = app.user("ada").await;
        let start = practice.begins(&ada, json!({})).await;
        let browser = practice.starts(&start).await;
        let back = practice.agrees(&browser, "octocat").await;
        practice.github.fail_with(fault.clone().on(USER));
        let answer = practice.comes_back(&browser, &back).await;
        failed(&app, &answer, 502, "flow-failed").await;
        assert_eq!(practice.github.calls(USER), calls, "{fault:?}");
        assert_eq!(practice.github.live_tokens_of("octocat"), 0);
    }
}
