//! Host keys beside a fingerprint that somebody else tells.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::{Digest as _, Md5};

use super::line::HostKey;

/// Whether a fingerprint bears a key out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matches {
    /// It is the key's.
    Yes,
    /// It is that of none of the keys.
    No,
    /// It is that of another key of the same server, of no form that is known, or there is none.
    Unknown,
}

impl Matches {
    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// A fingerprint, read. What it is called is not looked at: products name the hash, or the type of
/// key.
#[derive(Debug, PartialEq, Eq)]
enum Fingerprint {
    /// Sixteen bytes in hexadecimal, with colons (`ssh-keygen -l -E md5`).
    Md5([u8; 16]),
    /// Thirty-two bytes in base64 (`ssh-keygen -l`).
    Sha256([u8; 32]),
}

impl Fingerprint {
    fn read(told: &str) -> Option<Self> {
        let told = told.trim();
        let hash = told.split_once(':').map_or("", |(hash, _)| hash);
        let (named, rest) = match hash.to_ascii_uppercase().as_str() {
            "MD5" | "SHA256" => (true, &told[hash.len() + 1..]),
            _ => (false, told),
        };
        let hex = || {
            let pairs = rest.split(':').map(|pair| {
                let two = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
                two.then(|| u8::from_str_radix(pair, 16).ok())?
            });
            pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
        };
        let base64 = || {
            let bytes = STANDARD_NO_PAD.decode(rest.trim_end_matches('=')).ok()?;
            bytes.try_into().ok()
        };
        match (named, hash.len()) {
            (true, 3) => hex().map(Self::Md5),
            (true, _) => base64().map(Self::Sha256),
            (false, _) => hex().map(Self::Md5).or_else(|| base64().map(Self::Sha256)),
        }
    }

    fn is_of(&self, key: &HostKey) -> bool {
        match self {
            Self::Md5(told) => Md5::digest(key.blob()).as_slice() == told,
            Self::Sha256(told) => digest(&SHA256, key.blob()).as_ref() == told,
        }
    }
}

/// Compares the keys of one server with the one fingerprint that is told of it. A server may have
/// several keys: once one of them is borne out, nothing is said against the others.
pub fn compare(keys: &[HostKey], told: Option<&str>) -> Vec<Matches> {
    let Some(told) = told.and_then(Fingerprint::read) else {
        return vec![Matches::Unknown; keys.len()];
    };
    let fits: Vec<bool> = keys.iter().map(|key| told.is_of(key)).collect();
    let other = if fits.contains(&true) {
        Matches::Unknown
    } else {
        Matches::No
    };
    let judged = fits
        .into_iter()
        .map(|fits| if fits { Matches::Yes } else { other });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// github.com's own, whose fingerprints GitHub publishes ("GitHub's SSH key fingerprints").
    const GITHUB: &str = "github.com ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const SHA256: &str = "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
    /// What `ssh-keygen -l -E md5` says of it.
    const MD5: &str = "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd";
    const OTHER: &str = "gitlab.com ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf";

    fn keys(lines: &[&str]) -> Vec<HostKey> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    #[test]
    fn a_fingerprint_is_read_in_every_form() {
        let github = keys(&[GITHUB]);
        for told in [
            SHA256.to_owned(),
            format!("SHA256:{SHA256}"),
            format!("sha256:{SHA256}="),
            MD5.to_owned(),
            MD5.to_uppercase(),
            format!(" MD5:{MD5} "),
        ] {
            assert_eq!(compare(&github, Some(&told)), [Matches::Yes], "{told}");
            let other = compare(&keys(&[OTHER]), Some(&told));
            assert_eq!(other, [Matches::No], "{told}");
        }
    }

    #[test]
    fn what_is_no_fingerprint_says_nothing() {
        let github = keys(&[GITHUB]);
        for told in ["", "RSA", "MD5:", "16:27", "SHA1:abc", "ABC123...", MD5_CUT] {
            let said = compare(&github, Some(told));
            assert_eq!(said, [Matches::Unknown], "{told}");
        }
        assert_eq!(compare(&github, None), [Matches::Unknown]);
    }

    const MD5_CUT: &str = "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b";

    #[test]
    fn one_key_that_is_borne_out_speaks_for_the_server() {
        let both = keys(&[OTHER, GITHUB]);
        let said = compare(&both, Some(SHA256));
        assert_eq!(said, [Matches::Unknown, Matches::Yes]);
        let neither = keys(&[OTHER, OTHER]);
        assert_eq!(compare(&neither, Some(SHA256)), [Matches::No; 2]);
    }
}
