//! Each word: what is kept, what is refused.

use proptest::prelude::*;

use super::*;

fn base(text: &str) -> Result<String, TextError> {
    text.parse::<BaseUrl>().map(String::from)
}

fn name(text: &str) -> Result<String, TextError> {
    text.parse::<DisplayName>().map(String::from)
}

fn words(text: &str) -> Result<String, TextError> {
    text.parse::<Description>().map(String::from)
}

fn client(text: &str) -> Result<String, TextError> {
    text.parse::<ClientId>().map(String::from)
}

#[test]
fn a_name_has_1_to_100_characters_that_show() {
    assert_eq!(name("  Our GitHub\t"), Ok("Our GitHub".to_owned()));
    assert_eq!(name(&"語".repeat(100)), Ok("語".repeat(100)));
    assert_eq!(name(&"語".repeat(101)), Err(TextError::TooLong(100)));
    assert_eq!(name(""), Err(TextError::Empty));
    assert_eq!(name(" \n "), Err(TextError::Empty));
    for hidden in [
        '\0', '\n', '\u{7f}', '\u{85}', '\u{ad}', '\u{61c}', '\u{200b}', '\u{2028}', '\u{202e}',
        '\u{2060}', '\u{2066}', '\u{feff}',
    ] {
        let text = format!("Git{hidden}Hub");
        assert_eq!(name(&text), Err(TextError::Control), "{hidden:?}");
    }
}

#[test]
fn a_description_has_at_most_500_characters_and_may_be_empty() {
    assert_eq!(words("  "), Ok(String::new()));
    assert!(Description::default().is_empty());
    assert_eq!(words(&"é".repeat(500)), Ok("é".repeat(500)));
    assert_eq!(words(&"é".repeat(501)), Err(TextError::TooLong(500)));
    assert_eq!(words("two\nlines"), Err(TextError::Control));
}

#[test]
fn a_client_id_has_1_to_255_printable_ascii_characters() {
    assert_eq!(client(" Iv1.8a61f9b3 "), Ok("Iv1.8a61f9b3".to_owned()));
    assert_eq!(client(&"a".repeat(255)), Ok("a".repeat(255)));
    assert_eq!(client(&"a".repeat(256)), Err(TextError::TooLong(255)));
    assert_eq!(client(" "), Err(TextError::Empty));
    for refused in ["a b", "a\u{7f}", "ä", "a\0b"] {
        assert_eq!(client(refused), Err(TextError::NotAscii), "{refused}");
    }
}

#[test]
fn a_base_url_is_kept_with_its_path_and_without_a_slash_at_its_end() {
    for (text, kept) in [
        ("https://github.com", "https://github.com"),
        ("https://github.com/", "https://github.com"),
        (" https://github.com// ", "https://github.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        (
            "HTTPS://Git.Example.COM/GitLab/",
            "https://git.example.com/GitLab",
        ),
        (
            "https://git.example.com:443/a/b",
            "https://git.example.com/a/b",
        ),
        (
            "https://git.example.com:8443/a",
            "https://git.example.com:8443/a",
        ),
        ("https://[::1]:8443/git/", "https://[::1]:8443/git"),
        ("https://192.0.2.7/git", "https://192.0.2.7/git"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        (
            "https://git.example.com/a/../b",
            "https://git.example.com/b",
        ),
        (
            "https://git.example.com/ü",
            "https://git.example.com/%C3%BC",
        ),
        ("https:git.example.com", "https://git.example.com"),
    ] {
        assert_eq!(base(text), Ok(kept.to_owned()), "{text}");
    }
}

#[test]
fn a_base_url_that_says_more_or_less_is_refused() {
    use TextError as E;
    for (text, error) in [
        ("", E::Empty),
        (" ", E::Empty),
        ("git.example.com", E::NotUrl),
        ("https://", E::NotUrl),
        ("https://git example.com", E::NotUrl),
        ("https://git.example.com/a\tb", E::NotUrl),
        ("https://git.example.com:99999", E::NotUrl),
        ("https://[::1", E::NotUrl),
        ("ftp://git.example.com", E::Scheme),
        ("ssh://git@git.example.com", E::Scheme),
        ("javascript:alert(1)", E::Scheme),
        ("file:///etc/passwd", E::Scheme),
        ("https://ada@git.example.com", E::UserInfo),
        ("https://ada:secret@git.example.com", E::UserInfo),
        ("https://:secret@git.example.com", E::UserInfo),
        ("https://git.example.com#top", E::Fragment),
        ("https://git.example.com/#", E::Fragment),
        ("https://git.example.com?a=b", E::Query),
        ("https://git.example.com/?", E::Query),
    ] {
        assert_eq!(base(text), Err(error), "{text}");
    }
}

#[test]
fn a_base_url_has_at_most_500_characters_also_as_it_is_kept() {
    let start = "https://git.example.com/";
    let rest = 500 - start.len();
    assert!(base(&format!("{start}{}", "a".repeat(rest))).is_ok());
    let too_long = Err(TextError::TooLong(500));
    assert_eq!(base(&format!("{start}{}", "a".repeat(rest + 1))), too_long);
    // Each character becomes six.
    assert_eq!(base(&format!("{start}{}", "ü".repeat(100))), too_long);
}

#[test]
fn an_authority_is_the_host_and_a_port_of_its_own() {
    for (text, authority) in [
        ("https://git.example.com/a", "git.example.com"),
        ("https://git.example.com:443", "git.example.com"),
        ("https://git.example.com:8443/a", "git.example.com:8443"),
        ("http://git.example.com:443", "git.example.com:443"),
        ("https://[::1]:8443", "[::1]:8443"),
    ] {
        let url: BaseUrl = text.parse().unwrap();
        assert_eq!(url.authority(), authority);
    }
}

#[test]
fn a_proxy_is_an_address_and_nothing_more() {
    let proxy = |text: &str| text.parse::<ProxyUrl>().map(|url| url.to_string());
    let kept = "http://proxy.example.com:3128".to_owned();
    assert_eq!(proxy("http://proxy.example.com:3128/"), Ok(kept));
    assert_eq!(proxy("http://proxy.example.com/a"), Err(TextError::Path));
    assert_eq!(
        proxy("http://u:p@proxy.example.com"),
        Err(TextError::UserInfo)
    );
    assert_eq!(proxy("socks5://proxy.example.com"), Err(TextError::Scheme));
}

#[test]
fn pem_text_has_whole_parts_of_its_own_label() {
    let part =
        |label: &str| format!("-----BEGIN {label}-----\nAA+/\nAA==\n-----END {label}-----\n");
    let certificate = part("CERTIFICATE");
    assert!(certificate.parse::<CaBundle>().is_ok());
    assert!(
        format!("{certificate}\r\n{certificate}")
            .parse::<CaBundle>()
            .is_ok()
    );
    assert!(part("PUBLIC KEY").parse::<PublicPem>().is_ok());
    let not_pem = Err(TextError::NotPem("CERTIFICATE"));
    for text in [
        "",
        "AAAA",
        &part("PRIVATE KEY"),
        &format!("{certificate}{}", part("RSA PRIVATE KEY")),
        &certificate.replace("-----END CERTIFICATE-----\n", ""),
        &certificate.replace("AA+/", "AA <"),
    ] {
        assert_eq!(text.parse::<CaBundle>(), not_pem, "{text}");
    }
    let long = part("CERTIFICATE").repeat(2_000);
    assert_eq!(long.parse::<CaBundle>(), Err(TextError::TooLong(65_536)));
}

#[test]
fn a_host_key_is_a_host_a_type_and_a_key() {
    let line = |text: &str| text.parse::<HostKeyLine>().map(|_| ());
    assert_eq!(line("git.example.com ssh-ed25519 AAAAC3Nza"), Ok(()));
    assert_eq!(line("[git.example.com]:7999 ssh-rsa AAAAB3Nza"), Ok(()));
    for text in [
        "",
        "git.example.com ssh-ed25519",
        "git.example.com  ssh-ed25519 AAAAC3Nza",
        "git.example.com ssh-ed25519 AAAAC3Nza comment",
        "@cert-authority *.example.com ssh-ed25519 AAAAC3Nza",
        "|1|abc=|def= ssh-ed25519 AAAAC3Nza",
        "git.example.com ssh-ed25519 key",
        "git.example.com ssh-ed25519 AAAA\nevil ssh-rsa AAAA",
    ] {
        assert_eq!(line(text), Err(TextError::NotHostKey), "{text}");
    }
}

fn any_url() -> impl Strategy<Value = String> {
    let host = "[a-zA-ZäßЖ.-]{1,12}|[0-9.]{1,12}|\\[[0-9a-f:]{2,12}\\]";
    let path = "(/[a-zA-Z0-9%ü.~;=@:|\\\\^`{}<> -]{0,8}){0,5}";
    ("https?", "(://|:/|:)", host, "(:[0-9]{0,5})?", path).prop_map(
        |(scheme, slashes, host, port, path)| format!("{scheme}{slashes}{host}{port}{path}"),
    )
}

proptest! {
    #[test]
    fn a_base_url_reads_back(text in any_url()) {
        if let Ok(url) = text.parse::<BaseUrl>() {
            prop_assert_eq!(url.to_string().parse(), Ok(url.clone()));
            prop_assert!(!url.as_str().ends_with('/'));
            prop_assert!(url.url().host_str().is_some());
            prop_assert!(url.url().as_str().starts_with(url.as_str()));
        }
    }

    #[test]
    fn every_text_reads_back(text in "\\PC{0,20}|.{0,20}") {
        if let Ok(name) = text.parse::<DisplayName>() {
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
        if let Ok(words) = text.parse::<Description>() {
            prop_assert_eq!(words.to_string().parse(), Ok(words));
        }
        if let Ok(client) = text.parse::<ClientId>() {
            prop_assert_eq!(client.to_string().parse(), Ok(client));
        }
        if let Ok(url) = text.parse::<BaseUrl>() {
            prop_assert_eq!(url.to_string().parse(), Ok(url));
        }
    }
}
