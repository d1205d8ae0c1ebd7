//! The RSA pair of an application link, judged by OpenSSL.

use std::fs;
use std::process::{Command, Stdio};

use lanyard::providers::link_key;
use lanyard::vault::Secret;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::rand_core::OsRng;

use super::support::{another_key, our_key, pem};

/// Says whether a program is here; where tests must not be skipped, it has to be.
pub(super) fn is_here(program: &str, args: &[&str], package: &str) -> bool {
    let found = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let missing = format!("{program} {args:?} does not run (Debian: {package})");
        assert!(
            std::env::var_os("LANYARD_TESTS_MUST_NOT_SKIP").is_none(),
            "{missing}"
        );
        eprintln!("SKIPPED: {missing}");
    }
    found
}

pub(super) fn openssl_is_here() -> bool {
    is_here("openssl", &["version"], "openssl")
}

/// Runs OpenSSL in a folder; returns whether it succeeded, and what it said.
pub(super) fn openssl(folder: &std::path::Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn openssl_finds_the_same_public_half_in_the_private_one() {
    if !openssl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key.pem"), our_key().expose()).unwrap();
    let (done, said) = openssl(
        folder.path(),
        &["rsa", "-in", "key.pem", "-check", "-noout"],
    );
    assert!(done && said.contains("RSA key ok"), "{said}");
    let args = ["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"];
    assert!(openssl(folder.path(), &args).0);
    let public = fs::read_to_string(folder.path().join("public.pem")).unwrap();
    assert_eq!(public, pem(our_key()));
    let (_, said) = openssl(
        folder.path(),
        &["pkey", "-pubin", "-in", "public.pem", "-text"],
    );
    assert!(said.contains("3072 bit"), "{said}");
}

#[test]
fn a_pair_is_pkcs8_and_its_public_half_is_what_bitbucket_takes() {
    let private = our_key().expose_str();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let public = pem(our_key());
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(public.ends_with("\n-----END PUBLIC KEY-----\n"));
    assert_ne!(public, pem(another_key()));
    assert!(!private.contains(public.lines().nth(3).unwrap()));
}

#[test]
fn what_is_not_such_a_pair_has_no_public_half() {
    let good = our_key().expose_str();
    let cut = &good[..good.len() - 100];
    let public = pem(our_key());
    let pkcs1 = good.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    // 1024 bits, which no Bitbucket takes.
    let short = RsaPrivateKey::new(&mut OsRng, 1024).unwrap();
    let short = short.to_pkcs8_pem(LineEnding::LF).unwrap();
    for wrong in ["", "hello", cut, &public, &pkcs1, &short] {
        assert_eq!(link_key::public_pem(&Secret::from(wrong)), None);
    }
}
