//! What `lanyard bench commands` and its baselines do alike: the same commands of the same
//! aggregate, in a closed loop.
//!
//! Every writer adds a provider, changes its description nine times, and goes on with the next: each
//! command folds at most nine events and stores one of about 400 bytes of data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::provider::{
    AddProvider, Callback, OnMissing, Protocol, ProviderChanges, ProviderCommand, ProviderKind,
};
use domain::{Description, SecretRef};

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Commands acknowledged per second.
    pub(crate) per_second: f64,
    /// Half of the commands took at most this long, in microseconds.
    pub(crate) p50: u64,
    /// All but one in a hundred took at most this long, in microseconds.
    pub(crate) p99: u64,
}

impl Figures {
    /// Sums up what each of them took, in microseconds, and what all took together.
    pub(crate) fn of(mut took: Vec<u64>, time: Duration) -> Self {
        took.sort_unstable();
        let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or(0);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a run has some millions of commands"
        )]
        let per_second = took.len() as f64 / time.as_secs_f64();
        Self {
            per_second,
            p50: at(50),
            p99: at(99),
        }
    }
}

/// What one writer says, made before the clock runs: what is measured is not the making of texts.
struct Script {
    name: String,
    words: [Description; 2],
    add: AddProvider,
}

impl Script {
    fn of(run: u64, writer: u64) -> Self {
        const RIGHT: &str = "the workload's texts are right";
        let words = ["one", "the other"].map(|change| -> Description {
            let mut words = format!("{change} of writer {writer}: ");
            words.push_str(&"lorem ipsum dolor sit amet ".repeat(9));
            words.parse().expect(RIGHT)
        });
        let add = AddProvider {
            provider: "one-of-many".parse().expect(RIGHT),
            kind: ProviderKind::Github,
            name: "A provider of the workload".parse().expect(RIGHT),
            description: words[0].clone(),
            base_url: "https://git.example.com".parse().expect(RIGHT),
            client_id: Some("Iv1.0123456789abcdef".parse().expect(RIGHT)),
            client_secret: Some(
                "018f0000-0000-7000-8000-000000000000"
                    .parse::<SecretRef>()
                    .expect(RIGHT),
            ),
            callback: Callback::Own,
            algorithm: None,
            pkce: None,
            protocol: Protocol::Oauth2,
            public_key: None,
            signing: false,
            ca_bundle: None,
            proxy: None,
            on_missing: OnMissing::Report,
        };
        Self {
            name: format!("p{run}-{writer}"),
            words,
            add,
        }
    }

    /// Returns the aggregate and the command that come `number`th.
    fn command(&self, number: u64) -> (String, ProviderCommand) {
        let id = format!("{}-{}", self.name, number / 10);
        let command = if number.is_multiple_of(10) {
            ProviderCommand::AddProvider(self.add.clone())
        } else {
            let words = &self.words[usize::from(!number.is_multiple_of(2))];
            let changes = ProviderChanges {
                description: Some(words.clone()),
                ..ProviderChanges::default()
            };
            ProviderCommand::ChangeProvider {
                changes,
                linked_accounts: 0,
            }
        };
        (id, command)
    }
}

/// Lets `writers` work for `time`, each starting its next command when its last is acknowledged.
pub(crate) async fn drive<E, F>(run: u64, writers: u64, time: Duration, execute: E) -> Figures
where
    E: Fn(String, ProviderCommand) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let execute = Arc::new(execute);
    let start = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let execute = execute.clone();
            let script = Script::of(run, writer);
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(1 << 12);
                for number in 0.. {
                    let before = Instant::now();
                    if before.duration_since(start) >= time {
                        break;
                    }
                    let (id, command) = script.command(number);
                    execute(id, command).await;
                    took.push(u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX));
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("a writer of the workload does not panic"));
    }
    Figures::of(took, start.elapsed())
}
