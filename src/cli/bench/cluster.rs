//! A throwaway `PostgreSQL`, made from the binaries that are installed.
//!
//! A shell holds it and waits on its standard input. When this process ends, however it ends, the
//! input ends; then the shell stops the server and removes its files.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio_postgres::NoTls;

use super::cpu;

/// What the shell does. Settings are the defaults, as in earnest: what is acknowledged is synced.
const KEEPER: &str = r#"
dir=$1 bin=$2 data=$1/data
"$bin/initdb" -D "$data" -U lanyard -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" &&
cat >>"$data/postgresql.conf" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$dir'
SETTINGS
"$bin/pg_ctl" -D "$data" -w -s -l "$dir/log" start </dev/null >&2
echo "started $?"
read -r _
"$bin/pg_ctl" -D "$data" -s -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
"#;

/// A server with databases to measure in.
pub(super) struct Cluster {
    /// Where to connect, without the name of a database.
    server: String,
    /// The process that all of a throwaway server's are children of.
    process: Option<u32>,
    /// Ends a throwaway server when it is dropped.
    _keeper: Option<ChildStdin>,
}

impl Cluster {
    /// Uses the server at `url`, in databases of its own.
    pub(super) fn at(url: &str) -> anyhow::Result<Self> {
        let mut url: url::Url = url.parse().context("not a PostgreSQL address")?;
        url.set_path("");
        Ok(Self {
            server: url.to_string().trim_end_matches('/').to_owned(),
            process: None,
            _keeper: None,
        })
    }

    /// Starts a throwaway server; nothing where `PostgreSQL` is not installed.
    pub(super) fn start() -> anyhow::Result<Option<Self>> {
        let Some(binaries) = binaries() else {
            return Ok(None);
        };
        // The name of a socket has 107 bytes at most, and the way to it must be open to another
        // user: so not inside our own directory.
        let directory = Path::new("/tmp").join(format!("lanyard-bench-pg-{}", std::process::id()));
        std::fs::create_dir(&directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        let mut keeper = Command::new("/bin/sh");
        keeper
            .args(["-c", KEEPER, "keeper"])
            .args([&directory, &binaries])
            .current_dir("/")
            // A signal from the terminal must not end the keeper before it has cleaned up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some((user, group)) = servant()? {
            chown(&directory, Some(user), Some(group))?;
            keeper.uid(user).gid(group);
        }
        let mut keeper = keeper.spawn()?;
        let mut answer = String::new();
        if let Some(out) = keeper.stdout.take() {
            std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut answer)?;
        }
        ensure!(
            answer == "started 0\n",
            "PostgreSQL does not start: see {}",
            directory.display()
        );
        let process = std::fs::read_to_string(directory.join("data/postmaster.pid"))?;
        let process = process.lines().next().and_then(|line| line.parse().ok());
        let socket = directory.display().to_string().replace('/', "%2F");
        Ok(Some(Self {
            server: format!("postgres://lanyard@{socket}"),
            process,
            _keeper: keeper.stdin.take(),
        }))
    }

    /// Returns what a throwaway server has had of the processors.
    pub(super) fn spent(&self) -> Option<anyhow::Result<Duration>> {
        Some(cpu::of_family(self.process?))
    }

    /// Makes an empty database; returns its address.
    pub(super) async fn database(&self, name: &str) -> anyhow::Result<String> {
        self.run(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await?;
        Ok(format!("{}/{name}", self.server))
    }

    /// Removes a database that nobody uses any more, if there is one.
    pub(super) async fn remove(&self, name: &str) -> anyhow::Result<()> {
        self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        let address = format!("{}/postgres", self.server);
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await?;
        drop(client);
        Ok(connection.await??)
    }
}

/// Finds the directory of the server's programs: where PATH says, or Debian's newest.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql");
    let mut versions: Vec<_> = debian
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
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
fn servant() -> anyhow::Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let servant = ["postgres", "nobody"].iter().find_map(|name| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Ok(servant)
}
