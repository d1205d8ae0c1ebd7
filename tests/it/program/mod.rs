//! The program itself: started as people start it, in a directory of its own.

mod backup;
mod bench;
mod counted;
mod demo;
mod faults;
mod killed;
mod newer;
mod postgres;
mod remote;
mod serve;
mod soak;
mod stopped;
mod traces;
mod upgraded;

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// Prepares the program, with nothing of this machine's settings.
fn lanyard(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
    command.env_clear().current_dir(home).stdin(Stdio::null());
    command
}

/// Lets `lanyard verify` judge the data directory in `home`, which must be sound.
fn verified(home: &Path) {
    let ran = lanyard(home).arg("verify").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}

/// A server that says where it listens.
struct Server {
    child: Child,
    said: Vec<String>,
    says: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server on a free port and waits until it has said everything it says at its start.
    fn start(home: &Path) -> Self {
        Self::start_with(home, |_| ())
    }

    /// The same, with more arguments or another environment.
    fn start_with(home: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = lanyard(home);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        change(&mut command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        for line in says.by_ref() {
            let line = line.unwrap();
            let is_last = line.contains("lanyard token") || line.contains("lanyard provider");
            said.push(line);
            if is_last {
                return Self { child, said, says };
            }
        }
        panic!("the server ended: {said:?}, {:?}", child.wait());
    }

    fn url(&self) -> String {
        let address = self.said[0].rsplit(' ').next().unwrap();
        format!("http://{address}")
    }

    fn first_secret(&self) -> String {
        let line = self.said.last().unwrap();
        line.split("--secret ")
            .nth(1)
            .expect("there is no admin yet")
            .trim()
            .to_owned()
    }

    /// Sends a signal.
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for what it says next.
    fn says(&mut self) -> String {
        self.says.next().unwrap().unwrap()
    }

    /// Waits for the end.
    fn waits(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends a signal and waits for the end.
    fn end(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.waits()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
