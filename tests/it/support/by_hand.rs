//! Hosts where people carry their keys themselves.

use serde_json::{Value, json};

use super::actors::Actor;
use super::app::TestApp;

const ACCOUNTS: &str = "/api/v1/users/me/accounts";

/// Has an admin register an Azure DevOps, `azure`; RSA keys that are made in no time.
pub(crate) async fn azure(app: &TestApp) {
    let body = json!({
        "provider": "azure", "kind": "azure_devops", "name": "Azure DevOps",
        "base_url": "https://dev.azure.com/contoso", "algorithm": "rsa-3072",
    });
    let admin = app.admin().await;
    admin.post("/api/v1/providers", body).await.is(201);
}

/// Has an admin register a host that nobody knows anything of, `builds`.
pub(crate) async fn builds(app: &TestApp) {
    let body = json!({
        "provider": "builds", "kind": "ssh", "name": "Build host",
        "base_url": "https://git.example.com",
    });
    let admin = app.admin().await;
    admin.post("/api/v1/providers", body).await.is(201);
}

/// Links an account; returns its id.
pub(crate) async fn links(person: &Actor<'_>, provider: &str, login: &str) -> String {
    let body = json!({ "provider": provider, "login": login });
    let linked = person.post(ACCOUNTS, body).await.is(201);
    linked["account"].as_str().unwrap().to_owned()
}

/// Returns where a person confirms what they did with a key.
pub(crate) fn confirmation(account: &str, key: &str) -> String {
    format!("{ACCOUNTS}/{account}/keys/{key}/confirmation")
}

/// Confirms; returns what is known then.
pub(crate) async fn confirms(person: &Actor<'_>, account: &str, key: &str, placed: bool) -> Value {
    let path = confirmation(account, key);
    let answer = person.post(&path, json!({ "placed": placed })).await;
    answer.is(200)
}
