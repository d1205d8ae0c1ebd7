//! Who may do what, as the table says: every route, every kind of caller.

use domain::Role;
use lanyard::api::access::{May, TABLE, rule};
use lanyard::api::registered;

use crate::support::actors::{Actor, Answer};
use crate::support::app::TestApp;

#[test]
fn every_route_stands_in_the_table_and_every_row_is_a_route() {
    let mut routes = registered();
    let mut rows: Vec<_> = TABLE.iter().map(|row| (row.method, row.path)).collect();
    routes.sort_unstable();
    rows.sort_unstable();
    assert_eq!(routes, rows);
}

#[test]
fn only_what_has_to_be_is_open_to_anyone() {
    let open: Vec<_> = TABLE
        .iter()
        .filter(|row| row.may == May::Anyone)
        .map(|row| row.path)
        .collect();
    assert_eq!(
        open,
        [
            "/healthz",
            "/readyz",
            "/api/openapi.json",
            "/problems",
            "/problems/{code}",
            "/oauth/start/{ticket}",
            "/oauth/callback",
            "/oauth/callback/{provider}",
            "/hooks/gitlab/{provider}",
            "/hooks/github/{provider}",
            "/oauth/linked",
            "/oauth/failed/{code}",
            "/api/v1/tokens/first",
        ]
    );
}

#[tokio::test]
async fn every_route_lets_through_whom_the_table_names_and_nobody_else() {
    let app = TestApp::new().await;
    let anyone = app.anyone();
    let mut callers = Vec::new();
    for role in Role::ALL {
        callers.push((role, app.actor(role.as_str(), &[role]).await));
    }
    for (method, path) in registered() {
        let may = rule(method, path);
        let mine = |role: Role| fill(path, role.as_str());
        let answer = ask(&anyone, method, &fill(path, "member")).await;
        if path.starts_with("/hooks/") {
            assert_eq!(answer.status.as_u16(), 401, "{method} {path}");
            continue;
        }
        if may == May::Anyone {
            assert!(passed(&answer), "nobody: {method} {path}: {answer:?}");
            continue;
        }
        answer.is_problem(401, "unauthenticated");
        for (role, caller) in &callers {
            for (own, path) in [(true, mine(*role)), (false, fill(path, "grace"))] {
                let answer = ask(caller, method, &path).await;
                assert_eq!(
                    passed(&answer),
                    may.allows(&[*role], own),
                    "{role}: {method} {path}: {answer:?}"
                );
            }
        }
    }
}

/// Says whether the guard let a request pass, whatever became of it then.
fn passed(answer: &Answer) -> bool {
    let refused = answer.body.contains("/problems/forbidden");
    answer.status.as_u16() != 401 && !refused
}

async fn ask(caller: &Actor<'_>, method: &str, path: &str) -> Answer {
    // A body that no route accepts: what passes changes nothing.
    let body = serde_json::json!({ "nothing": true });
    caller.send(method, path, Some(body), &[]).await
}

fn fill(path: &str, user: &str) -> String {
    let id = "0199aaaa-0000-7000-8000-000000000000";
    path.replace("{user}", user)
        .replace("{provider}", "nowhere")
        .replace("{account}", id)
        .replace("{key}", id)
        .replace("{replay}", id)
        .replace("{campaign}", id)
        .replace("{token}", id)
        .replace("{webhook}", id)
        .replace("{index}", "1000000")
        .replace("{name}", "nothing")
        .replace("{code}", "forbidden-not")
        .replace("{ticket}", "x")
}

#[tokio::test]
async fn roles_count_at_the_moment_of_the_request() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let ada = app.user("ada").await;
    let token = ada.get("/api/v1/me").await.is(200)["token"].clone();
    let path = format!("/api/v1/tokens/{}", token.as_str().unwrap());
    admin.delete(&path).await.is(204);
    let answer = ada.get("/api/v1/me").await;
    answer.is_problem(401, "unauthenticated");
}
