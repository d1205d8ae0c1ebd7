//! A real `sshd`, one process for each connection, so that nothing has to be waited for.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lanyard::host_keys::{HostKey, KeyType, ScanError, scan};
use lanyard::providers::Outbound;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Finds `sshd`, which wants to be called by its whole path; where tests must not be skipped, it
/// has to be there.
fn sshd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join("sshd"))
        .find(|program| program.is_file());
    let all = found.filter(|_| Path::new("/usr/bin/ssh-keyscan").is_file());
    if all.is_none() {
        assert!(
            std::env::var_os("LANYARD_TESTS_MUST_NOT_SKIP").is_none(),
            "sshd or ssh-keyscan is missing (Debian packages openssh-server, openssh-client)"
        );
        eprintln!(
            "SKIPPED: sshd or ssh-keyscan is missing (Debian packages openssh-server, \
             openssh-client)"
        );
    }
    all
}

/// An SSH server on a loopback port.
struct Server {
    port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts one with a host key of each of these kinds.
    async fn with(sshd: PathBuf, kinds: &[&str]) -> Self {
        Self::configured(sshd, kinds, "").await
    }

    /// Does as [`Self::with`] does, with more lines in its configuration.
    async fn configured(sshd: PathBuf, kinds: &[&str], more: &str) -> Self {
        // Started as root, sshd wants an empty folder to lock itself into.
        let _exists = fs::create_dir_all("/run/sshd");
        let folder = tempfile::tempdir().unwrap();
        let mut config = format!("UsePAM no\nStrictModes no\nLogLevel ERROR\n{more}\n");
        for kind in kinds {
            let key = folder.path().join(kind);
            let bits = if *kind == "rsa" { "2048" } else { "256" };
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f"])
                .arg(&key)
                .status();
            assert!(made.unwrap().success());
            config += "HostKey ";
            config += key.to_str().unwrap();
            config += "\n";
        }
        let file = folder.path().join("sshd_config");
        fs::write(&file, config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                let (input, output) = (stream.try_clone().unwrap(), stream);
                let child = tokio::process::Command::new(&sshd)
                    .arg("-i")
                    .arg("-f")
                    .arg(&file)
                    .stdin(OwnedFd::from(input))
                    .stdout(OwnedFd::from(output))
                    .stderr(Stdio::null())
                    .spawn();
                tokio::spawn(async move { child.unwrap().wait().await });
            }
        });
        Self { port, folder }
    }

    fn outbound(&self) -> Outbound {
        Outbound::to_practice([format!("127.0.0.1:{}", self.port)])
    }

    async fn scanned(&self) -> Result<Vec<HostKey>, ScanError> {
        scan(&self.outbound(), "127.0.0.1", self.port).await
    }

    /// What OpenSSH's own tool finds.
    async fn by_ssh_keyscan(&self) -> BTreeSet<String> {
        let output = tokio::process::Command::new("ssh-keyscan")
            .args(["-t", "ed25519,ecdsa,rsa", "-p", &self.port.to_string()])
            .arg("127.0.0.1")
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_scan_finds_what_ssh_keyscan_finds() {
    let Some(sshd) = sshd() else { return };
    let server = Server::with(sshd, &["ed25519", "ecdsa", "rsa"]).await;
    let keys = server.scanned().await.unwrap();
    let kinds: Vec<_> = keys.iter().map(HostKey::kind).collect();
    assert_eq!(kinds, [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::Rsa]);
    let lines: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
    assert_eq!(lines, server.by_ssh_keyscan().await);
    for (key, kind) in keys.iter().zip(["ed25519", "ecdsa", "rsa"]) {
        let public = server.folder.path().join(format!("{kind}.pub"));
        let listed = Command::new("ssh-keygen").arg("-lf").arg(public).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        assert!(listed.contains(&key.fingerprint()), "{listed}");
    }
}

#[tokio::test]
async fn a_server_with_one_key_has_one() {
    let Some(sshd) = sshd() else { return };
    let server = Server::with(sshd, &["ecdsa"]).await;
    let keys = server.scanned().await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].kind(), KeyType::EcdsaP256);
    let lines: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
    assert_eq!(lines, server.by_ssh_keyscan().await);
}

#[tokio::test]
async fn older_ways_to_sign_and_to_agree_will_do() {
    let Some(sshd) = sshd() else { return };
    let older = "HostKeyAlgorithms rsa-sha2-256,ssh-rsa\nKexAlgorithms ecdh-sha2-nistp256";
    let server = Server::configured(sshd, &["rsa", "ed25519"], older).await;
    let keys = server.scanned().await.unwrap();
    let kinds: Vec<_> = keys.iter().map(HostKey::kind).collect();
    assert_eq!(kinds, [KeyType::Rsa]);
}

#[tokio::test]
async fn the_signature_with_sha_1_is_not_enough() {
    let Some(sshd) = sshd() else { return };
    let server = Server::configured(sshd, &["rsa"], "HostKeyAlgorithms ssh-rsa").await;
    assert_eq!(server.scanned().await.unwrap_err(), ScanError::NoKey);
}
