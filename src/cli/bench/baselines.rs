//! The same workload on cqrs-es's own stores: a program of its own, because two `SQLite`
//! libraries cannot be linked into one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::note;
use super::served::output;
use super::workload::Figures;

/// Where the baselines are, below the workspace.
const MANIFEST: &str = "bench/baselines/Cargo.toml";

/// The program, built.
pub(super) struct Baselines(PathBuf);

/// The part of cargo's messages that names what was built.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
}

impl Baselines {
    /// Builds the program; nothing, said aloud, where it cannot be built.
    pub(super) async fn build() -> anyhow::Result<Option<Self>> {
        let workspaces = [Path::new("."), Path::new(env!("CARGO_MANIFEST_DIR"))];
        let manifest = workspaces
            .map(|at| at.join(MANIFEST))
            .into_iter()
            .find(|at| at.is_file());
        let Some(manifest) = manifest else {
            note(&format!(
                "there is no {MANIFEST} here: no baselines, only ours"
            ));
            return Ok(None);
        };
        note("building the baselines; the first time this takes minutes");
        let mut cargo = Command::new("cargo");
        cargo
            .args([
                "build",
                "--release",
                "--locked",
                "--message-format=json",
                "--manifest-path",
            ])
            .arg(manifest)
            // As they are published: how our own SQLite is compiled is not how theirs is.
            .env("LIBSQLITE3_FLAGS", "")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let built = match output(cargo).await {
            Ok(built) => built,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                note("there is no cargo here: no baselines, only ours");
                return Ok(None);
            }
            Err(error) => return Err(error).context("cargo cannot be run"),
        };
        ensure!(built.status.success(), "the baselines do not build");
        let messages = String::from_utf8_lossy(&built.stdout);
        let program = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Built>(line).ok()?.executable)
            .next_back();
        Ok(Some(Self(
            program.context("cargo does not say what it built")?,
        )))
    }

    /// Runs the workload on the store of a kind at `place`.
    pub(super) async fn run(
        &self,
        kind: &str,
        place: &str,
        writers: u64,
        time: Duration,
    ) -> anyhow::Result<Figures> {
        let mut program = Command::new(&self.0);
        program
            .args([
                kind,
                place,
                &writers.to_string(),
                &time.as_millis().to_string(),
            ])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let ran = output(program).await?;
        ensure!(ran.status.success(), "the baseline on {kind} failed");
        let said: Said = serde_json::from_slice(&ran.stdout)?;
        let Said {
            per_second,
            p50,
            p99,
        } = said;
        Ok(Figures {
            per_second,
            p50,
            p99,
        })
    }
}

/// What the program prints.
#[derive(Deserialize)]
struct Said {
    per_second: f64,
    p50: u64,
    p99: u64,
}
