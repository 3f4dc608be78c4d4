//! A parameter table as JSON Schema, in the subset that every model provider and client library takes. Properties keep
//! the order of their table.
//!
//! Each property has one `type`. There is no `anyOf`, no `null`, no `additionalProperties`, no `pattern`, no exclusive
//! bound and no property that begins with an underscore: each of these makes some library refuse the tool, and some of
//! them the whole list. The check is stricter, and its messages say what the schema leaves out.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Bound, DefaultValue, Kind, Param};

/// Bounds beyond this say nothing that a model could use.
const LARGEST_TELLING: i64 = 10_000;

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
        match self.0.default {
            DefaultValue::Required | DefaultValue::Null | DefaultValue::EmptyList => {}
            DefaultValue::Text("") => {}
            default => map.serialize_entry("default", &default.value())?,
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
            Self::Text { .. } | Self::Label { .. } => map.serialize_entry("type", "string"),
            Self::Integer { min, max } => {
                map.serialize_entry("type", "integer")?;
                if *min >= -LARGEST_TELLING {
                    map.serialize_entry("minimum", min)?;
                }
                if *max <= LARGEST_TELLING { map.serialize_entry("maximum", max) } else { Ok(()) }
            }
            Self::Number { min, max } => {
                map.serialize_entry("type", "number")?;
                if let Bound::Included(bound) = min {
                    map.serialize_entry("minimum", bound)?;
                }
                if let Bound::Included(bound) = max { map.serialize_entry("maximum", bound) } else { Ok(()) }
            }
            Self::Boolean => map.serialize_entry("type", "boolean"),
            Self::OneOf(names) => {
                map.serialize_entry("type", "string")?;
                map.serialize_entry("enum", names)
            }
            Self::List { items, .. } => {
                map.serialize_entry("type", "array")?;
                map.serialize_entry("items", items)
            }
            Self::Object => map.serialize_entry("type", "object"),
            Self::Any { usually: kind } | Self::Nullable(kind) => kind.write(map),
            Self::AnyOf(kinds) => kinds.first().unwrap_or(&Self::Object).write(map),
        }
    }
}
