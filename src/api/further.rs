//! The routes of campaigns, notices and webhooks.

use super::{Route, campaigns, notices, route, webhooks};

pub(super) fn of_campaigns() -> Vec<Route> {
    const CAMPAIGNS: &str = "/api/v1/campaigns";
    const CAMPAIGN: &str = "/api/v1/campaigns/{campaign}";
    const REPORT: &str = "/api/v1/campaigns/{campaign}/report";
    const PAUSE: &str = "/api/v1/campaigns/{campaign}/pause";
    const RESUME: &str = "/api/v1/campaigns/{campaign}/resume";
    const CANCELLATION: &str = "/api/v1/campaigns/{campaign}/cancellation";
    vec![
        route("GET", CAMPAIGNS, campaigns::list, campaigns::list_doc),
        route("POST", CAMPAIGNS, campaigns::start, campaigns::start_doc),
        route("GET", CAMPAIGN, campaigns::get, campaigns::get_doc),
        route("GET", REPORT, campaigns::report, campaigns::report_doc),
        route("POST", PAUSE, campaigns::pause, campaigns::pause_doc),
        route("POST", RESUME, campaigns::resume, campaigns::resume_doc),
        route(
            "POST",
            CANCELLATION,
            campaigns::cancel,
            campaigns::cancel_doc,
        ),
    ]
}

pub(super) fn telling() -> Vec<Route> {
    const MINE: &str = "/api/v1/me/notices";
    const NOTICES: &str = "/api/v1/notices";
    const WEBHOOKS: &str = "/api/v1/webhooks";
    const WEBHOOK: &str = "/api/v1/webhooks/{webhook}";
    const ROTATION: &str = "/api/v1/webhooks/{webhook}/rotation";
    const TEST: &str = "/api/v1/webhooks/{webhook}/test";
    const ENABLE: &str = "/api/v1/webhooks/{webhook}/enable";
    vec![
        route("GET", MINE, notices::mine, notices::mine_doc),
        route("GET", NOTICES, notices::list, notices::list_doc),
        route("GET", WEBHOOKS, webhooks::list, webhooks::list_doc),
        route("POST", WEBHOOKS, webhooks::add, webhooks::add_doc),
        route("GET", WEBHOOK, webhooks::get, webhooks::get_doc),
        route("PATCH", WEBHOOK, webhooks::change, webhooks::change_doc),
        route("DELETE", WEBHOOK, webhooks::remove, webhooks::remove_doc),
        route("POST", ROTATION, webhooks::rotate, webhooks::rotate_doc),
        route("POST", TEST, webhooks::test, webhooks::test_doc),
        route("POST", ENABLE, webhooks::enable, webhooks::enable_doc),
    ]
}
