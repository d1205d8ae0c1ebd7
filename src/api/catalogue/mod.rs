//! Every problem there is: what it means and what to do, for the page behind its `type`.

mod linking;
mod providers;
mod work;

use linking::LINKING;
use providers::PROVIDERS;
use work::WORK;

/// One kind of problem.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its stable code: the last part of its `type`.
    pub code: &'static str,
    /// The status it is answered with.
    pub status: u16,
    /// What is wrong, in a sentence.
    pub title: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

const fn entry(
    code: &'static str,
    status: u16,
    title: &'static str,
    remedy: &'static str,
) -> Entry {
    Entry {
        code,
        status,
        title,
        remedy,
    }
}

/// Returns the entry of a code.
pub fn find(code: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.code == code)
}

/// Every problem, those of the door first, then those of each noun, those of providers last.
pub const ALL: &[Entry] =
    &joined::<{ MOST.len() + LINKING.len() + WORK.len() + PROVIDERS.len() }>();

const fn joined<const ALL: usize>() -> [Entry; ALL] {
    let parts = [MOST, LINKING, WORK, PROVIDERS];
    let mut all = [MOST[0]; ALL];
    let (mut at, mut part, mut place) = (0, 0, 0);
    while at < ALL {
        if place == parts[part].len() {
            (part, place) = (part + 1, 0);
        } else {
            all[at] = parts[part][place];
            (at, place) = (at + 1, place + 1);
        }
    }
    all
}

const MOST: &[Entry] = &[
    // The door.
    entry(
        "malformed-request",
        400,
        "the request cannot be read",
        "send one JSON object, each field once, in UTF-8",
    ),
    entry(
        "unauthenticated",
        401,
        "an API token is needed",
        "send Authorization: Bearer lyd_pat_…; the token must be current: neither expired nor revoked",
    ),
    entry(
        "forbidden",
        403,
        "the caller's roles do not allow this",
        "ask an admin for a token with the role that is needed",
    ),
    entry(
        "not-found",
        404,
        "there is nothing at this address",
        "look up the address in /api/openapi.json",
    ),
    entry(
        "method-not-allowed",
        405,
        "this address does not take this method",
        "look up the address in /api/openapi.json; the answer's Allow header lists the methods",
    ),
    entry(
        "request-in-flight",
        409,
        "a request with this Idempotency-Key is still under way",
        "wait for its answer, then send the same request again",
    ),
    entry(
        "revision-changed",
        412,
        "it was changed meanwhile",
        "read it again, look at what changed, and send the change with the new ETag in If-Match",
    ),
    entry(
        "body-too-large",
        413,
        "the body is longer than 256 KiB",
        "send less",
    ),
    entry(
        "unsupported-media-type",
        415,
        "the body is not JSON",
        "send Content-Type: application/json",
    ),
    entry(
        "invalid-input",
        422,
        "some fields are not accepted",
        "mend every field that `errors` names",
    ),
    entry(
        "too-long",
        422,
        "it says more than an event can hold",
        "send shorter texts",
    ),
    entry(
        "idempotency-key-reused",
        422,
        "this Idempotency-Key was used for another request",
        "make a new key for every new request",
    ),
    entry(
        "internal",
        500,
        "something went wrong here",
        "tell an operator the request id; the server's log has the cause under it",
    ),
    entry(
        "busy",
        503,
        "too many changes at once",
        "send the same request again",
    ),
    entry(
        "not-yet-applied",
        503,
        "the read models have not reached that event yet",
        "ask again; if it lasts, look at /readyz",
    ),
    entry(
        "unavailable",
        503,
        "nothing can be stored or read now",
        "send the same request again later; nothing acknowledged is lost",
    ),
    entry(
        "too-many-streams",
        503,
        "too many clients watch something already",
        "connect again later, or ask for the state without a stream",
    ),
    // Keys.
    entry(
        "key-not-found",
        404,
        "there is no such key",
        "list the keys at /api/v1/users/{user}/keys",
    ),
    entry(
        "key-rotation-under-way",
        409,
        "a rotation is under way: an older key is still in use somewhere",
        "wait until it is finished, or look at /api/v1/sync for what it waits for",
    ),
    entry(
        "nothing-to-restore",
        409,
        "no look found this key missing, or nothing mends it by being put there again",
        "look at its drift at /api/v1/sync?drift=any; a key that has ended is rotated",
    ),
    entry(
        "confirmation-not-due",
        409,
        "this key has come to its end there: nothing is to be confirmed",
        "look at the account's current key at /api/v1/users/{user}/keys",
    ),
    entry(
        "confirmation-other-way",
        409,
        "the key is to be pasted and not removed, or to be removed and not pasted",
        "do what `by_hand` of the key says, then confirm that; to take a key out of use, rotate it or unlink the account",
    ),
    entry(
        "not-by-hand",
        409,
        "Lanyard carries this key itself",
        "nothing: `status` of the key says how far it is",
    ),
    // Replays.
    entry(
        "replay-not-found",
        404,
        "there is no such replay",
        "list the replays at /api/v1/replays",
    ),
    entry(
        "replay-already-started",
        409,
        "this replay was already started",
        "nothing: it runs",
    ),
    entry(
        "replay-empty-window",
        422,
        "the window must begin before it ends",
        "mend `since` or `until`",
    ),
    entry(
        "replay-completed",
        409,
        "this replay is completed: nothing is left to go on with",
        "start a new one: it takes up what is unfinished by then",
    ),
    entry(
        "replay-by-hand",
        409,
        "people carry their keys to this provider themselves: a replay would ask all of them to confirm again",
        "look at /api/v1/sync for whose confirmation is awaited, and ask them",
    ),
    // Audit and projections.
    entry(
        "event-not-found",
        404,
        "there is no event at this index",
        "indexes run from 0 without gaps; GET /api/v1/audit/events lists them",
    ),
    entry(
        "projection-not-found",
        404,
        "there is no projection of this name",
        "list the projections at /api/v1/projections",
    ),
    entry(
        "rebuild-under-way",
        409,
        "this projection is already being rebuilt",
        "wait: GET /api/v1/projections shows how far it is",
    ),
    // Tokens.
    entry(
        "token-not-found",
        404,
        "there is no such token",
        "list the tokens at /api/v1/tokens",
    ),
    entry(
        "token-already-created",
        409,
        "this token was already made",
        "nothing: it is there",
    ),
    entry(
        "webhook-not-found",
        404,
        "there is no such webhook",
        "list the webhooks at /api/v1/webhooks",
    ),
    entry(
        "webhook-already-added",
        409,
        "this webhook was already added",
        "nothing: it is there",
    ),
    entry(
        "token-no-role",
        422,
        "a token needs at least one role",
        "name its roles",
    ),
    entry(
        "token-bad-life",
        422,
        "a token lives for 1 to 365 days",
        "mend `days`",
    ),
    entry(
        "token-role-not-held",
        403,
        "a token cannot give a role that its holder does not have",
        "use a token that has the role",
    ),
    entry(
        "first-secret-refused",
        403,
        "this is not the one-time secret of this server",
        "copy it from the server's own terminal; it lives for 60 minutes, a restart prints a new one",
    ),
    entry(
        "first-token-made",
        410,
        "the first admin token has been made",
        "ask whoever has it for a token of your own",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_kebab_case_and_stands_once() {
        for (place, entry) in ALL.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(entry.code.chars().all(plain), "{}", entry.code);
            assert!(
                ALL[..place].iter().all(|other| other.code != entry.code),
                "{} stands twice",
                entry.code
            );
            assert!(!entry.title.ends_with('.') && !entry.remedy.ends_with('.'));
            assert!((400..600).contains(&entry.status), "{}", entry.code);
        }
    }
}
