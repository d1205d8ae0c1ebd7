//! Throwaway `PostgreSQL` clusters, made from the binaries that are installed.
//!
//! A shell holds each cluster and waits for words on its standard input. When this process ends,
//! however it ends, the input ends; then the shell stops the server and removes its files. So
//! nothing is left behind, also if a test panics or is killed.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// Set where skipping a test must not go unnoticed.
const MUST_NOT_SKIP: &str = "LANYARD_TESTS_MUST_NOT_SKIP";

/// What the shell does. Settings are the defaults, as in earnest: what is acknowledged is synced.
const KEEPER: &str = r#"
dir=$1 bin=$2
data=$dir/data
"$bin/initdb" -D "$data" -U lanyard -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; exit 1; }
cat >>"$data/postgresql.conf" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 400
SETTINGS
echo ready
while read -r word; do
    case $word in
    start) "$bin/pg_ctl" -D "$data" -w -s -l "$dir/log" start </dev/null >&2 ;;
    stop) "$bin/pg_ctl" -D "$data" -w -s -m fast stop >&2 ;;
    kill)
        main=$(head -n 1 "$data/postmaster.pid")
        kill -9 "$main" $(cat "/proc/$main/task/$main/children")
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
    words: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    databases: AtomicU32,
}

/// A new, empty database in the cluster that the tests of this process share; nothing, and loudly
/// so, where `PostgreSQL` is not installed.
pub(crate) fn database() -> Option<Database> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).as_ref().map(Cluster::database)
}

impl Cluster {
    /// Starts a cluster.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = find_binaries() else {
            assert!(
                std::env::var_os(MUST_NOT_SKIP).is_none(),
                "PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql), \
                and {MUST_NOT_SKIP} is set"
            );
            eprintln!("SKIPPED: PostgreSQL is not installed, so nothing of it is tested");
            return None;
        };
        // Not in TMPDIR: the name of a socket may have only 107 bytes, and the way to it must be
        // open to another user.
        let directory = tempfile::Builder::new()
            .prefix("lanyard-postgres-")
            .permissions(PermissionsExt::from_mode(0o700))
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper"]).args([&directory, &binaries]);
        // A signal from the terminal must not end the keeper before it has cleaned up.
        keeper.process_group(0).current_dir("/");
        if let Some((user, group)) = servant() {
            chown(&directory, Some(user), Some(group)).unwrap();
            keeper.uid(user).gid(group);
        }
        let mut keeper = keeper
            .env_remove("LC_ALL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let cluster = Self {
            directory,
            words: Mutex::new((keeper.stdin.take().unwrap(), answers)),
            databases: AtomicU32::new(0),
        };
        cluster.expect("ready");
        cluster.tell("start");
        Some(cluster)
    }

    /// Makes an empty database.
    pub(crate) fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database = Database {
            directory: self.directory.clone(),
            name: format!("test_{number}"),
        };
        self.create(&database.name);
        database
    }
}
