//! What a key is called at Gitea. A title is unique among the keys of a person there, so it holds
//! the key's fingerprint; what the caller called the key is what stands before that.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// How long a title may be (the column is a `VARCHAR(255)`).
const LONGEST: usize = 255;

/// Returns the fingerprint of a line of type and blob, as `ssh-keygen -l` shows it.
pub(super) fn fingerprint(line: &str) -> Option<String> {
    let blob = line.split_ascii_whitespace().nth(1)?;
    let blob = STANDARD.decode(blob).ok()?;
    let digest = digest(&SHA256, &blob);
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)))
}

/// Writes a title; another one for each try.
pub(super) fn written(name: &str, fingerprint: &str, attempt: usize) -> String {
    let tail = match attempt {
        0 => format!(" {fingerprint}"),
        more => format!(" {fingerprint} {}", more + 1),
    };
    let room = LONGEST.saturating_sub(tail.len());
    let mut end = name.len().min(room);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{tail}", &name[..end])
}

/// Returns what the caller called a key, from the title of that same key. What a person wrote
/// stands as it is.
pub(super) fn name<'a>(title: &'a str, fingerprint: &str) -> &'a str {
    let Some((name, tail)) = title.rsplit_once(fingerprint) else {
        return title;
    };
    let numbered = tail
        .strip_prefix(' ')
        .is_some_and(|number| number.parse::<u8>().is_ok());
    match name.strip_suffix(' ') {
        Some(name) if tail.is_empty() || numbered => name,
        _ => title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
    const FINGERPRINT: &str = "SHA256:oJCfD0YJwHwuagEM2T7qhYB+48F8weG2lrSxO3eYZ1k";

    #[test]
    fn the_fingerprint_is_the_one_of_ssh_keygen() {
        assert_eq!(fingerprint(LINE).as_deref(), Some(FINGERPRINT));
        assert_eq!(fingerprint("ssh-ed25519"), None);
        assert_eq!(fingerprint("ssh-ed25519 !"), None);
    }

    #[test]
    fn a_title_gives_the_name_back() {
        for attempt in 0..3 {
            let title = written("Lanyard of ada", FINGERPRINT, attempt);
            assert!(title.contains(FINGERPRINT));
            assert_eq!(name(&title, FINGERPRINT), "Lanyard of ada");
        }
        assert_ne!(written("x", FINGERPRINT, 0), written("x", FINGERPRINT, 1));
    }

    #[test]
    fn what_a_person_wrote_stands_as_it_is() {
        for title in [
            "laptop",
            "",
            FINGERPRINT,
            &format!("laptop {FINGERPRINT} of mine"),
            &format!("laptop{FINGERPRINT}"),
        ] {
            assert_eq!(name(title, FINGERPRINT), title);
        }
        // The fingerprint of another key is a person's word too.
        let title = written("Lanyard", FINGERPRINT, 0);
        assert_eq!(name(&title, "SHA256:other"), title);
    }

    #[test]
    fn a_title_fits_and_is_cut_between_letters() {
        let title = written(&"é".repeat(200), FINGERPRINT, 9);
        assert!((253..=255).contains(&title.len()));
        assert!(title.ends_with(" 10"));
    }
}
