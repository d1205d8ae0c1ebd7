//! cqrs-es's own framework on our log: the port is one that others' code can stand on.

use chrono::TimeDelta;
use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use domain::token::{Token, TokenCommand, TokenError};
use domain::{Role, TokenId};
use lanyard::eventlog::bridge::LogEventStore;
use uuid::Uuid;

use crate::support::logs::{Place, noon, read_sound};

fn create(roles: Vec<Role>) -> TokenCommand {
    TokenCommand::CreateToken {
        token: TokenId::new(Uuid::from_u128(7)),
        user: "ada".parse().unwrap(),
        name: "laptop".parse().unwrap(),
        roles,
        digest: "5a".repeat(32),
        now: noon(),
        life: TimeDelta::days(1),
    }
}

pub(crate) async fn the_framework_of_cqrs_es_stands_on_it(place: &impl Place) {
    let log = place.open_now().await;
    let store = || LogEventStore::<Token>::new(log.clone());
    let framework = CqrsFramework::new(store(), vec![], ());
    let refused = framework.execute("7", create(vec![])).await.unwrap_err();
    assert!(matches!(
        refused,
        AggregateError::UserError(TokenError::NoRole)
    ));
    assert_eq!(log.size().await.unwrap(), 0);

    let made = create(vec![Role::Member]);
    framework.execute("7", made.clone()).await.unwrap();
    // What is so already makes no event.
    framework.execute("7", made).await.unwrap();
    // Two load the same state; only the first may write.
    let (one, other) = (store(), store());
    let seen = [
        one.load_aggregate("7").await.unwrap(),
        other.load_aggregate("7").await.unwrap(),
    ];
    let [revoked, late] = seen.map(|context| {
        let events = context.aggregate.decide(TokenCommand::RevokeToken);
        (events.unwrap(), context)
    });
    let committed = one.commit(revoked.0, revoked.1, [].into()).await.unwrap();
    assert_eq!(committed[0].sequence, 2);
    let beaten = other.commit(late.0, late.1, [].into()).await.unwrap_err();
    assert!(matches!(beaten, AggregateError::AggregateConflict));

    let events = read_sound(&*log).await;
    let codes: Vec<_> = events.iter().map(|event| event.code.as_str()).collect();
    assert_eq!(codes, ["LTK01I", "LTK02I"]);
    assert_ne!(events[0].header.id, events[1].header.id);
    let loaded = store().load_events("7").await.unwrap();
    let payloads: Vec<_> = loaded.into_iter().map(|event| event.payload).collect();
    assert_eq!(payloads.len(), 2);
    assert_eq!(store().load("7").await.unwrap().aggregate, Token::Revoked);
}
