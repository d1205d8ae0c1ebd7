//! The program itself: started as people start it, in a directory of its own.

mod bench;
mod demo;
mod serve;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Prepares the program, with nothing of this machine's settings.
fn lanyard(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
    command.env_clear().current_dir(home).stdin(Stdio::null());
    command
}

/// A server that says where it listens.
struct Server {
    child: Child,
    said: Vec<String>,
}

impl Server {
    /// Starts a server on a free port and waits until it has said everything it says at its start.
    fn start(home: &Path) -> Self {
        let mut command = lanyard(home);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        for line in lines {
            let line = line.unwrap();
            let is_last = line.contains("lanyard token") || line.contains("lanyard provider");
            said.push(line);
            if is_last {
                return Self { child, said };
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

    /// Sends a signal and waits for the end.
    fn end(mut self, signal: &str) -> ExitStatus {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
