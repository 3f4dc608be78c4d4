//! A parameter table as JSON Schema 2020-12. Properties keep the order of their table.
//!
//! `null` is written as `anyOf`, not as a list of types: more model providers understand it.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Bound, Kind, Param};

/// The `inputSchema` of a tool with these parameters.
#[derive(Debug, Clone, Copy)]
pub struct InputSchema<'a>(pub &'a [Param]);

struct Properties<'a>(&'a [Param]);
struct Property<'a>(&'a Param);

impl Serialize for InputSchema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let required: Vec<&str> =
            self.0.iter().filter(|param| param.default.value().is_none()).map(|param| param.name).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "object")?;
        map.serialize_entry("properties", &Properties(self.0))?;
        if !required.is_empty() {
            map.serialize_entry("required", &required)?;
        }
        map.serialize_entry("additionalProperties", &false)?;
        map.end()
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|param| (param.name, Property(param))))
    }
}

impl Serialize for Property<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.kind.write(&mut map)?;
        map.serialize_entry("description", self.0.description)?;
        if let Some(default) = self.0.default.value() {
            map.serialize_entry("default", &default)?;
        }
        map.end()
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map)?;
        map.end()
    }
}

impl Kind {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Text { min, max } => write_text(map, *min, *max),
            Self::Label { max } => {
                write_text(map, 1, *max)?;
                map.serialize_entry("pattern", LABEL_PATTERN)
            }
            Self::Integer { min, max } => {
                map.serialize_entry("type", "integer")?;
                map.serialize_entry("minimum", min)?;
                map.serialize_entry("maximum", max)
            }
            Self::Number { min, max } => {
                map.serialize_entry("type", "number")?;
                match min {
                    Bound::Included(bound) => map.serialize_entry("minimum", bound)?,
                    Bound::Excluded(bound) => map.serialize_entry("exclusiveMinimum", bound)?,
                }
                match max {
                    Bound::Included(bound) => map.serialize_entry("maximum", bound),
                    Bound::Excluded(bound) => map.serialize_entry("exclusiveMaximum", bound),
                }
            }
            Self::Boolean => map.serialize_entry("type", "boolean"),
            Self::OneOf(names) => {
                map.serialize_entry("type", "string")?;
                map.serialize_entry("enum", names)
            }
            Self::List { items, max } => {
                map.serialize_entry("type", "array")?;
                map.serialize_entry("items", items)?;
                map.serialize_entry("maxItems", max)
            }
            Self::Object => map.serialize_entry("type", "object"),
            Self::AnyOf(kinds) => map.serialize_entry("anyOf", kinds),
            // Without any keyword a schema admits everything, null included.
            Self::Any | Self::Nullable(Self::Any) => Ok(()),
            Self::Nullable(kind) => map.serialize_entry("anyOf", &(kind, Null)),
        }
    }
}

/// Neither end white space, no control character (C0, DEL, C1) anywhere.
const LABEL_PATTERN: &str = "^[^\\s\\u0000-\\u001F\\u007F-\\u009F]\
    ([^\\u0000-\\u001F\\u007F-\\u009F]*[^\\s\\u0000-\\u001F\\u007F-\\u009F])?$";

fn write_text<M: SerializeMap>(map: &mut M, min: usize, max: usize) -> Result<(), M::Error> {
    map.serialize_entry("type", "string")?;
    if min > 0 {
        map.serialize_entry("minLength", &min)?;
    }
    map.serialize_entry("maxLength", &max)
}

struct Null;

impl Serialize for Null {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("type", "null")])
    }
}
