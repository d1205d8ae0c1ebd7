//! Starts the program: arguments, log lines, then the command.

use std::process::ExitCode;

use clap::Parser;
use lanyard::cli::Cli;
use lanyard::config::traces_are_wanted;
use lanyard::telemetry::traces;
use lanyard::threads;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::parse().with_file() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // One cryptographic library for every TLS connection.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match threads::start(cli.threads()) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let log = EnvFilter::builder()
        .with_env_var("LANYARD_LOG")
        .with_default_directive(tracing::Level::WARN.into())
        .from_env_lossy();
    let telling = traces::start(log, cli.serves() && traces_are_wanted(), runtime.handle());
    let code = runtime.block_on(cli.run());
    telling.end();
    code
}
