//! The checks refuse what the tables exclude, and the published schemas admit what the checks accept, for every tool.
//!
//! A published schema says less than is checked. `exact` says all of it, in words that only a validator takes.

use ::bus::wire::tools::{BusCall, CallError, JobCall};
use kernel::arguments::{Bound, InputSchema, Kind, Param, validate};
use proptest::prelude::{any, prop};
use proptest::prop_assert_eq;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::super::{DispatchCall, Tool, bus, served};

/// Values at and around every limit in the tables, and some of each JSON type.
fn pool(property: &Value) -> Vec<Value> {
    let mut pool =
        vec![Value::Null, json!(true), json!(false), json!([]), json!({}), json!({"a": null}), json!("latest")];
    pool.extend([0_i64, 1, -1, 7, 8, 50, 51, 100, 101, 500, 501, 3600, 3601, 2_147_483_648].map(Value::from));
    pool.extend([0.0, 1.0, 0.5, -0.5, 7.0, 500.0, 50.5, 3600.5, 1e300, -1e300, 9.3e15].map(Value::from));
    pool.extend([json!(i64::MIN), json!(u64::MAX)]);
    let lengths = [1, 64, 65, 127, 128, 129, 255, 256, 512, 513, 1024, 1025, 4096, 4097];
    pool.extend(lengths.iter().flat_map(|length| ["x", "é", "🙂"].map(|text| json!(text.repeat(*length)))));
    let texts = ["", " ", " x", "x ", "x y", "x\n", "\n", "a\u{0}b", "a\u{7f}b", "a\u{85}b", "\u{85}", "\u{feff}x"];
    pool.extend(texts.map(Value::from));
    pool.extend(["x\u{2003}", "\u{a0}", "x\u{2028}y", "\u{200b}", "INFO", "\\", "\"", "^$"].map(Value::from));
    pool.extend([json!(["a"]), json!([""]), json!([1, null]), json!(vec!["c"; 64]), json!(vec!["c"; 65])]);
    pool.extend([json!(vec![0; 16]), json!(vec![0; 17]), json!(["c".repeat(128)]), json!(["c".repeat(129)])]);
    pool.extend(property.get("default").cloned());
    words(property, &mut pool);
    pool
}

/// Adds the words of a property's choices.
fn words(schema: &Value, pool: &mut Vec<Value>) {
    pool.extend(schema["enum"].as_array().cloned().unwrap_or_default());
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        words(alternative, pool);
    }
}

/// For each property what may be given: values its schema admits, and values it refuses.
type Choices = Vec<(String, Vec<Value>, Vec<Value>)>;

fn choices(schema: &Value) -> Choices {
    let properties = schema["properties"].as_object().expect("properties");
    let split = properties.iter().map(|(name, property)| {
        let validator = jsonschema::draft202012::new(property).expect("compiles");
        let (good, bad) = pool(property).into_iter().partition(|value| validator.is_valid(value));
        (name.clone(), good, bad)
    });
    split.collect()
}

/// Arguments that are mostly right: the first number of each pick says right, left out or wrong.
fn arguments(choices: &Choices, picks: &[(u8, Index)], stray: u8) -> Value {
    let mut arguments = Map::new();
    for ((name, good, bad), (pick, index)) in choices.iter().zip(picks) {
        let from = match pick {
            0..=1 => continue,
            2..=3 if !bad.is_empty() => bad,
            _ => good,
        };
        arguments.insert(name.clone(), index.get(from).clone());
    }
    if stray == 0 {
        arguments.insert("stray".to_owned(), Value::Null);
    }
    Value::Object(arguments)
}

fn accepts(tool: Tool, arguments: &Value) -> bool {
    let outcome = match tool {
        Tool::Dispatch(tool) => DispatchCall::parse(tool, arguments).map(drop).map_err(CallError::from),
        Tool::Bus(tool) => BusCall::parse(tool.name, arguments).map(drop),
        Tool::Job(tool) => JobCall::parse(tool.name, arguments).map(drop),
        Tool::File(_) => validate(&tool.parameters(), arguments).map(drop).map_err(CallError::from),
        Tool::Account(tool) => validate(tool.parameters, arguments).map(drop).map_err(CallError::from),
    };
    assert!(!matches!(outcome, Err(CallError::Mismatch { .. } | CallError::UnknownTool { .. })), "{outcome:?}");
    outcome.is_ok()
}

/// What a schema cannot say: the reserved name, and the two targets that exclude each other.
fn beyond_the_schema(tool: Tool, arguments: &Value) -> bool {
    match tool.name() {
        "blender_register_client" => arguments["client_uuid"] == "latest",
        "blender_submit" => arguments["target_uuid"].is_string() && arguments["target_group"].is_string(),
        _ => false,
    }
}

/// A schema that admits exactly what the check accepts, apart from what stands in quotes.
fn exact(parameters: &[Param]) -> Value {
    let optional = |param: &Param| param.default.value().is_some();
    let property = |param: &Param| {
        let mut schema = exact_kind(&param.kind);
        if optional(param) {
            schema = json!({"anyOf": [schema, {"type": "null"}]});
        }
        schema["default"] = param.default.value().unwrap_or_default();
        (param.name.to_owned(), schema)
    };
    let required: Vec<&str> = parameters.iter().filter(|param| !optional(param)).map(|param| param.name).collect();
    let properties: Map<String, Value> = parameters.iter().map(property).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn exact_kind(kind: &Kind) -> Value {
    let bounds = |names: [&str; 2], bound: Bound| match bound {
        Bound::Included(bound) => (names[0].to_owned(), json!(bound)),
        Bound::Excluded(bound) => (names[1].to_owned(), json!(bound)),
    };
    match kind {
        Kind::Text { min, max } => json!({"type": "string", "minLength": min, "maxLength": max}),
        Kind::Label { max } => json!({"type": "string", "minLength": 1, "maxLength": max, "pattern":
            "^[^\\s\\u0000-\\u001F\\u007F-\\u009F]([^\\u0000-\\u001F\\u007F-\\u009F]*[^\\s\\u0000-\\u001F\\u007F-\\u009F])?$"}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Number { min, max } => {
            let mut schema = Map::from_iter([("type".to_owned(), json!("number"))]);
            schema
                .extend([bounds(["minimum", "exclusiveMinimum"], *min), bounds(["maximum", "exclusiveMaximum"], *max)]);
            Value::Object(schema)
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::OneOf(names) => json!({"type": "string", "enum": names}),
        Kind::List { items, max } => json!({"type": "array", "items": exact_kind(items), "maxItems": max}),
        Kind::Object => json!({"type": "object"}),
        Kind::Any { .. } => json!({}),
        Kind::AnyOf(kinds) => json!({"anyOf": kinds.iter().map(exact_kind).collect::<Vec<_>>()}),
        Kind::Nullable(kind) => json!({"anyOf": [exact_kind(kind), {"type": "null"}]}),
    }
}

/// Whether a value has the one form that the list shows.
fn is_plain(tool: Tool, name: &str, value: &Value) -> bool {
    let parameters = tool.parameters();
    let kind = parameters.iter().find(|param| param.name == name).map(|param| param.kind);
    let is_one_of_many = match kind {
        Some(Kind::Any { .. } | Kind::Nullable(Kind::Any { .. } | Kind::List { items: Kind::Any { .. }, .. })) => true,
        Some(Kind::AnyOf(_)) => value.is_number(),
        _ => false,
    };
    !is_one_of_many && !value.is_null()
}

#[test]
fn the_check_accepts_exactly_what_the_table_says_and_the_list_admits_it() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut admitted, mut refused) = (0_u32, 0_u32);
    for tool in served().chain(bus::JOB_LISTINGS.iter().map(Tool::Job)) {
        let schema = exact(&tool.parameters());
        let validator = jsonschema::draft202012::new(&schema).expect("compiles");
        let listed = serde_json::to_value(InputSchema(&tool.parameters())).expect("serializes");
        let listed = jsonschema::draft202012::new(&listed).expect("compiles");
        let choices = choices(&schema);
        let picks = prop::collection::vec((0_u8..30, any::<Index>()), choices.len());
        let outcome = runner.run(&(picks, 0_u8..40), |(picks, stray)| {
            let arguments = arguments(&choices, &picks, stray);
            let expected = validator.is_valid(&arguments);
            prop_assert_eq!(
                validate(&tool.parameters(), &arguments).is_ok(),
                expected,
                "{}: {}",
                tool.name(),
                &arguments
            );
            prop_assert_eq!(accepts(tool, &arguments), expected && !beyond_the_schema(tool, &arguments));
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", tool.name()));
        // Each single value, so that no limit is left to chance.
        for (name, good, bad) in &choices {
            for (value, expected) in good.iter().map(|v| (v, true)).chain(bad.iter().map(|v| (v, false))) {
                let mut arguments: Map<String, Value> = minimal(&schema, &choices);
                arguments.insert(name.clone(), value.clone());
                let arguments = Value::Object(arguments);
                assert_eq!(validator.is_valid(&arguments), expected, "{}: {arguments}", tool.name());
                assert_eq!(validate(&tool.parameters(), &arguments).is_ok(), expected, "{}: {arguments}", tool.name());
                if expected && is_plain(tool, name, value) {
                    assert!(listed.is_valid(&arguments), "{}: {arguments}", tool.name());
                }
                *(if expected { &mut admitted } else { &mut refused }) += 1;
            }
        }
    }
    assert!(admitted > 2000 && refused > 5000, "the pool has both kinds: {admitted}, {refused}");
}

fn minimal(schema: &Value, choices: &Choices) -> Map<String, Value> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let needed = choices.iter().filter(|(name, ..)| required.iter().any(|known| known == name.as_str()));
    needed.map(|(name, good, _)| (name.clone(), good[0].clone())).collect()
}
