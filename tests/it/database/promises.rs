//! What every database promises.

use std::sync::Arc;

use lanyard::database::DatabaseError;
use projections::{Row, Value};

use super::{Place, names, note, run, with_notes};

pub(crate) async fn every_kind_of_value_comes_back_as_it_went_in(place: &impl Place) {
    let database = with_notes(place).await;
    let all = [
        Value::Null,
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Text(String::new()),
        Value::Text("ünï ✓ '$1' {x}".to_owned()),
        Value::Bytes(vec![]),
        Value::Bytes(vec![0, 255, 0]),
    ];
    let asked = run("SELECT $1, $2, $3, $4, $5, $6, $7", all.clone());
    assert_eq!(
        database.query(asked.clone()).await.unwrap(),
        [Row(all.to_vec())]
    );
    assert_eq!(database.get(asked).await.unwrap(), Some(Row(all.to_vec())));
}

pub(crate) async fn arguments_go_by_their_number_in_any_order_and_more_than_once(
    place: &impl Place,
) {
    let database = with_notes(place).await;
    let asked = run("SELECT $2, $1, $2, '$1'", ["one".into(), "two".into()]);
    let row = database.get(asked).await.unwrap().unwrap();
    let expected: [Value; 4] = ["two".into(), "one".into(), "two".into(), "$1".into()];
    assert_eq!(row.0, expected);
    for args in [
        vec![],
        vec!["one".into()],
        vec!["1".into(), "2".into(), "3".into()],
    ] {
        let asked = database.get(run("SELECT $2, $1", args)).await;
        assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    }
}

pub(crate) async fn a_transaction_counts_what_each_statement_changed(place: &impl Place) {
    let database = with_notes(place).await;
    let counts = database
        .transact(vec![
            note("a", 1),
            note("b", 1),
            run("UPDATE notes SET size = size + $1", [1_i64.into()]),
            run("UPDATE notes SET size = 0 WHERE name = $1", ["c".into()]),
            run("CREATE TABLE other (name TEXT)", []),
            run("DELETE FROM notes WHERE name = $1", ["a".into()]),
            run("INSERT INTO notes (name) VALUES ('c') RETURNING name", []),
        ])
        .await
        .unwrap();
    assert_eq!(counts, [1, 1, 2, 0, 0, 1, 1]);
    assert!(database.transact(vec![]).await.unwrap().is_empty());
}

pub(crate) async fn all_statements_of_a_transaction_happen_or_none(place: &impl Place) {
    let database = with_notes(place).await;
    database.transact(vec![note("kept", 1)]).await.unwrap();
    let twice = database.transact(vec![note("a", 1), note("kept", 1)]).await;
    assert!(matches!(twice, Err(DatabaseError::Duplicate)));
    let wrong = database
        .transact(vec![note("a", 1), run("NONSENSE", [])])
        .await;
    assert!(matches!(wrong, Err(DatabaseError::Broken(_))));
    let stale = run("UPDATE notes SET size = 2 WHERE name = 'b'", []).must_change_one();
    let stale = database.transact(vec![note("a", 1), stale]).await;
    assert!(matches!(stale, Err(DatabaseError::Stale)));
    assert_eq!(names(&*database).await, ["kept"]);
}

pub(crate) async fn of_many_transactions_at_once_each_fails_or_succeeds_alone(place: &impl Place) {
    let database = with_notes(place).await;
    database.transact(vec![note("taken", 0)]).await.unwrap();
    let writers: Vec<_> = (0..400)
        .map(|n| {
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                let mine = note(format!("{n:03}"), n);
                let second = match n % 4 {
                    0 => run("UPDATE notes SET size = 1 WHERE name = 'no'", []).must_change_one(),
                    1 => note("taken", 1),
                    2 => run("NONSENSE", []),
                    _ => note(format!("{n:03} too"), n),
                };
                (n, database.transact(vec![mine, second]).await)
            })
        })
        .collect();
    let mut expected = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            (n, Err(DatabaseError::Stale)) => assert_eq!(n % 4, 0),
            (n, Err(DatabaseError::Duplicate)) => assert_eq!(n % 4, 1),
            (n, Err(DatabaseError::Broken(_))) => assert_eq!(n % 4, 2),
            (n, outcome) => {
                assert_eq!(outcome.unwrap(), [1, 1]);
                assert_eq!(n % 4, 3);
                expected.extend([format!("{n:03}"), format!("{n:03} too")]);
            }
        }
    }
    expected.push("taken".to_owned());
    assert_eq!(names(&*database).await, expected);
}

pub(crate) async fn of_fifty_that_change_one_row_at_once_one_wins(place: &impl Place) {
    let database = with_notes(place).await;
    database.transact(vec![note("n", 1)]).await.unwrap();
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let database = Arc::clone(&database);
            let sql = "UPDATE notes SET size = 2 WHERE name = 'n' AND size = 1";
            let update = run(sql, []).must_change_one();
            tokio::spawn(async move { database.transact(vec![update]).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
}

pub(crate) async fn what_was_written_is_read_at_once_and_after_reopening(place: &impl Place) {
    let database = with_notes(place).await;
    for n in 0..20 {
        database
            .transact(vec![note(format!("{n:02}"), n)])
            .await
            .unwrap();
        let one = run(
            "SELECT size FROM notes WHERE name = $1",
            [format!("{n:02}").into()],
        );
        let found = database.get(one).await.unwrap().unwrap();
        assert_eq!(found.0, [n.into()]);
        let names = i64::try_from(names(&*database).await.len()).unwrap();
        assert_eq!(names, n + 1);
    }
    drop(database);
    let database = place.open().await;
    assert_eq!(names(&*database).await.len(), 20);
}

pub(crate) async fn a_caller_who_goes_away_does_not_undo_its_transaction(place: &impl Place) {
    let database = with_notes(place).await;
    {
        let writing = database.transact(vec![note("a", 1)]);
        let mut writing = std::pin::pin!(writing);
        let _ = futures::poll!(&mut writing);
    }
    // It may come to its end a little later than another does.
    while names(&*database).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(names(&*database).await, ["a"]);
}

pub(crate) async fn a_question_cannot_write(place: &impl Place) {
    let database = with_notes(place).await;
    let asked = database.query(note("a", 1)).await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    let asked = database
        .get(run("DELETE FROM notes RETURNING name", []))
        .await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    let asked = database.query(run("SELECT nothing FROM nowhere", [])).await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    let asked = database.get(run("SELECT 1.5", [])).await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
}

pub(crate) async fn tables_can_be_made_filled_and_switched_while_others_read(place: &impl Place) {
    let database = with_notes(place).await;
    database.transact(vec![note("old", 1)]).await.unwrap();
    assert_eq!(names(&*database).await, ["old"]);
    database
        .transact(vec![
            run(
                "CREATE TABLE notes_next (name TEXT PRIMARY KEY, size BIGINT, body BYTEA)",
                [],
            ),
            run("INSERT INTO notes_next (name) VALUES ('new')", []),
        ])
        .await
        .unwrap();
    assert_eq!(names(&*database).await, ["old"]);
    database
        .transact(vec![
            run("DROP TABLE notes", []),
            run("ALTER TABLE notes_next RENAME TO notes", []),
        ])
        .await
        .unwrap();
    assert_eq!(names(&*database).await, ["new"]);
    database.transact(vec![note("newer", 1)]).await.unwrap();
    assert_eq!(names(&*database).await, ["new", "newer"]);
}
