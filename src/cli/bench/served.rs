//! Other processes: a server of its own, and what the system says of it.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::spawn_blocking;

use super::client::Connection;

/// Runs a program to its end.
pub(super) async fn output(mut program: Command) -> io::Result<Output> {
    spawn_blocking(move || program.output()).await.map_err(io::Error::other)?
}

/// A server that serves.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    /// How long it took until it answered.
    pub(super) started_in: Duration,
    child: Child,
    /// Kept open, so that the server can go on printing.
    _out: BufReader<ChildStdout>,
}

impl Served {
    /// Starts `lanyard serve` on a data directory; returns once it has answered.
    pub(super) async fn start(directory: &Path) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut program = Command::new(std::env::current_exe()?);
        program
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(format!("sqlite:{}", directory.display()))
            // Nothing that is set here shall reach it.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = program.spawn()?;
        let out = child.stdout.take().context("a server prints where it listens")?;
        let reading = spawn_blocking(move || {
            let mut out = BufReader::new(out);
            let mut line = String::new();
            out.read_line(&mut line)?;
            io::Result::Ok((out, line))
        });
        let (out, line) = reading.await??;
        let address = line.trim_end().split_once(" listens on ").map(|(_, address)| address);
        let address = address.context("the server did not start")?.parse()?;
        let mut started = Self { address, started_in: Duration::ZERO, child, _out: out };
        Connection::open(address).await?.get("/healthz", None).await?;
        started.started_in = begun.elapsed();
        Ok(started)
    }

    /// Stops it in order.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &self.child.id().to_string()]);
        output(kill).await?;
        let mut stopping = self;
        let stopped = spawn_blocking(move || {
            let this = &mut stopping;
            this.child.wait()
        })
        .await??;
        ensure!(stopped.success(), "the server did not stop in order: {stopped}");
        Ok(())
    }

    /// Returns its resident memory, in MiB.
    pub(super) fn resident(&self) -> anyhow::Result<f64> {
        let status = format!("/proc/{}/status", self.child.id());
        Ok(mebibytes(field(&status, "VmRSS")?))
    }

    /// Returns how often its threads have gone to sleep of themselves.
    pub(super) fn sleeps(&self) -> anyhow::Result<u64> {
        let mut sleeps = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let status = thread?.path().join("status");
            // A thread may end meanwhile.
            sleeps += field(&status.display().to_string(), "voluntary_ctxt_switches").unwrap_or(0);
        }
        Ok(sleeps)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended in order is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the most memory that this process ever had, in MiB.
pub(super) fn peak() -> anyhow::Result<f64> {
    Ok(mebibytes(field("/proc/self/status", "VmHWM")?))
}

/// Reads a number of a `status` file of the system's.
fn field(path: &str, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| format!("{path} does not say {name}"))?.parse()?)
}

#[expect(clippy::cast_precision_loss, reason = "a memory's size in KiB")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
