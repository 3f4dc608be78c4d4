//! Statements of an object's SQLite, each in one call out of the module: `shim.js` says what the texts are.

use kernel::storage::{Row, StorageError, Value};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::SqlStorage;
use worker::wasm_bindgen::JsValue;

#[wasm_bindgen(module = "/src/shim.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn rows(sql: &JsValue, statement: &str, parameters: &str) -> Result<Option<String>, JsValue>;
}

/// Runs one statement and returns its rows.
///
/// # Errors
/// What the runtime says against it.
pub fn run(sql: &SqlStorage, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
    let found = rows(sql.as_ref(), statement, &packed(parameters)?);
    let found = found.map_err(|error| StorageError::Statement(worker::Error::from(error).to_string()))?;
    found.as_deref().map_or_else(|| Ok(Vec::new()), unpacked)
}

fn packed(parameters: &[Value]) -> Result<String, StorageError> {
    let parameters: Vec<Going<'_>> = parameters.iter().map(Going).collect();
    serde_json::to_string(&parameters).map_err(|error| StorageError::Statement(error.to_string()))
}

fn unpacked(rows: &str) -> Result<Vec<Row>, StorageError> {
    let rows: Vec<Vec<Coming>> =
        serde_json::from_str(rows).map_err(|error| StorageError::Statement(error.to_string()))?;
    Ok(rows.into_iter().map(|row| Row(row.into_iter().map(|Coming(value)| value).collect())).collect())
}

/// A value on its way into the database. JSON has no number that is not finite; the database makes NULL of those too.
struct Going<'a>(&'a Value);

impl Serialize for Going<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Real(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Blob(bytes) => bytes.serialize(serializer),
        }
    }
}

/// A value on its way out of it.
struct Coming(Value);

impl<'de> Deserialize<'de> for Coming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ComingVisitor).map(Self)
    }
}

struct ComingVisitor;

impl<'de> Visitor<'de> for ComingVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("a value of the database")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, is_positive: bool) -> Result<Value, E> {
        Ok(Value::Real(if is_positive { f64::INFINITY } else { f64::NEG_INFINITY }))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::of_number(number as f64))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::of_number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::of_number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Value, A::Error> {
        let mut blob = Vec::new();
        while let Some(byte) = bytes.next_element::<u8>()? {
            blob.push(byte);
        }
        Ok(Value::Blob(blob))
    }
}

#[cfg(test)]
mod tests {
    use super::{packed, unpacked};
    use kernel::storage::{Row, Value};

    #[test]
    fn values_go_as_json() {
        let parameters = [
            Value::Null,
            Value::Integer(-5),
            Value::Integer(9_007_199_254_740_991),
            Value::Real(0.1),
            Value::Real(f64::NAN),
            Value::Text("\"\0\u{2028}\u{1fa91}".to_owned()),
            Value::Blob(vec![0, 255]),
        ];
        assert_eq!(
            packed(&parameters).unwrap(),
            "[null,-5,9007199254740991,0.1,null,\"\\\"\\u0000\u{2028}\u{1fa91}\",[0,255]]"
        );
        assert_eq!(packed(&[]).unwrap(), "[]");
    }

    #[test]
    fn rows_come_as_json() {
        let rows =
            unpacked("[[null,-5,9007199254740993,1e+21,2.5],[true,false,\"\\ud83e\\ude91\",[],[0,255]]]").unwrap();
        let expected = [
            Row(vec![
                Value::Null,
                Value::Integer(-5),
                Value::Real(9_007_199_254_740_992.0),
                Value::Real(1e21),
                Value::Real(2.5),
            ]),
            Row(vec![
                Value::Real(f64::INFINITY),
                Value::Real(f64::NEG_INFINITY),
                Value::Text("\u{1fa91}".to_owned()),
                Value::Blob(Vec::new()),
                Value::Blob(vec![0, 255]),
            ]),
        ];
        assert_eq!(rows, expected);
        for broken in ["", "[1]", "[[256,{}]]", "[[[256]]]"] {
            assert!(unpacked(broken).is_err(), "{broken}");
        }
    }
}
