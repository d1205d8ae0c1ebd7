//! The people of the demo, and what they do through the API.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use url::Url;

use crate::cli::client::Client;
use crate::cli::output::{Output, say};

/// How often a person looks again, and how long they have patience.
const GLANCE: Duration = Duration::from_millis(50);
const PATIENCE: u32 = 600;

/// One person with one API token.
pub(super) struct Person {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) token: String,
}

/// Everybody who takes part.
pub(super) struct Cast {
    pub(super) admin: Person,
    pub(super) ada: Person,
    pub(super) operator: Person,
    pub(super) auditor: Person,
    shown: u64,
}

/// One key as its owner sees it.
pub(super) struct Key {
    id: String,
    pub(super) fingerprint: String,
}

impl Person {
    fn with(url: &Url, token: &Value) -> anyhow::Result<Self> {
        let token = token
            .as_str()
            .context("the answer has no token")?
            .to_owned();
        Ok(Self {
            client: Client::new(url.clone(), token.clone())?,
            url: url.clone(),
            token,
        })
    }
}

impl Cast {
    /// Makes the first admin's token with the secret from the server's terminal, and with it
    /// everybody else's.
    pub(super) async fn assemble(url: &Url, secret: &str) -> anyhow::Result<Self> {
        let nobody = Client::new(url.clone(), String::new())?;
        let body = json!({ "user": "grace", "secret": secret });
        let made = nobody.post("/api/v1/tokens/first", &body).await?.body;
        let admin = Person::with(url, &made["token"])?;
        let mut others = Vec::new();
        for (user, role) in [
            ("ada", "member"),
            ("olga", "operator"),
            ("audrey", "auditor"),
        ] {
            let body = json!({ "user": user, "name": "demo", "roles": [role], "days": 1 });
            let made = admin.client.post("/api/v1/tokens", &body).await?.body;
            others.push(Person::with(url, &made["token"])?);
        }
        let [ada, operator, auditor] = others
            .try_into()
            .map_err(|_| anyhow::anyhow!("three people make three tokens"))?;
        Ok(Self {
            admin,
            ada,
            operator,
            auditor,
            shown: 0,
        })
    }

    /// Prints the events since the last time, as the auditor sees them.
    pub(super) async fn show_events(&mut self) -> anyhow::Result<()> {
        for seen in self.auditor.events_from(self.shown).await? {
            self.shown = seen["index"].as_u64().context("an event has an index")? + 1;
            // The auditor's own reads are in the trail too, but not part of the story.
            if seen["event"]["type"] != "AuditRead" {
                show(&seen);
            }
        }
        Ok(())
    }
}

fn show(seen: &Value) {
    let [code, kind, sentence] = ["/event/code", "/event/type", "/sentence"]
        .map(|at| seen.pointer(at).and_then(Value::as_str).unwrap_or("?"));
    let index = seen["index"].as_u64().unwrap_or_default();
    say(&format!("  {index:>4}  {code}  {kind:<24} {sentence}"));
}

impl Person {
    /// Lists the events from an index on, oldest first.
    async fn events_from(&self, from: u64) -> anyhow::Result<Vec<Value>> {
        let mut query = vec![
            ("order", "oldest_first".to_owned()),
            ("limit", "1000".to_owned()),
        ];
        if let Some(after) = from.checked_sub(1) {
            query.push(("after", after.to_string()));
        }
        items(
            self.client.get("/api/v1/audit/events", &query).await?.body,
            "events",
        )
    }

    /// Begins to link an account; returns the address for the browser.
    pub(super) async fn begin_link(&self, provider: &str) -> anyhow::Result<Url> {
        let body = json!({ "provider": provider });
        let begun = self
            .client
            .post("/api/v1/users/me/accounts", &body)
            .await?
            .body;
        Ok(begun["start_url"]
            .as_str()
            .context("a link has a start")?
            .parse()?)
    }

    async fn keys(&self) -> anyhow::Result<Vec<Value>> {
        items(
            self.client
                .get("/api/v1/users/me/keys", &[("retired", "true".to_owned())])
                .await?
                .body,
            "keys",
        )
    }

    /// Waits until a key at the provider passes `wish`.
    async fn key(
        &self,
        provider: &str,
        what: &str,
        wish: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Key> {
        for _ in 0..PATIENCE {
            let keys = self.keys().await?;
            let found = keys
                .iter()
                .find(|key| key["placements"][0]["provider"] == provider && wish(key));
            if let Some(key) = found {
                let text = |at: &str| key[at].as_str().unwrap_or_default().to_owned();
                return Ok(Key {
                    id: text("key"),
                    fingerprint: text("fingerprint"),
                });
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("no key at {provider} is {what} after half a minute")
    }

    /// Waits until the current key is at the provider.
    pub(super) async fn key_in_place(&self, provider: &str) -> anyhow::Result<Key> {
        self.key(provider, "in place", |key| {
            key["status"] == "current" && key["placements"][0]["status"] == "published"
        })
        .await
    }

    /// Links an account at a provider where she carries the keys herself; returns its id.
    pub(super) async fn link_by_hand(&self, provider: &str, login: &str) -> anyhow::Result<String> {
        let body = json!({ "provider": provider, "login": login });
        let linked = self.client.post("/api/v1/users/me/accounts", &body).await?;
        let account = linked.body["account"].as_str();
        Ok(account.context("an account has an id")?.to_owned())
    }

    /// Waits until a new key is to be pasted.
    pub(super) async fn asked_to_paste(&self, provider: &str) -> anyhow::Result<Key> {
        self.key(provider, "to be pasted", |key| {
            key["status"] == "current" && key["placements"][0]["by_hand"]["do"] == "paste"
        })
        .await
    }

    /// Waits until an old key is to be removed.
    pub(super) async fn asked_to_remove(&self, old: &Key) -> anyhow::Result<()> {
        for _ in 0..PATIENCE {
            let keys = self.keys().await?;
            let wanted = |key: &&Value| key["key"] == old.id.as_str();
            if keys
                .iter()
                .find(wanted)
                .is_some_and(|key| key["placements"][0]["by_hand"]["do"] == "remove")
            {
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("no key is to be removed after half a minute")
    }

    /// Says that a key was pasted or removed.
    pub(super) async fn confirm(
        &self,
        account: &str,
        key: &Key,
        what: Value,
    ) -> anyhow::Result<()> {
        let path = format!(
            "/api/v1/users/me/accounts/{account}/keys/{}/confirmation",
            key.id
        );
        self.client.post(&path, &what).await?;
        Ok(())
    }

    async fn account(&self, provider: &str) -> anyhow::Result<Option<String>> {
        let accounts = self.client.get("/api/v1/users/me/accounts", &[]).await?;
        let found = items(accounts.body, "accounts")?
            .into_iter()
            .find(|account| account["provider"] == provider);
        Ok(found.and_then(|account| account["account"].as_str().map(str::to_owned)))
    }

    /// Asks to be unlinked.
    pub(super) async fn begin_unlink(&self, provider: &str) -> anyhow::Result<()> {
        let account = self.account(provider).await?;
        let account = account.context("an account is linked there")?;
        let path = format!("/api/v1/users/me/accounts/{account}");
        self.client.delete(&path).await?;
        Ok(())
    }

    /// Waits until no account is linked at a provider any more.
    pub(super) async fn unlinked(&self, provider: &str) -> anyhow::Result<()> {
        for _ in 0..PATIENCE {
            if self.account(provider).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("the account at {provider} is still linked after half a minute")
    }

    /// Unlinks, and waits until that is over.
    pub(super) async fn unlink(&self, provider: &str) -> anyhow::Result<()> {
        self.begin_unlink(provider).await?;
        self.unlinked(provider).await
    }

    /// Asks for a new key in the place of an old one.
    pub(super) async fn rotate(&self, old: &Key, reason: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/users/me/keys/{}/rotation", old.id);
        self.client
            .post(&path, &json!({ "reason": reason }))
            .await?;
        Ok(())
    }

    /// Waits until a new key is in place and the old one retired.
    pub(super) async fn rotated(&self, provider: &str, old: &Key) -> anyhow::Result<Key> {
        self.key(provider, "gone", |key| {
            key["key"] == old.id.as_str() && key["status"] == "retired"
        })
        .await?;
        self.key_in_place(provider).await
    }

    /// Waits until the current key's way to the provider is parked.
    pub(super) async fn parked(&self, provider: &str) -> anyhow::Result<()> {
        self.key(provider, "parked", |key| {
            key["status"] == "current" && key["placements"][0]["status"] == "parked"
        })
        .await?;
        Ok(())
    }

    /// Prints what is pending, and why.
    pub(super) async fn show_sync(&self) -> anyhow::Result<()> {
        let pending = self.client.get("/api/v1/sync", &[]).await?.body;
        let columns = [
            ("PROVIDER", "/provider"),
            ("USER", "/user"),
            ("STATUS", "/status"),
            ("TRIES", "/attempts"),
            ("BLAME", "/failure/blame"),
            ("WHY", "/failure/code"),
            ("TO DO", "/failure/remedy"),
        ];
        Output { json: false }.list(&pending["placements"], &columns, "  nothing is pending");
        Ok(())
    }

    /// Prints what a replay would do.
    pub(super) async fn show_plan(&self, scope: &Value) -> anyhow::Result<()> {
        let mut dry = scope.clone();
        dry["dry_run"] = true.into();
        let plan = self.client.post("/api/v1/replays", &dry).await?.body;
        say("  the plan, before anything is done:");
        let columns = [
            ("USER", "/user"),
            ("KEY", "/key"),
            ("NOW", "/status"),
            ("WOULD", "/would"),
        ];
        Output { json: false }.list(&plan["items"], &columns, "  nothing would be done");
        Ok(())
    }

    /// Replays, and waits until it is over.
    pub(super) async fn replay(&self, scope: &Value) -> anyhow::Result<()> {
        let started = self.client.post("/api/v1/replays", scope).await?.body;
        let id = started["replay"].as_str().context("a replay has an id")?;
        for _ in 0..PATIENCE {
            let now = self
                .client
                .get(&format!("/api/v1/replays/{id}"), &[])
                .await?
                .body;
            if now["status"] == "completed" {
                let [settled, parked] = ["settled", "parked"].map(|at| now[at].clone());
                say(&format!(
                    "  replayed: {settled} as the log says, {parked} parked"
                ));
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("the replay is not over after half a minute")
    }

    /// Prints the history of one provider.
    pub(super) async fn show_trail(&self, provider: &str) -> anyhow::Result<()> {
        let query = [
            ("provider", provider.to_owned()),
            ("order", "oldest_first".to_owned()),
            ("limit", "1000".to_owned()),
        ];
        for event in items(
            self.client.get("/api/v1/audit/events", &query).await?.body,
            "events",
        )? {
            show(&event);
        }
        Ok(())
    }
}

fn items(mut body: Value, name: &str) -> anyhow::Result<Vec<Value>> {
    match body[name].take() {
        Value::Array(items) => Ok(items),
        _ => bail!("the answer is not a list"),
    }
}
