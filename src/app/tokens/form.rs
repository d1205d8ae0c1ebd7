//! What a token looks like: `lyd_pat_`, 30 random characters, and a check of six.

use crate::clock::Ids;
use crate::vault::Secret;

/// What a token begins with: `lyd` for whoever finds one, `pat` for its kind.
const PREFIX: &str = "lyd_pat_";

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The random part, and the check that tells a mistyped token without asking anybody.
const RANDOM: usize = 30;
const CHECK: usize = 6;

/// Says whether a text can be a token of ours at all.
pub(super) fn is_well_formed(token: &str) -> bool {
    let Some(rest) = token.strip_prefix(PREFIX) else {
        return false;
    };
    rest.len() == RANDOM + CHECK
        && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        && check(&rest[..RANDOM]) == rest[RANDOM..]
}

pub(super) fn new_token(ids: &dyn Ids) -> Secret {
    let random = random(ids);
    let check = check(&random);
    format!("{PREFIX}{random}{check}").into()
}

/// Draws characters evenly: a byte beyond the last whole round of 62 is drawn again.
pub(super) fn random(ids: &dyn Ids) -> String {
    let mut text = String::with_capacity(RANDOM);
    while text.len() < RANDOM {
        let mut bytes = [0; 64];
        ids.fill(&mut bytes);
        let drawn = bytes.iter().filter(|byte| **byte < 248);
        let drawn = drawn.map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        text.extend(drawn.take(RANDOM - text.len()));
    }
    text
}

fn check(random: &str) -> String {
    let mut left = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(left % 62) as usize];
        left /= 62;
    }
    digits.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededIds;

    #[test]
    fn a_token_tells_by_itself_whether_it_was_mistyped() {
        let token = new_token(&SeededIds::new(7));
        let token = token.expose_str();
        assert_eq!(token.len(), PREFIX.len() + RANDOM + CHECK);
        assert!(is_well_formed(token));
        let mut mistyped = token.to_owned();
        let last = mistyped.pop().unwrap();
        mistyped.push(if last == 'x' { 'y' } else { 'x' });
        assert!(!is_well_formed(&mistyped));
        for other in [
            "",
            "lyd_pat_",
            "lyd_svc_",
            &token[1..],
            &format!("{token}0"),
        ] {
            assert!(!is_well_formed(other), "{other}");
        }
    }

    #[test]
    fn the_check_fills_six_places() {
        assert_eq!(check("").len(), CHECK);
        assert_eq!(check("0"), check("0"));
        assert_ne!(check("0"), check("1"));
    }
}
