//! A server in a process of its own, and what the system says of it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::client::Connection;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that serves.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    /// How long it took until it answered.
    pub(super) started_in: Duration,
    child: Child,
    /// Kept open, so that the server can go on printing.
    _out: Lines<BufReader<ChildStdout>>,
}

impl Served {
    /// Starts `lanyard serve` on a data directory; returns once it has answered.
    pub(super) async fn start(directory: &Path) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(format!("sqlite:{}", directory.display()))
            // Nothing that is set here shall reach it.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child
            .stdout
            .take()
            .context("a server prints where it listens")?;
        let mut out = BufReader::new(out).lines();
        let address = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = out.next_line().await? {
                if let Some((_, address)) = line.split_once(" listens on ") {
                    return Ok(address.parse()?);
                }
            }
            anyhow::bail!("the server did not start")
        })
        .await??;
        Connection::open(address)
            .await?
            .get("/healthz", None)
            .await?;
        Ok(Self {
            address,
            started_in: begun.elapsed(),
            child,
            _out: out,
        })
    }

    /// Stops it in order.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.id()?.to_string();
        Command::new("kill").args(["-TERM", &id]).status().await?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        ensure!(
            status.success(),
            "the server did not stop in order: {status}"
        );
        Ok(())
    }

    /// Returns its resident memory, in MiB.
    pub(super) fn resident(&self) -> anyhow::Result<f64> {
        let status = format!("/proc/{}/status", self.id()?);
        Ok(mebibytes(field(&status, "VmRSS")?))
    }

    /// Returns how often its threads have gone to sleep of themselves.
    pub(super) fn sleeps(&self) -> anyhow::Result<u64> {
        let mut sleeps = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.id()?))? {
            let status = thread?.path().join("status");
            // A thread may end meanwhile.
            sleeps += field(&status.display().to_string(), "voluntary_ctxt_switches").unwrap_or(0);
        }
        Ok(sleeps)
    }

    fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }
}

/// Returns the most memory that this process ever had, in MiB.
pub(super) fn peak() -> anyhow::Result<f64> {
    Ok(mebibytes(field("/proc/self/status", "VmHWM")?))
}

/// Reads a number of a `status` file of the system's.
fn field(path: &str, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(path)?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number
        .with_context(|| format!("{path} does not say {name}"))?
        .parse()?)
}

#[expect(clippy::cast_precision_loss, reason = "a memory's size in KiB")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
