use domain::{ActorKind, Event};

use super::*;
use crate::sample::{ada, at, every, github, person, recorded};
use crate::{Limit, Value};

#[test]
fn every_event_reads_as_a_sentence() {
    let sentences: Vec<_> = every()
        .into_iter()
        .map(|event| sentence(&recorded(0, event)))
        .collect();
    assert_eq!(
        sentences,
        [
            "ada added the github provider github at https://github.com",
            "ada changed nothing of github",
            "ada disabled github: no new links, no key sync",
            "ada enabled github",
            "ada paused key sync at github",
            "ada resumed key sync at github",
            "ada put a second secret beside that of the app at github",
            "ada let the second secret take the place of the first at github",
            "ada let the second secret at github go",
            "ada found that github refuses the app: provider_error",
            "ada found that github accepts the app again",
            "ada recorded 1 host key of github, entered",
            "ada left github alone but for probes, for it does not answer (provider_error, \
             5 failed tries)",
            "ada began to probe github, left alone since 2026-11-22 12:00 UTC",
            "ada found that github answers again; it had been left alone since 2026-11-22 12:00 UTC",
            "ada had a secret made for the hooks of github",
            "ada found that github accepts the app with https://lanyard.example.com/x",
            "ada destroyed what ada had granted at github for a link that did not come about, and could not revoke it there: 503",
            "ada asked to have every account at github end at once, whatever stays there, and it removed",
            "ada called the removal of github off",
            "ada removed github",
            "ada set the algorithm of new keys to rsa-4096",
            "ada made the API token \"laptop\" as admin, auditor",
            "ada revoked an API token",
            "ada added the webhook https://ops.example.com/hooks",
            "ada changed of what a webhook is told",
            "ada rotated the secret of a webhook; the old one signs too until 2026-11-22 12:00",
            "ada disabled a webhook, which wants nothing any more (410)",
            "ada enabled a webhook again",
            "ada removed a webhook",
            "ada made their ed25519 key for an account",
            "ada rotated their key for an account to a new ed25519 key",
            "ada retired their old key for an account",
            "ada linked an account at github",
            "ada refreshed their grant at github",
            "ada asked for their key to be put at github (the account was linked)",
            "ada could not yet put their key at github (provider_error, 1 failed try)",
            "ada gave up putting their key at github until somebody acts \
             (provider_error, 2 failed tries)",
            "ada put their key at github",
            "ada found that their grant at github no longer works (grant_revoked)",
            "ada asked to unlink their account at github",
            "ada asked for their key to be taken away from github (the account is being unlinked)",
            "ada could not yet take their key away from github (provider_error, 1 failed try)",
            "ada gave up taking their key away from github until somebody acts \
             (grant_revoked, 2 failed tries)",
            "ada took their key away from github",
            "ada left their key at github, where it was before us",
            "ada gave up taking their key away from github: it stays there",
            "ada reminded that github will end their key on 2026-11-22",
            "ada could not yet revoke their grant at github (provider_error, 1 failed try)",
            "ada gave up revoking their grant at github until somebody acts (provider_error, 12 failed tries)",
            "ada asked for another try to revoke their grant at github",
            "ada ended the unlinking of their account at github by force",
            "ada gave up a link of their account at github that took too long",
            "ada found ada's key missing at github",
            "ada found that a key of ada's account at github is as it should be",
            "ada found a key SHA256:9 at ada's account at github that bears our name and nobody knows",
            "ada found that a key of ada's account at github is as it should be",
            "ada unlinked their account at github and left the grant there",
            "ada started a replay of github: 3 unfinished keys",
            "ada cancelled a replay of github",
            "ada resumed a replay of github",
            "ada completed a replay of github: 2 keys as the log says, 1 waiting for somebody",
            "ada asked to off-board ada",
            "ada asked not to wait for any provider any more to off-board ada",
            "ada off-boarded ada: unlinked 0 accounts, destroyed 0 keys, revoked 0 API tokens",
            "ada started a campaign: 3 keys of rsa-4096 to be rotated, 60 a minute, 1 left as they are",
            "ada paused a campaign",
            "ada let a campaign go on",
            "ada cancelled a campaign",
            "ada completed a campaign: 3 keys rotated, 2 of them in place, 1 waiting for somebody, \
             1 left as they are",
            "ada read the audit trail (12 events)",
        ]
    );
}

#[test]
fn a_sentence_says_whose_it_is_where_another_acts() {
    let by = |actor| {
        let linked = Event::Account(crate::sample::linked());
        let mut recorded = recorded(0, linked);
        recorded.header.actor = actor;
        sentence(&recorded)
    };
    assert_eq!(
        by(person("grace")),
        "grace linked an account at github for ada"
    );
    let mut policy = person("policy");
    policy.kind = ActorKind::System;
    assert_eq!(by(policy), "the policy linked an account at github for ada");
    let mut terminal = person("root");
    terminal.kind = ActorKind::Terminal;
    assert_eq!(
        by(terminal),
        "somebody at the server's terminal linked an account at github for ada"
    );
}

#[test]
fn a_search_names_only_what_is_looked_for() {
    let everything = search(
        &Search::default(),
        Order::NewestFirst,
        None,
        Limit::default(),
    );
    assert_eq!(
        everything.sql,
        "SELECT idx FROM {audit_trail} WHERE idx < $1 ORDER BY idx DESC LIMIT $2"
    );
    assert_eq!(everything.args, [Value::Int(i64::MAX), Value::Int(100)]);

    let search = search(
        &Search {
            actor: Some("grace".to_owned()),
            user: Some(ada()),
            provider: Some(github()),
            since: Some(at(1)),
            until: Some(at(2)),
            ..Search::default()
        },
        Order::OldestFirst,
        Some(41),
        Limit::new(10).unwrap(),
    );
    let (_, conditions) = search.sql.split_once("WHERE ").unwrap();
    assert_eq!(
        conditions,
        "idx > $1 AND actor_id = $2 AND user_id = $3 AND provider = $4 AND \
         idx >= COALESCE((SELECT b.idx FROM {audit_trail} b WHERE b.recorded_at >= $5 \
         ORDER BY b.recorded_at, b.idx LIMIT 1), 9223372036854775807) AND \
         idx < COALESCE((SELECT b.idx FROM {audit_trail} b WHERE b.recorded_at >= $6 \
         ORDER BY b.recorded_at, b.idx LIMIT 1), 9223372036854775807) \
         ORDER BY idx ASC LIMIT $7"
    );
    assert_eq!(
        search.args,
        [
            Value::Int(41),
            "grace".into(),
            "ada".into(),
            "github".into(),
            "2026-11-22T12:00:01.000000Z".into(),
            "2026-11-22T12:00:02.000000Z".into(),
            Value::Int(10),
        ]
    );
}
