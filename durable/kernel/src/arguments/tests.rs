use serde_json::{Value, json};

use super::{ArgumentError, Bound, DefaultValue, InputSchema, Kind, Param, validate};

const TABLE: &[Param] = &[
    Param::required("name", Kind::Label { max: 8 }, "A name."),
    Param::optional("page_size", Kind::Integer { min: 1, max: 500 }, DefaultValue::Integer(50), "Items."),
    Param::optional(
        "ratio",
        Kind::Number { min: Bound::Excluded(0.0), max: Bound::Included(1.0) },
        DefaultValue::Number(0.5),
        "Part of the whole.",
    ),
    Param::optional("kind", Kind::OneOf(&["small", "large"]), DefaultValue::Text("small"), "Size."),
    Param::optional("flag", Kind::Boolean, DefaultValue::Boolean(true), "Yes or no."),
    Param::optional(
        "words",
        Kind::List { items: &Kind::Text { min: 1, max: 4 }, max: 3 },
        DefaultValue::EmptyList,
        "Words.",
    ),
    Param::nullable("options", &Kind::Object, "More."),
    Param::nullable("anything", &Kind::Any { usually: &Kind::Boolean }, "Whatever."),
    Param::nullable("note", &Kind::Text { min: 0, max: 3 }, "A note."),
];

fn refusal(arguments: &Value) -> String {
    validate(TABLE, arguments).expect_err("refused").to_string()
}

#[test]
fn defaults_stand_in_for_what_was_left_out() {
    assert_eq!(
        Value::Object(validate(TABLE, &json!({"name": "Cube"})).expect("accepted")),
        json!({
            "name": "Cube", "page_size": 50, "ratio": 0.5, "kind": "small", "flag": true, "words": [],
            "options": null, "anything": null, "note": null,
        })
    );
}

#[test]
fn given_values_are_kept() {
    let given = json!({
        "name": "Cube", "page_size": 500, "ratio": 1, "kind": "large", "flag": false, "words": ["a", "bcde"],
        "options": {"deep": [null]}, "anything": [1, {"x": null}], "note": "äöü",
    });
    assert_eq!(Value::Object(validate(TABLE, &given).expect("accepted")), given);
}

#[test]
fn no_arguments_at_all_count_as_an_empty_object() {
    assert_eq!(validate(&[], &Value::Null), validate(&[], &json!({})));
    assert!(validate(&[], &Value::Null).expect("accepted").is_empty());
}

#[test]
fn an_integer_may_be_written_with_a_fraction_of_zero() {
    let checked = validate(TABLE, &json!({"name": "x", "page_size": 5.0})).expect("accepted");
    assert_eq!(checked["page_size"].to_string(), "5");
}

#[test]
fn wrong_values_are_refused_with_what_is_expected_and_what_came() {
    let cases = [
        (json!({"page_size": "many"}), "page_size must be an integer from 1 to 500, got \"many\""),
        (json!({"page_size": "501"}), "page_size must be an integer from 1 to 500, got \"501\""),
        (json!({"page_size": "5 pages"}), "page_size must be an integer from 1 to 500, got \"5 pages\""),
        (json!({"page_size": 0}), "page_size must be an integer from 1 to 500, got 0"),
        (json!({"page_size": 501}), "page_size must be an integer from 1 to 500, got 501"),
        (json!({"page_size": 1.5}), "page_size must be an integer from 1 to 500, got 1.5"),
        (json!({"options": "[]"}), "options must be an object or null, got \"[]\""),
        (json!({"flag": "yes"}), "flag must be true or false, got \"yes\""),
        (json!({"page_size": 1e300}), "page_size must be an integer from 1 to 500, got 1e+300"),
        (json!({"page_size": u64::MAX}), "page_size must be an integer from 1 to 500, got 18446744073709551615"),
        (json!({"ratio": 0}), "ratio must be a number above 0 and at most 1, got 0"),
        (json!({"ratio": 1.01}), "ratio must be a number above 0 and at most 1, got 1.01"),
        (json!({"ratio": true}), "ratio must be a number above 0 and at most 1, got true"),
        (json!({"kind": "Small"}), "kind must be one of \"small\", \"large\", got \"Small\""),
        (json!({"flag": 1}), "flag must be true or false, got 1"),
        (
            json!({"words": "a"}),
            "words must be a list of at most 3 items, each a string of 1 to 4 characters, got \"a\"",
        ),
        (json!({"words": ["a", ""]}), "words[1] must be a string of 1 to 4 characters, got \"\""),
        (
            json!({"words": ["a", "a", "a", "a"]}),
            "words must be a list of at most 3 items, each a string of 1 to 4 characters, got a list of 4 items",
        ),
        (json!({"options": [1]}), "options must be an object or null, got a list of 1 item"),
        (json!({"note": {"a": 1}}), "note must be a string of at most 3 characters or null, got an object of 1 entry"),
        (json!({"note": "abcd"}), "note must be a string of at most 3 characters or null, got \"abcd\""),
    ];
    for (mut arguments, message) in cases {
        arguments["name"] = json!("Cube");
        assert_eq!(refusal(&arguments), message);
    }
}

#[test]
fn a_missing_argument_is_named_with_what_it_must_be() {
    assert_eq!(
        refusal(&json!({})),
        "name is required: it must be a string of 1 to 8 characters, without control characters or white space \
         around it"
    );
}

#[test]
fn an_unknown_argument_is_named_with_the_known_ones() {
    assert_eq!(
        refusal(&json!({"name": "x", "nme": 1})),
        "unknown argument \"nme\": known are name, page_size, ratio, kind, flag, words, options, anything, note"
    );
    let error = validate(&[], &json!({"x": 1})).expect_err("refused");
    assert_eq!(error.to_string(), "unknown argument \"x\": there are no arguments to give");
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    assert_eq!(refusal(&json!([1, 2])), "the arguments must be an object, got a list of 2 items");
}

#[test]
fn a_label_has_no_control_characters_and_no_white_space_around_it() {
    for good in ["a", "my cube", "Würfel", "日本", "a\u{a0}b", "12345678"] {
        assert!(validate(TABLE, &json!({"name": good})).is_ok(), "{good:?}");
    }
    for bad in
        ["", " ", " a", "a ", "a\n", "a\u{0}b", "a\u{85}b", "\u{feff}a", "\u{2003}", "123456789", "日本日本日本日本日"]
    {
        assert!(validate(TABLE, &json!({"name": bad})).is_err(), "{bad:?}");
    }
}

#[test]
fn messages_are_bounded_whatever_is_sent() {
    let huge = "\u{7}".repeat(1_000_000);
    let sent = [
        json!({"name": huge}),
        json!({huge.as_str(): 1}),
        json!(huge),
        json!({"name": vec![huge.as_str(); 3]}),
        json!({"name": {huge.as_str(): huge}}),
    ];
    for arguments in sent {
        assert!(refusal(&arguments).len() < 600);
    }
    assert!(refusal(&json!({"name": "x".repeat(1000)})).ends_with("xxx…\" (1000 characters)"));
}

#[test]
fn what_can_mean_one_thing_only_is_taken() {
    let given = json!({
        "name": "Cube", "page_size": "7", "ratio": " 0.25 ", "kind": null, "flag": "false", "words": "[\"a\", \"b\"]",
        "options": "{\"a\": 1}", "anything": "5", "note": "5",
    });
    assert_eq!(
        Value::Object(validate(TABLE, &given).expect("accepted")),
        json!({
            "name": "Cube", "page_size": 7, "ratio": 0.25, "kind": "small", "flag": false, "words": ["a", "b"],
            "options": {"a": 1}, "anything": "5", "note": "5",
        })
    );
    assert_eq!(validate(TABLE, &json!({"name": "x", "page_size": "5.0"})).expect("accepted")["page_size"], 5);
}

#[test]
fn the_whole_of_the_arguments_may_come_as_text() {
    for none in ["", " ", "{}", " {} ", "\u{feff}{}"] {
        assert!(validate(&[], &json!(none)).expect("accepted").is_empty(), "{none:?}");
    }
    assert_eq!(validate(TABLE, &json!("{\"name\": \"x\"}")), validate(TABLE, &json!({"name": "x"})));
    for other in ["x", "[]", "null", "\"{}\"", "{", "{} {}"] {
        assert!(validate(&[], &json!(other)).is_err(), "{other:?}");
    }
}

#[test]
fn null_for_what_must_be_given_is_refused() {
    let expected = "name must be a string of 1 to 8 characters, without control characters or white space around it";
    assert_eq!(refusal(&json!({"name": null})), format!("{expected}, got null"));
}

#[test]
fn the_schema_says_in_few_words_what_every_library_takes() {
    let schema = serde_json::to_string(&InputSchema(TABLE)).expect("serializes");
    let expected = concat!(
        r#"{"type":"object","properties":{"#,
        r#""name":{"type":"string","description":"A name."},"#,
        r#""page_size":{"type":"integer","minimum":1,"maximum":500,"description":"Items.","default":50},"#,
        r#""ratio":{"type":"number","maximum":1.0,"description":"Part of the whole.","default":0.5},"#,
        r#""kind":{"type":"string","enum":["small","large"],"description":"Size.","default":"small"},"#,
        r#""flag":{"type":"boolean","description":"Yes or no.","default":true},"#,
        r#""words":{"type":"array","items":{"type":"string"},"description":"Words."},"#,
        r#""options":{"type":"object","description":"More."},"#,
        r#""anything":{"type":"boolean","description":"Whatever."},"#,
        r#""note":{"type":"string","description":"A note."}"#,
        r#"},"required":["name"]}"#,
    );
    assert_eq!(schema, expected);
}

#[test]
fn an_error_made_by_hand_reads_like_the_others() {
    let error = ArgumentError::invalid("client_uuid", "another name", &json!("latest"));
    assert_eq!(error.to_string(), "client_uuid must be another name, got \"latest\"");
}
