use forge::{GitHub, GitHubOptions};
use lanyard::host_keys::{HostKey, KeyType, NoHostKey, NoKey, published};
use serde_json::Value;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

fn refused(line: &str) -> NoHostKey {
    line.parse::<HostKey>().unwrap_err()
}

#[test]
fn a_line_is_read_and_printed_without_its_comment() {
    for (line, hosts) in [
        (format!("github.com {ED25519}"), vec!["github.com"]),
        (
            format!("  GitHub.com,140.82.121.3\t{ED25519} a comment\n"),
            vec!["github.com", "140.82.121.3"],
        ),
        (
            format!("[git.acme.example]:2222 {ED25519}"),
            vec!["[git.acme.example]:2222"],
        ),
        (
            format!("::1,[fd00::1]:22 {ED25519}"),
            vec!["::1", "[fd00::1]:22"],
        ),
    ] {
        let key: HostKey = line.parse().unwrap();
        assert_eq!(key.hosts(), hosts);
        assert_eq!(key.kind(), KeyType::Ed25519);
        assert_eq!(key.fingerprint(), FINGERPRINT);
        assert_eq!(key.to_string(), format!("{} {ED25519}", hosts.join(",")));
        assert_eq!(key.to_string().parse::<HostKey>().unwrap(), key);
        // What an event holds is the line as it is printed.
        assert!(key.to_string().parse::<domain::HostKeyLine>().is_ok());
    }
}

#[test]
fn what_openssh_would_read_otherwise_is_refused() {
    for (line, why) in [
        (format!("|1|c2FsdA==|aGFzaA== {ED25519}"), NoHostKey::Hashed),
        (format!("@revoked github.com {ED25519}"), NoHostKey::Marker),
        (
            format!("@cert-authority *.com {ED25519}"),
            NoHostKey::Marker,
        ),
        (format!("* {ED25519}"), NoHostKey::Host),
        (format!("*.github.com {ED25519}"), NoHostKey::Host),
        (format!("!github.com {ED25519}"), NoHostKey::Host),
        (format!("git?ub.com {ED25519}"), NoHostKey::Host),
        (format!("-oProxyCommand {ED25519}"), NoHostKey::Host),
        (format!("github.com, {ED25519}"), NoHostKey::Host),
        (format!("[github.com]:0 {ED25519}"), NoHostKey::Host),
        (format!("[github.com]:65536 {ED25519}"), NoHostKey::Host),
        (format!("[github.com]:+22 {ED25519}"), NoHostKey::Host),
        (format!("[github.com] {ED25519}"), NoHostKey::Host),
        (format!("github.com:22 {ED25519}"), NoHostKey::Host),
        (ED25519.to_owned(), NoHostKey::Words),
        ("github.com ssh-ed25519".to_owned(), NoHostKey::Words),
        (String::new(), NoHostKey::Words),
        (
            format!("github.com {ED25519}\ngithub.com {ED25519}"),
            NoHostKey::NotALine,
        ),
        (format!("github.com {ED25519}\0"), NoHostKey::NotALine),
        ("github.com ssh-ed25519 !".to_owned(), NoHostKey::NotBase64),
        (
            format!("github.com {}", ED25519.replace("ssh-ed25519 ", "ssh-rsa ")),
            NoHostKey::OtherType,
        ),
        (
            format!("github.com {}", &ED25519[..ED25519.len() - 4]),
            NoHostKey::Key(NoKey::Damaged),
        ),
        (
            format!("github.com {ED25519}AAAA"),
            NoHostKey::Key(NoKey::Damaged),
        ),
        (
            "github.com ssh-dss AAAAB3NzaC1kc3M=".to_owned(),
            NoHostKey::Key(NoKey::Type),
        ),
        (
            format!(
                "github.com {}",
                ED25519.replace("ed25519 ", "ed25519-cert-v01@openssh.com ")
            ),
            NoHostKey::Key(NoKey::Type),
        ),
    ] {
        assert_eq!(refused(&line), why, "{line}");
    }
    let hosts = vec!["github.com"; 17].join(",");
    assert_eq!(refused(&format!("{hosts} {ED25519}")), NoHostKey::Host);
    let long = format!("github.com {ED25519} {}", "x".repeat(5000));
    assert_eq!(refused(&long), NoHostKey::TooLong);
}

#[test]
fn a_private_key_is_refused_whatever_else_is_wrong_and_never_repeated() {
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----";
    // What stands between such markers, on one line.
    let bare = "github.com ssh-ed25519 b3BlbnNzaC1rZXktdjEAAAAABG5vbmU=";
    for private in [pem, bare, &format!("{pem}{}", "x".repeat(9000))] {
        let why = refused(private);
        assert_eq!(why, NoHostKey::Private);
        assert!(!why.to_string().contains("c2VjcmV0"));
    }
}

#[test]
fn short_rsa_keys_are_refused() {
    let rsa = |bytes: usize| {
        let mut blob = b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01".to_vec();
        let length = u32::try_from(bytes + 1).unwrap();
        blob.extend(length.to_be_bytes());
        blob.push(0);
        blob.extend(vec![0xaa; bytes]);
        HostKey::new("github.com", 22, blob)
    };
    assert_eq!(rsa(255).unwrap_err(), NoHostKey::Key(NoKey::TooShort));
    assert_eq!(rsa(256).unwrap().kind(), KeyType::Rsa);
    let longest = rsa(1024).unwrap().to_string();
    assert!(longest.parse::<domain::HostKeyLine>().is_ok());
    assert_eq!(rsa(1025).unwrap_err(), NoHostKey::Key(NoKey::TooLong));
}

#[tokio::test]
async fn what_github_publishes_becomes_lines() {
    let github = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    let client = reqwest::Client::builder().user_agent("tests").build();
    let meta = client
        .unwrap()
        .get(github.api("/meta"))
        .send()
        .await
        .unwrap();
    let meta: Value = meta.json().await.unwrap();
    let keys: Vec<String> = serde_json::from_value(meta["ssh_keys"].clone()).unwrap();
    let lines = published("github.com", 22, &keys).unwrap();
    assert_eq!(lines.len(), keys.len());
    for (line, key) in lines.iter().zip(&keys) {
        assert_eq!(line.to_string(), format!("github.com {key}"));
        let told = &meta["ssh_key_fingerprints"];
        let mut told = told.as_object().unwrap().values();
        assert!(
            told.any(|told| line.fingerprint() == format!("SHA256:{}", told.as_str().unwrap()))
        );
    }
    let elsewhere = published("ssh.github.com", 443, &keys).unwrap();
    assert!(
        elsewhere[0]
            .to_string()
            .starts_with("[ssh.github.com]:443 ")
    );
    assert!(published("github.com", 22, ["nonsense"]).is_err());
}
