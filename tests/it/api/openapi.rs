//! The document is what the code says.

use std::collections::BTreeSet;

use lanyard::api::registered;
use serde_json::Value;

use crate::support::app::TestApp;

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let app = TestApp::new().await;
    let document = app.anyone().get("/api/openapi.json").await.is(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, _) in item.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let registered: BTreeSet<_> = registered()
        .into_iter()
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, registered);
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let app = TestApp::new().await;
    let document = app.anyone().get("/api/openapi.json").await.is(200);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_operation_has_its_own_id_and_names_its_problems() {
    let app = TestApp::new().await;
    let document = app.anyone().get("/api/openapi.json").await.is(200);
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(operation["responses"]["default"].is_object(), "{id}");
        }
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(to) if name == "$ref" => found.push(to.clone()),
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
