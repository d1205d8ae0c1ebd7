//! A service with people, practice servers and a worker that moves by hand.

use std::ops::Deref;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::account::Account;
use domain::settings::SettingsChanges;
use domain::{AccountId, Event, Recorded};
use forge::{GitHub, GitHubOptions, JournalEntry, RedirectRule, TokenLife};
use lanyard::app::App;
use lanyard::clock::{Clock, FixedClock};
use lanyard::database::postgres::PostgresDatabase;
use lanyard::eventlog::memory::MemoryLog;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::actors::Answer;
use crate::support::app::{BEGIN, PUBLIC_URL, TestApp};
use crate::support::postgres;
use crate::support::worker::{Hands, Round};

/// How long a story waits for writes to keep their pace, and not for what failed.
const PACE: TimeDelta = TimeDelta::seconds(5);

/// A service with a worker that moves by hand.
pub(crate) struct World {
    pub(crate) service: TestApp,
    hands: Mutex<Hands>,
}

/// A practice server that an admin has registered.
pub(crate) struct Site {
    pub(crate) slug: &'static str,
    pub(crate) github: GitHub,
    pub(crate) app: forge::App,
}

impl Deref for Site {
    type Target = GitHub;

    fn deref(&self) -> &GitHub {
        &self.github
    }
}

impl World {
    /// Starts a service where a replaced key goes as soon as its successor is there: most stories
    /// are not about the time in between.
    pub(crate) async fn new() -> Self {
        let world = Self::with_grace().await;
        world.keys_stay_for(0).await;
        world
    }

    /// Starts a service where a replaced key stays for a day.
    pub(crate) async fn with_grace() -> Self {
        Self::of(TestApp::new().await)
    }

    /// The same, with PostgreSQL for everything but the log; nothing where there is no server.
    pub(crate) async fn in_postgresql() -> Option<Self> {
        let empty = postgres::database().await?;
        let clock = Arc::new(FixedClock::at(BEGIN.parse().unwrap()));
        let database = PostgresDatabase::open(empty.server()).await.unwrap();
        let log = Arc::new(MemoryLog::new(clock.clone()));
        let home = tempfile::tempdir().unwrap();
        let service = TestApp::with(log, Arc::new(database), clock, home).await;
        let world = Self::of(service);
        world.keys_stay_for(0).await;
        Some(world)
    }

    /// Has replaced keys stay for so many hours.
    pub(crate) async fn keys_stay_for(&self, hours: u64) {
        let changes = SettingsChanges {
            rotation_grace_hours: Some(hours.try_into().unwrap()),
            ..SettingsChanges::default()
        };
        self.service.settings(changes).await;
    }

    pub(crate) fn of(service: TestApp) -> Self {
        let hands = Mutex::new(Hands::new(&service.app));
        Self { service, hands }
    }

    /// Starts a practice server and registers it; its tokens never run out.
    pub(crate) async fn site(&self, slug: &'static str) -> Site {
        let clock = self.service.clock.clone();
        let options = GitHubOptions::dot_com().with_clock(Arc::new(move || clock.now()));
        self.site_with(slug, options).await
    }

    pub(crate) async fn site_with(&self, slug: &'static str, options: GitHubOptions) -> Site {
        let github = GitHub::start(options).await.unwrap();
        let callback = format!("{PUBLIC_URL}/oauth/callback/{slug}");
        let app = github.register_app("Lanyard", &callback, RedirectRule::Exact);
        github.tokens_last(&app.client_id, TokenLife::Forever);
        let body = json!({
            "provider": slug, "kind": "github", "name": slug, "base_url": github.base_url(),
            "client_id": app.client_id, "client_secret": app.client_secret,
        });
        let admin = self.service.admin().await;
        admin.post("/api/v1/providers", body).await.is(201);
        Site { slug, github, app }
    }

    /// Links the account of the same name; returns its id.
    pub(crate) async fn link(&self, who: &str, site: &Site) -> AccountId {
        let done = self.link_as(who, site, who).await;
        assert_eq!(done.header("location"), "/oauth/linked", "{done:?}");
        let accounts = self.accounts(who).await;
        let account = accounts
            .iter()
            .find(|account| account["provider"] == site.slug && account["login"] == who);
        account.unwrap()["account"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Goes the whole way of a link in a browser; returns the last answer.
    pub(crate) async fn link_as(&self, who: &str, site: &Site, login: &str) -> Answer {
        let body = json!({ "provider": site.slug });
        self.link_with(who, site, login, body).await
    }

    pub(crate) async fn link_with(
        &self,
        who: &str,
        site: &Site,
        login: &str,
        body: Value,
    ) -> Answer {
        site.add_user(login);
        let person = self.service.user(who).await;
        let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let start = start.strip_prefix(PUBLIC_URL).unwrap();
        let browser = self.service.anyone();
        let sent = browser.get(start).await;
        let cookie = sent.header("set-cookie").split(';').next().unwrap();
        let back = site.approve(sent.header("location"), login).await.unwrap();
        let back = &back[url::Position::BeforePath..];
        browser.send("GET", back, None, &[("cookie", cookie)]).await
    }

    pub(crate) async fn unlink(&self, who: &str, account: AccountId) {
        let person = self.service.user(who).await;
        let path = format!("/api/v1/users/me/accounts/{account}");
        person.delete(&path).await.is(202);
    }

    /// Asks for a new key in the place of the current one.
    pub(crate) async fn rotate(&self, who: &str, account: AccountId) -> Answer {
        self.rotate_with(who, account, json!({})).await
    }

    pub(crate) async fn rotate_with(&self, who: &str, account: AccountId, body: Value) -> Answer {
        let current = self.current_key(who, account).await;
        let key = current["key"].as_str().unwrap();
        let path = format!("/api/v1/users/me/keys/{key}/rotation");
        self.service.user(who).await.post(&path, body).await
    }

    pub(crate) async fn accounts(&self, who: &str) -> Vec<Value> {
        let person = self.service.user(who).await;
        let seen = person.sees("/api/v1/users/me/accounts").await.is(200);
        seen["accounts"].as_array().unwrap().clone()
    }

    /// Lists what a person sees of their keys, those that have ended left out.
    pub(crate) async fn keys(&self, who: &str) -> Vec<Value> {
        let person = self.service.user(who).await;
        let seen = person.sees("/api/v1/users/me/keys").await.is(200);
        seen["keys"].as_array().unwrap().clone()
    }

    pub(crate) async fn current_key(&self, who: &str, account: AccountId) -> Value {
        let keys = self.keys(who).await;
        let mut current = keys
            .into_iter()
            .filter(|key| key["account"] == account.to_string() && key["status"] == "current");
        let found = current.next().unwrap();
        assert!(current.next().is_none(), "two keys are current");
        found
    }

    /// What the operator sees pending.
    pub(crate) async fn pending(&self) -> Vec<Value> {
        let operator = self.service.operator().await;
        let seen = operator.sees("/api/v1/sync").await.is(200);
        seen["placements"].as_array().unwrap().clone()
    }

    /// Sends an admin's change of a provider.
    pub(crate) async fn change(&self, site: &Site, body: Value) {
        let path = format!("/api/v1/providers/{}", site.slug);
        self.service.admin().await.patch(&path, body).await.is(200);
    }

    /// What everybody sees of a provider.
    pub(crate) async fn shown(&self, site: &Site) -> Value {
        let path = format!("/api/v1/providers/{}", site.slug);
        self.service.admin().await.get(&path).await.is(200)
    }

    /// Switches a provider: `pause`, `resume`, `disable`, `enable`.
    pub(crate) async fn switch(&self, site: &Site, switch: &str) {
        let path = format!("/api/v1/providers/{}/{switch}", site.slug);
        let admin = self
            .service
            .actor("root", &[domain::Role::Admin, domain::Role::Operator]);
        let answer = admin.await.post(&path, json!({})).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Does everything that is due, waiting only for the pace of writes.
    pub(crate) async fn settles(&self) {
        self.settles_until(PACE).await;
    }

    /// Lets some time pass, and does everything when it is due.
    pub(crate) async fn settles_within(&self, time: TimeDelta) {
        let end = self.service.clock.now() + time;
        self.settles_until(time).await;
        self.service.clock.set(end);
    }

    /// Does everything that is due at this moment.
    pub(crate) async fn works(&self) {
        self.settles_until(TimeDelta::zero()).await;
    }

    async fn settles_until(&self, time: TimeDelta) {
        let until = self.service.clock.now() + time;
        let mut hands = self.hands.lock().await;
        hands.settle(&self.service.clock, until).await;
    }

    /// Has the sweep look at everything that is due now; says how many looks it was.
    pub(crate) async fn looks(&self) -> usize {
        self.looks_within(PACE).await
    }

    /// Lets some time pass, and looks at everything when it is due; says how many looks it was.
    pub(crate) async fn looks_within(&self, time: TimeDelta) -> usize {
        let mut hands = self.hands.lock().await;
        hands.looks(&self.service.clock, time).await
    }

    /// An operator wants everything at a provider looked at now, and it is.
    pub(crate) async fn sweeps(&self, site: &Site) {
        let path = format!("/api/v1/providers/{}/sweep", site.slug);
        let operator = self.service.operator().await;
        operator.post(&path, json!({})).await.is(202);
        self.looks().await;
    }

    /// What the operator sees that a provider disagrees about.
    pub(crate) async fn drift(&self) -> Value {
        let operator = self.service.operator().await;
        operator.sees("/api/v1/sync?drift=any").await.is(200)
    }

    /// Does one thing.
    pub(crate) async fn round(&self) -> Round {
        self.hands.lock().await.round().await
    }

    /// The hands at work, to be moved one by one.
    pub(crate) async fn hands(&self) -> tokio::sync::MutexGuard<'_, Hands> {
        self.hands.lock().await
    }

    /// Everything in memory is lost, and an instance begins anew on what is stored.
    pub(crate) async fn restarts(&self) {
        *self.hands.lock().await = Hands::new(&self.service.another_instance());
    }

    /// One of several instances on the same log and database.
    pub(crate) fn instance(&self) -> App {
        self.service.one_of_several()
    }

    pub(crate) fn passes(&self, time: TimeDelta) {
        self.service.after(time);
    }

    /// Every event so far.
    pub(crate) async fn events(&self) -> Vec<Recorded<Event>> {
        let log = &self.service.app.log;
        let mut events = Vec::new();
        loop {
            let page = log.read_all(events.len() as u64, 1_000).await.unwrap();
            if page.is_empty() {
                return events;
            }
            let decoded = page
                .iter()
                .map(|stored| Event::decode(stored.index, &stored.line));
            events.extend(decoded.map(Result::unwrap));
        }
    }

    /// Counts the events of a name.
    pub(crate) async fn happened(&self, name: &str) -> usize {
        let events = self.events().await;
        events.iter().filter(|event| name_of(event) == name).count()
    }

    /// Lists the names of an account's events.
    pub(crate) async fn story_of(&self, account: AccountId) -> Vec<String> {
        let stream = domain::StreamName::of("account", &account);
        let stored = self
            .service
            .app
            .log
            .read_stream(&stream, 0, 1_000)
            .await
            .unwrap();
        stored
            .iter()
            .map(|stored| name_of(&Event::decode(stored.index, &stored.line).unwrap()))
            .collect()
    }

    pub(crate) async fn account(&self, account: AccountId) -> Account {
        self.service
            .app
            .dispatch
            .load::<Account>(&account)
            .await
            .unwrap()
            .0
    }
}

fn name_of(event: &Recorded<Event>) -> String {
    event.event.kind().name.to_owned()
}

impl Site {
    /// Lists the public keys that a person has there.
    pub(crate) fn lines(&self, login: &str) -> Vec<String> {
        self.keys_of(login).into_iter().map(|key| key.key).collect()
    }

    /// Lists what was done to keys, in order: `+` for one that came, `-` for one that went.
    pub(crate) fn writes(&self) -> String {
        let write = |entry: JournalEntry| match (entry.route.as_str(), entry.decided) {
            ("POST /user/keys", Some(201)) => Some('+'),
            ("DELETE /user/keys/{id}", Some(204)) => Some('-'),
            _ => None,
        };
        self.journal().into_iter().filter_map(write).collect()
    }

    /// Counts all requests but those of browsers.
    pub(crate) fn calls_of_ours(&self) -> usize {
        let journal = self.journal();
        let ours = |entry: &&JournalEntry| !entry.route.contains("/login/oauth/authorize");
        journal.iter().filter(ours).count()
    }
}
