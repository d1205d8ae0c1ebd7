//! The REST API: one line per route.
//!
//! Every route has a row in [`access`], a handler, and a description from which the `OpenAPI`
//! document is made. A handler reads what was sent ([`input`]), asks one use case of `app`, and
//! answers; whatever is refused is a [`problem`].

pub mod access;
pub mod answer;
pub mod caller;
pub mod catalogue;
pub mod extract;
pub mod frame;
pub mod fresh;
pub mod idempotency;
pub mod input;
pub mod openapi;
pub mod problem;

mod accounts;
mod audit;
mod campaigns;
mod confirmation;
mod discarding;
mod drift;
mod further;
mod health;
mod held;
mod hooks;
mod keys;
mod linking;
mod me;
mod metrics;
mod notices;
mod offboarding;
mod problems;
mod projections;
mod providers;
mod replays;
mod residue;
mod restoration;
mod revocations;
mod settings;
mod stream;
mod sync;
mod tokens;
mod webhooks;
mod words;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};

use self::access::rule;
use self::caller::{Guarded, guard};
use self::frame::{frame, note_route};
use self::openapi::Doc;
use self::problem::Problem;
use crate::app::App;
use crate::web::oauth;

/// One route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) doc: fn() -> Doc,
    handler: MethodRouter<App>,
}

fn route<H, T>(method: &'static str, path: &'static str, handler: H, doc: fn() -> Doc) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    let filter = match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    Route {
        method,
        path,
        doc,
        handler: on(filter, handler),
    }
}

/// Lists every route.
pub(crate) fn routes() -> Vec<Route> {
    let nouns = [
        server(),
        administration(),
        of_a_provider(),
        tokens(),
        people(),
        operation(),
        further::telling(),
        further::of_campaigns(),
    ];
    nouns.into_iter().flatten().collect()
}

fn server() -> Vec<Route> {
    vec![
        route("GET", "/healthz", health::live, health::live_doc),
        route("GET", "/readyz", health::ready, health::ready_doc),
        route("GET", "/metrics", metrics::show, metrics::show_doc),
        route(
            "GET",
            "/api/openapi.json",
            openapi::serve,
            openapi::serve_doc,
        ),
        route("GET", "/problems", problems::list, problems::list_doc),
        route("GET", "/problems/{code}", problems::get, problems::get_doc),
        route(
            "GET",
            "/oauth/start/{ticket}",
            oauth::start,
            oauth::start_doc,
        ),
        route(
            "GET",
            "/oauth/callback",
            oauth::shared_callback,
            oauth::shared_callback_doc,
        ),
        route(
            "GET",
            "/oauth/callback/{provider}",
            oauth::callback,
            oauth::callback_doc,
        ),
        route(
            "POST",
            "/hooks/gitlab/{provider}",
            hooks::gitlab,
            hooks::gitlab_doc,
        ),
        route(
            "POST",
            "/hooks/github/{provider}",
            hooks::github,
            hooks::github_doc,
        ),
        route("GET", "/oauth/linked", oauth::linked, oauth::linked_doc),
        route(
            "GET",
            "/oauth/failed/{code}",
            oauth::failed,
            oauth::failed_doc,
        ),
    ]
}

fn administration() -> Vec<Route> {
    const PROVIDERS: &str = "/api/v1/providers";
    const PROVIDER: &str = "/api/v1/providers/{provider}";
    vec![
        route("GET", "/api/v1/me", me::get, me::get_doc),
        route("GET", "/api/v1/settings", settings::get, settings::get_doc),
        route(
            "PATCH",
            "/api/v1/settings",
            settings::change,
            settings::change_doc,
        ),
        route("GET", PROVIDERS, providers::list, providers::list_doc),
        route("POST", PROVIDERS, providers::add, providers::add_doc),
        route("GET", PROVIDER, providers::get, providers::get_doc),
        route("PATCH", PROVIDER, providers::change, providers::change_doc),
        route("DELETE", PROVIDER, providers::remove, providers::remove_doc),
        route(
            "POST",
            "/api/v1/providers/{provider}/test",
            providers::test,
            providers::test_doc,
        ),
        route(
            "POST",
            "/api/v1/providers/{provider}/pause",
            providers::pause,
            providers::pause_doc,
        ),
        route(
            "POST",
            "/api/v1/providers/{provider}/resume",
            providers::resume,
            providers::resume_doc,
        ),
        route(
            "POST",
            "/api/v1/providers/{provider}/disable",
            providers::disable,
            providers::disable_doc,
        ),
        route(
            "POST",
            "/api/v1/providers/{provider}/enable",
            providers::enable,
            providers::enable_doc,
        ),
    ]
}

fn of_a_provider() -> Vec<Route> {
    use providers::{host_keys, secrets, watching};
    const REMOVAL: &str = "/api/v1/providers/{provider}/removal";
    const SECRETS: &str = "/api/v1/providers/{provider}/secrets";
    const CONFIRM: &str = "/api/v1/providers/{provider}/secrets/confirm";
    const STAGED: &str = "/api/v1/providers/{provider}/secrets/staged";
    const HOST_KEYS: &str = "/api/v1/providers/{provider}/host-keys";
    const OFFICIAL: &str = "/api/v1/providers/{provider}/host-keys/official";
    const SWEEP: &str = "/api/v1/providers/{provider}/sweep";
    const HOOK_SECRET: &str = "/api/v1/providers/{provider}/hook-secret";
    const SCAN: &str = "/api/v1/providers/{provider}/host-keys/scan";
    vec![
        route("POST", REMOVAL, providers::leave, providers::leave_doc),
        route("DELETE", REMOVAL, providers::stay, providers::stay_doc),
        route("POST", SECRETS, secrets::stage, secrets::stage_doc),
        route("POST", CONFIRM, secrets::confirm, secrets::confirm_doc),
        route("DELETE", STAGED, secrets::drop_staged, secrets::drop_doc),
        route("GET", HOST_KEYS, host_keys::list, host_keys::list_doc),
        route("PUT", HOST_KEYS, host_keys::put, host_keys::put_doc),
        route(
            "POST",
            OFFICIAL,
            host_keys::official,
            host_keys::official_doc,
        ),
        route("POST", SCAN, host_keys::scan, host_keys::scan_doc),
        route("POST", SWEEP, watching::sweep, watching::sweep_doc),
        route(
            "PUT",
            HOOK_SECRET,
            watching::hook_secret,
            watching::hook_secret_doc,
        ),
    ]
}

fn tokens() -> Vec<Route> {
    vec![
        route("GET", "/api/v1/tokens", tokens::list, tokens::list_doc),
        route("POST", "/api/v1/tokens", tokens::create, tokens::create_doc),
        route(
            "POST",
            "/api/v1/tokens/first",
            tokens::first,
            tokens::first_doc,
        ),
        route(
            "DELETE",
            "/api/v1/tokens/{token}",
            tokens::revoke,
            tokens::revoke_doc,
        ),
    ]
}

fn people() -> Vec<Route> {
    const ACCOUNTS: &str = "/api/v1/users/{user}/accounts";
    const ACCOUNT: &str = "/api/v1/users/{user}/accounts/{account}";
    const CONFIRMATION: &str = "/api/v1/users/{user}/accounts/{account}/keys/{key}/confirmation";
    const OFFBOARDING: &str = "/api/v1/users/{user}/offboarding";
    const RESTORATION: &str = "/api/v1/users/{user}/accounts/{account}/keys/{key}/restoration";
    const KEYS: &str = "/api/v1/users/{user}/keys";
    const KEY: &str = "/api/v1/users/{user}/keys/{key}";
    const ROTATION: &str = "/api/v1/users/{user}/keys/{key}/rotation";
    vec![
        route("GET", ACCOUNTS, accounts::list, accounts::list_doc),
        route("POST", ACCOUNTS, linking::begin, linking::begin_doc),
        route("GET", ACCOUNT, accounts::get, accounts::get_doc),
        route("DELETE", ACCOUNT, accounts::unlink, accounts::unlink_doc),
        route(
            "POST",
            CONFIRMATION,
            confirmation::confirm,
            confirmation::confirm_doc,
        ),
        route("GET", OFFBOARDING, offboarding::get, offboarding::get_doc),
        route(
            "POST",
            OFFBOARDING,
            offboarding::request,
            offboarding::request_doc,
        ),
        route(
            "POST",
            RESTORATION,
            restoration::restore,
            restoration::restore_doc,
        ),
        route("GET", KEYS, keys::list, keys::list_doc),
        route("POST", KEYS, keys::make, keys::make_doc),
        route("GET", KEY, keys::get, keys::get_doc),
        route("POST", ROTATION, keys::rotate, keys::rotate_doc),
    ]
}

fn operation() -> Vec<Route> {
    const REPLAYS: &str = "/api/v1/replays";
    const REPLAY: &str = "/api/v1/replays/{replay}";
    const RESUME: &str = "/api/v1/replays/{replay}/resume";
    const PROGRESS: &str = "/api/v1/replays/{replay}/progress";
    const REPORT: &str = "/api/v1/replays/{replay}/report";
    const RESIDUE: &str = "/api/v1/sync/residue";
    const EVENTS: &str = "/api/v1/audit/events";
    const EVENT: &str = "/api/v1/audit/events/{index}";
    const PROJECTIONS: &str = "/api/v1/projections";
    const REBUILD: &str = "/api/v1/projections/{name}/rebuild";
    vec![
        route("GET", "/api/v1/sync", sync::list, sync::list_doc),
        route("POST", "/api/v1/sync/retry", sync::retry, sync::retry_doc),
        route(
            "POST",
            "/api/v1/sync/discard",
            discarding::discard,
            discarding::discard_doc,
        ),
        route("GET", RESIDUE, residue::list, residue::list_doc),
        route("GET", REPLAYS, replays::list, replays::list_doc),
        route("POST", REPLAYS, replays::start, replays::start_doc),
        route("GET", REPLAY, replays::get, replays::get_doc),
        route("DELETE", REPLAY, replays::cancel, replays::cancel_doc),
        route("POST", RESUME, replays::resume, replays::resume_doc),
        route("GET", PROGRESS, replays::watch, replays::watch_doc),
        route("GET", REPORT, replays::report, replays::report_doc),
        route("GET", EVENTS, audit::list, audit::list_doc),
        route("GET", EVENT, audit::get, audit::get_doc),
        route("GET", PROJECTIONS, projections::list, projections::list_doc),
        route(
            "POST",
            REBUILD,
            projections::rebuild,
            projections::rebuild_doc,
        ),
    ]
}

/// Lists every route by method and path.
pub fn registered() -> Vec<(&'static str, &'static str)> {
    let all = routes().into_iter();
    all.map(|route| (route.method, route.path)).collect()
}

/// Builds the router of an address that serves the metrics to whoever reaches it, and nothing else.
pub fn metrics_router(app: App) -> Router {
    Router::new()
        .route("/metrics", axum::routing::get(metrics::show))
        .fallback(async || Problem::new("not-found"))
        .method_not_allowed_fallback(async || Problem::new("method-not-allowed"))
        .layer(from_fn_with_state(app.clone(), frame))
        .with_state(app)
}

/// Builds the router of everything that is served.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let guarded = Guarded {
            app: app.clone(),
            may: rule(route.method, route.path),
            path: route.path,
        };
        let handler = route
            .handler
            .route_layer(from_fn_with_state(guarded, guard))
            .route_layer(from_fn(note_route));
        router = router.route(route.path, handler);
    }
    router
        .fallback(async || Problem::new("not-found"))
        .method_not_allowed_fallback(async || Problem::new("method-not-allowed"))
        .layer(from_fn_with_state(app.clone(), frame))
        .with_state(app)
}
