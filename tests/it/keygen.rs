//! Key pairs, judged by OpenSSH's own `ssh-keygen`.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::keyring::Algorithm;
use lanyard::keygen::{GeneratedKey, generate};
use lanyard::sshsig;
use tempfile::TempDir;

/// Says whether `ssh-keygen` is here; where tests must not be skipped, it has to be.
fn ssh_keygen_is_here() -> bool {
    let found = Command::new("ssh-keygen")
        .arg("-?")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        assert!(
            std::env::var_os("LANYARD_TESTS_MUST_NOT_SKIP").is_none(),
            "ssh-keygen is missing (Debian package openssh-client)"
        );
        eprintln!("SKIPPED: ssh-keygen is missing (Debian package openssh-client)");
    }
    found
}

/// Runs `ssh-keygen`, which must succeed; returns what it prints.
fn ssh_keygen(args: &[&str], input: Option<&Path>) -> String {
    let input = input.map_or_else(Stdio::null, |path| File::open(path).unwrap().into());
    let output = Command::new("ssh-keygen")
        .args(args)
        .stdin(input)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ssh-keygen {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes the private half to a file, as `ssh-keygen` wants it.
fn write(folder: &TempDir, key: &GeneratedKey) -> PathBuf {
    let path = folder.path().join("key");
    fs::write(&path, key.private.expose()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

async fn openssh_takes(algorithm: Algorithm, bits: &str, kind: &str) {
    if !ssh_keygen_is_here() {
        return;
    }
    let key = generate(algorithm).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &key);
    let private = path.to_str().unwrap();

    // The public half that OpenSSH finds in the private one.
    let line = ssh_keygen(&["-y", "-P", "", "-f", private], None);
    assert_eq!(line.trim_end(), key.public.line);
    assert!(line.starts_with(algorithm.ssh_name()));

    let public = folder.path().join("key.pub");
    fs::write(&public, &key.public.line).unwrap();
    let listed = ssh_keygen(&["-l", "-f", public.to_str().unwrap()], None);
    let expected = format!("{bits} {} no comment ({kind})\n", key.public.fingerprint);
    assert_eq!(listed, expected);

    let message = folder.path().join("message");
    fs::write(&message, "what is signed").unwrap();
    let message_name = message.to_str().unwrap();
    ssh_keygen(
        &["-Y", "sign", "-f", private, "-n", "git", message_name],
        None,
    );
    let signers = folder.path().join("signers");
    fs::write(&signers, format!("ada {}\n", key.public.line)).unwrap();
    let signature = folder.path().join("message.sig");
    let (signers, signature) = (signers.to_str().unwrap(), signature.to_str().unwrap());
    let verify = [
        "-Y", "verify", "-f", signers, "-I", "ada", "-n", "git", "-s", signature,
    ];
    let verified = ssh_keygen(&verify, Some(&message));
    assert!(verified.starts_with("Good \"git\" signature for ada"));

    // What Lanyard itself signs with the key.
    let ours = sshsig::sign(&key.private, "git", b"what is signed").unwrap();
    fs::write(signature, ours).unwrap();
    let verified = ssh_keygen(&verify, Some(&message));
    assert!(verified.starts_with("Good \"git\" signature for ada"));
}

#[tokio::test]
async fn openssh_takes_ed25519_keys() {
    openssh_takes(Algorithm::Ed25519, "256", "ED25519").await;
}

#[tokio::test]
async fn openssh_takes_ecdsa_p256_keys() {
    openssh_takes(Algorithm::EcdsaP256, "256", "ECDSA").await;
}

#[tokio::test]
async fn openssh_takes_ecdsa_p384_keys() {
    openssh_takes(Algorithm::EcdsaP384, "384", "ECDSA").await;
}

#[tokio::test]
async fn openssh_takes_ecdsa_p521_keys() {
    openssh_takes(Algorithm::EcdsaP521, "521", "ECDSA").await;
}

#[tokio::test]
async fn openssh_takes_rsa_3072_keys() {
    openssh_takes(Algorithm::Rsa3072, "3072", "RSA").await;
}

#[tokio::test]
async fn openssh_takes_rsa_4096_keys() {
    openssh_takes(Algorithm::Rsa4096, "4096", "RSA").await;
}

/// One private number in 256 begins with a zero byte, one in two with a bit that reads as a sign.
#[tokio::test]
async fn openssh_takes_ecdsa_keys_whatever_their_first_byte() {
    if !ssh_keygen_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for wanted in [0..=0_u8, 1..=0x7f, 0x80..=0xff] {
        let key = loop {
            let key = generate(Algorithm::EcdsaP256).await.unwrap();
            let parsed = ssh_key::PrivateKey::from_openssh(key.private.expose()).unwrap();
            let pair = parsed.key_data().ecdsa().unwrap();
            if wanted.contains(&pair.private_key_bytes()[0]) {
                break key;
            }
        };
        let path = write(&folder, &key);
        let line = ssh_keygen(&["-y", "-P", "", "-f", path.to_str().unwrap()], None);
        assert_eq!(line.trim_end(), key.public.line);
    }
}

#[tokio::test]
async fn no_two_keys_are_the_same_and_none_says_whose_it_is() {
    let mut seen = HashSet::new();
    for _ in 0..1_000 {
        let key = generate(Algorithm::Ed25519).await.unwrap();
        assert_eq!(key.public.line.split(' ').count(), 2);
        assert!(key.public.fingerprint.starts_with("SHA256:"));
        assert!(!key.public.fingerprint.ends_with('='));
        let private = key.private.expose_str();
        assert!(private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(private.ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        let parsed = ssh_key::PrivateKey::from_openssh(private).unwrap();
        assert_eq!(parsed.comment(), "");
        assert!(!format!("{key:?}").contains("PRIVATE"));
        assert!(seen.insert(key.public.fingerprint));
    }
}

#[tokio::test]
async fn nothing_is_signed_without_a_namespace_or_with_what_is_no_key() {
    let key = generate(Algorithm::Ed25519).await.unwrap();
    assert!(sshsig::sign(&key.private, "", b"text").is_err());
    let error = sshsig::sign(&"no key".into(), "git", b"text").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("no key"));
}
