//! Throwaway `PostgreSQL` clusters, made from the binaries that are installed.
//!
//! A shell holds each cluster and waits for words on its standard input. When this process ends,
//! however it ends, the input ends; then the shell stops the server and removes its files. So
//! nothing is left behind, also if a test panics or is killed.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use lanyard::clock::Clock;
use lanyard::database::postgres::Server;
use lanyard::eventlog::EventLog;
use lanyard::eventlog::postgres::PostgresLog;
use tokio_postgres::NoTls;

use super::logs::{Kept, Place};

/// Set where skipping a test must not go unnoticed.
const MUST_NOT_SKIP: &str = "LANYARD_TESTS_MUST_NOT_SKIP";

/// What the shell does. Settings are the defaults, as in earnest: what is acknowledged is synced.
const KEEPER: &str = r#"
dir=$1 bin=$2 data=$1/data
"$bin/initdb" -D "$data" -U lanyard -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log"
cat >>"$data/postgresql.conf" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 400
SETTINGS
while read -r word; do
    case $word in
    start)
        # Killed processes hold the shared memory until they are really gone.
        for _ in 1 2 3 4 5 6 7 8 9; do
            "$bin/pg_ctl" -D "$data" -w -s -l "$dir/log" start </dev/null 2>>"$dir/log" && break
            sleep 0.2
        done >&2
        "$bin/pg_ctl" -D "$data" status >/dev/null || { cat "$dir/log" >&2; false; }
        ;;
    kill)
        server=$(head -n 1 "$data/postmaster.pid")
        kill -9 "$server" $(cat "/proc/$server/task/$server/children")
        ;;
    esac
    echo "$word $?"
done
"$bin/pg_ctl" -D "$data" -s -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
"#;

/// A cluster of its own, for tests that stop or kill the server.
pub(crate) struct Cluster {
    directory: PathBuf,
    /// The words to the shell, and its answers.
    keeper: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    databases: AtomicU32,
}

/// A database that one test has to itself.
pub(crate) struct Database {
    url: String,
}

/// Makes an empty database in the cluster that the tests of this process share; nothing, and
/// loudly so, where `PostgreSQL` is not installed.
pub(crate) async fn database() -> Option<Database> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    let cluster = tokio::task::spawn_blocking(|| SHARED.get_or_init(Cluster::start));
    Some(cluster.await.unwrap().as_ref()?.database().await)
}

impl Cluster {
    /// Starts a cluster.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            assert!(
                std::env::var_os(MUST_NOT_SKIP).is_none(),
                "there is no initdb in PATH or /usr/lib/postgresql, and {MUST_NOT_SKIP} is set"
            );
            eprintln!("SKIPPED: PostgreSQL is not installed, so nothing of it is tested");
            return None;
        };
        // Not in TMPDIR: the name of a socket has 107 bytes at most, and the way to it must be
        // open to another user.
        let directory = tempfile::Builder::new()
            .prefix("lanyard-postgres-")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        let mut keeper = Command::new("/bin/sh");
        keeper
            .args(["-c", KEEPER, "keeper"])
            .args([&directory, &binaries])
            .current_dir("/")
            // A signal from the terminal must not end the keeper before it has cleaned up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some((user, group)) = servant() {
            chown(&directory, Some(user), Some(group)).unwrap();
            keeper.uid(user).gid(group);
        }
        #[expect(
            clippy::zombie_processes,
            reason = "it outlives this process, to clean up behind it"
        )]
        let mut keeper = keeper.spawn().unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let cluster = Self {
            directory,
            keeper: Mutex::new((keeper.stdin.take().unwrap(), answers)),
            databases: AtomicU32::new(0),
        };
        cluster.tell("start");
        Some(cluster)
    }

    /// Makes an empty database.
    pub(crate) async fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let template = self.named("postgres");
        let create = format!("CREATE DATABASE test_{number} TEMPLATE template0");
        template.run(&create).await.unwrap();
        self.named(&format!("test_{number}"))
    }

    /// Kills every process of the server at once, as a power failure does, and starts it again.
    pub(crate) fn kill_and_restart(&self) {
        self.kill();
        self.start_again();
    }

    /// Kills every process of the server at once.
    pub(crate) fn kill(&self) {
        self.tell("kill");
    }

    /// Starts the server that was killed.
    pub(crate) fn start_again(&self) {
        self.tell("start");
    }

    fn named(&self, database: &str) -> Database {
        let socket = self.directory.to_str().unwrap().replace('/', "%2F");
        Database {
            url: format!("postgres://lanyard@{socket}/{database}"),
        }
    }

    /// Says a word to the keeper and waits until it is done.
    fn tell(&self, word: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.0, "{word}").unwrap();
        let mut answer = String::new();
        keeper.1.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("{word} 0\n"), "the keeper of PostgreSQL");
    }
}

impl Database {
    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its server, as the program sees it.
    pub(crate) fn server(&self) -> Server {
        Server::at(&self.url).unwrap()
    }

    /// Runs SQL; answers what the database says against it.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), String> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let answer = client.batch_execute(sql).await;
        answer.map_err(|error| error.as_db_error().unwrap().message().to_owned())
    }
}

/// Finds the directory of the server's programs: where PATH says, or Debian's newest.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql");
    let mut versions: Vec<_> = debian
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    versions.sort_by_key(|path| path.file_name()?.to_str()?.parse::<u32>().ok());
    std::env::split_paths(&path)
        .chain(versions.into_iter().rev().map(|path| path.join("bin")))
        .find(|directory| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|program| directory.join(program).is_file())
        })
}

/// Who serves instead of root, as whom `PostgreSQL` refuses to run: its own user or nobody.
fn servant() -> Option<(u32, u32)> {
    let me = std::fs::metadata("/proc/self").ok()?.uid();
    if me != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// A log in a database of its own.
pub(crate) struct Postgres(pub(crate) Database);

impl Postgres {
    /// An empty database, if there is a `PostgreSQL`.
    pub(crate) async fn new() -> Option<Self> {
        database().await.map(Self)
    }
}

/// Opens the log in the database at `url`.
pub(crate) async fn open_log(url: &str, clock: Arc<dyn Clock>) -> PostgresLog {
    let server = Server::at(url).unwrap();
    PostgresLog::open(server, clock).await.unwrap()
}

#[async_trait]
impl Place for Postgres {
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn EventLog> {
        Arc::new(open_log(self.0.url(), clock).await)
    }
}

#[async_trait]
impl Kept for Postgres {
    fn address(&self) -> String {
        self.0.url().to_owned()
    }

    fn forgeries(&self) -> Vec<(&'static str, String)> {
        let attempts = [
            (
                "change a line",
                "UPDATE log_segments SET lines = '{}' WHERE first = 1",
            ),
            (
                "move an event",
                "UPDATE log_segments SET first = 9 WHERE first = 2",
            ),
            (
                "delete the last event",
                "DELETE FROM log_segments WHERE first = 2",
            ),
            ("delete all events", "TRUNCATE log_segments"),
            (
                "upsert an event",
                "INSERT INTO log_segments VALUES (1, 2, '', ARRAY[gen_random_uuid()], '{1}', '{}')
                ON CONFLICT (first) DO UPDATE SET lines = '{}'",
            ),
            (
                "merge an event",
                "MERGE INTO log_segments USING (VALUES (1)) AS forged (n) ON first = n
                WHEN MATCHED THEN UPDATE SET lines = '{}'",
            ),
            (
                "leave a gap",
                "INSERT INTO log_segments VALUES (4, 5, '', ARRAY[gen_random_uuid()], '{1}', '{}')",
            ),
            (
                "add what is not counted",
                "INSERT INTO log_segments VALUES (3, 4, '', ARRAY[]::uuid[], '{}', '{}')",
            ),
            ("lose count", "DELETE FROM log_indexed"),
        ];
        attempts.map(|(what, sql)| (what, sql.to_owned())).to_vec()
    }

    async fn run_sql(&self, sql: &str) -> Result<(), String> {
        self.0.run(sql).await
    }
}
