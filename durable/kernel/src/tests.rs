//! The SQLite of these tests is a double of the runtime's. `tests/test_sql_double.py` runs the same cases on the runtime.

use serde_json::Value as Json;

use crate::storage::{MAX_INTEGER, MAX_VALUE_BYTES, Row, Sql, StorageError, Value};
use crate::testing::Memory;

const CASES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/sql_cases.json"));

fn value(described: &Json) -> Value {
    let text = described[1].as_str().unwrap();
    match described[0].as_str().unwrap() {
        "null" => Value::Null,
        "integer" => Value::Integer(text.parse().unwrap()),
        "real" => Value::Real(text.parse().unwrap()),
        "text" => Value::Text(text.to_owned()),
        "blob" => Value::Blob(text.as_bytes().to_vec()),
        other => panic!("no value is {other}"),
    }
}

fn values(described: &Json) -> Vec<Value> {
    described.as_array().unwrap().iter().map(value).collect()
}

#[test]
fn the_double_does_with_each_value_what_the_runtime_does() {
    let memory = Memory::new();
    memory.batch("CREATE TABLE cases (i INTEGER, t TEXT) STRICT").unwrap();
    for case in serde_json::from_str::<Vec<Json>>(CASES).unwrap() {
        let (statement, parameters) = (case["statement"].as_str().unwrap(), values(&case["parameters"]));
        let ran = memory.run(statement, &parameters);
        if case["fails"] == true {
            assert!(ran.is_err(), "{}: {ran:?}", case["name"]);
        } else {
            let expected: Vec<Row> = case["rows"].as_array().unwrap().iter().map(|row| Row(values(row))).collect();
            assert_eq!(ran.unwrap(), expected, "{}", case["name"]);
        }
        let is_refused = matches!(memory.query(statement, &parameters), Err(StorageError::Parameter { .. }));
        assert_eq!(is_refused, case["refused"] == true, "{}", case["name"]);
    }
}

#[test]
fn what_the_runtime_cannot_store_never_reaches_it() {
    let memory = Memory::new();
    let refused = [
        Value::Integer(MAX_INTEGER + 1),
        Value::Integer(-MAX_INTEGER - 1),
        Value::Integer(i64::MIN),
        Value::Real(f64::NAN),
        Value::Real(f64::INFINITY),
        Value::Text("x".repeat(MAX_VALUE_BYTES + 1)),
        Value::Blob(vec![0; MAX_VALUE_BYTES + 1]),
    ];
    for value in refused {
        let parameters = [Value::Null, value];
        let outcome = memory.query("SELECT ?, ?", &parameters);
        assert!(matches!(outcome, Err(StorageError::Parameter { place: 1, .. })), "{outcome:?}");
    }
    let kept = [Value::Integer(MAX_INTEGER), Value::Integer(-MAX_INTEGER), Value::Real(0.5)];
    for value in kept {
        assert_eq!(memory.query("SELECT ?", core::slice::from_ref(&value)).unwrap(), [Row(vec![value])]);
    }
}
