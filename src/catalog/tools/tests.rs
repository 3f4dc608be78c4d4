mod agreement;
use ::bus::wire::guests::LOOKS;
use ::bus::wire::tables::{
    BUS_TOOLS, JOB_CANCEL, JOB_RESULT, JOB_STATUS, JOB_TOOLS, LIST_AVAILABLE_CLIENTS, LIST_JOBS, SEND_MESSAGE, SUBMIT,
};
use kernel::access::Guest;
use kernel::arguments::InputSchema;
use serde_json::{Value, json};

use super::model::Changes;
use super::{
    DispatchCall, DispatchTool, Profile, Tool, bus, bytes_to_models, dispatch_tools, find, list, list_for, served,
};

/// The public contract of the dispatch tools: command, own parameters, default of `timeout_seconds`.
const CONTRACT: &str = include_str!("tests/contract.txt");

fn listed() -> Vec<Value> {
    serde_json::from_str(list(Profile::Full).get()).expect("the list is a JSON array")
}

fn dispatch(name: &str) -> &'static DispatchTool {
    match find(name) {
        Some(Tool::Dispatch(tool)) => tool,
        other => panic!("{name}: {other:?}"),
    }
}

fn parsed(name: &str, arguments: Value) -> DispatchCall {
    DispatchCall::parse(dispatch(name), &arguments).expect("accepted")
}

fn refusal(name: &str, arguments: Value) -> String {
    DispatchCall::parse(dispatch(name), &arguments).expect_err("refused").to_string()
}

/// One property of an input schema, in the notation of [`CONTRACT`].
fn signature(name: &str, property: &Value, is_required: bool) -> String {
    fn kind(schema: &Value) -> String {
        if let Some(names) = schema["enum"].as_array() {
            return names.iter().map(|name| name.as_str().expect("a string")).collect::<Vec<_>>().join("|");
        }
        match schema["type"].as_str() {
            Some("integer") if schema["minimum"].is_null() => "integer".to_owned(),
            Some("integer") if schema["maximum"].is_null() => format!("integer {}..", schema["minimum"]),
            Some("integer") => format!("integer {}..{}", schema["minimum"], schema["maximum"]),
            Some(name) => name.to_owned(),
            None => panic!("no type: {schema}"),
        }
    }
    match property.get("default") {
        Some(default) => format!("{name}: {} = {default}", kind(property)),
        None if is_required => format!("{name}: {}", kind(property)),
        None => format!("{name}: {}? = null", kind(property)),
    }
}

#[test]
fn the_dispatch_tools_are_those_of_the_contract() {
    let contract = CONTRACT.trim().replace("\n    ", " ");
    let lines: Vec<&str> = contract.lines().collect();
    let tools = listed();
    let dispatched = tools.iter().filter(|tool| tool["inputSchema"]["properties"].get("timeout_seconds").is_some());
    assert_eq!(dispatched.count(), lines.len());
    for line in lines {
        let columns: Vec<&str> = line.split(';').map(str::trim).collect();
        let [command, own, timeout] = columns[..] else { panic!("{line}") };
        agrees(&tools, command, own, timeout);
    }
}

fn agrees(tools: &[Value], command: &str, own: &str, timeout: &str) {
    let name = format!("blender_{command}");
    let tool = tools.iter().find(|tool| tool["name"] == name.as_str()).unwrap_or_else(|| panic!("no {name}"));
    let properties = tool["inputSchema"]["properties"].as_object().expect("properties");
    let mut own: Vec<String> = own.split(", ").filter(|text| !text.is_empty()).map(str::to_owned).collect();
    let required: Vec<&String> = own.iter().filter(|text| !text.contains('=')).collect();
    let named: Vec<&Value> = tool["inputSchema"]["required"].as_array().into_iter().flatten().collect();
    assert_eq!(required.len(), named.len(), "{name}");
    own.push("target_uuid: string? = null".to_owned());
    own.push(format!("timeout_seconds: number = {timeout}.0"));
    own.sort();
    let found = properties.iter().map(|(name, property)| signature(name, property, named.contains(&&json!(name))));
    let mut found: Vec<String> = found.collect();
    found.sort();
    assert_eq!(found, own, "{name}");
    assert_eq!(properties["timeout_seconds"]["maximum"], json!(3600.0));
}

#[test]
fn the_first_tool_can_be_called_without_arguments() {
    let first = &listed()[0];
    assert_eq!(first["name"], "blender_get_scene_info");
    assert_eq!(first["inputSchema"].get("required"), None);
    parsed("blender_get_scene_info", json!({}));
}

#[test]
fn names_are_unique_and_found() {
    let tools = listed();
    let mut names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    for name in &names {
        assert_eq!(find(name).expect("found").name(), *name);
    }
    for name in &names {
        assert!(
            name.len() <= 64
                && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'),
            "{name}"
        );
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), tools.len());
    assert!(find("blender_nothing").is_none());
    assert!(find("get_scene_info").is_none());
    assert!(find("").is_none());
}

#[test]
fn every_bus_tool_has_a_listing_and_parameters() {
    for (tables, listings) in [(BUS_TOOLS, bus::BUS_LISTINGS), (JOB_TOOLS, bus::JOB_LISTINGS)] {
        let tables: Vec<&str> = tables.iter().map(|tool| tool.name).collect();
        let listings: Vec<&str> = listings.iter().map(|tool| tool.name).collect();
        assert_eq!(tables, listings);
    }
}

#[test]
fn every_tool_and_parameter_is_described() {
    for tool in listed() {
        let name = tool["name"].as_str().expect("a name");
        assert!(tool["description"].as_str().is_some_and(|text| text.len() > 60 && text.ends_with('.')), "{name}");
        assert!(!tool["description"].as_str().is_some_and(|text| text.contains("  ")), "{name}: stray white space");
        assert!(tool["title"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert_eq!(tool["title"], tool["annotations"]["title"], "{name}");
        for (argument, property) in tool["inputSchema"]["properties"].as_object().expect("properties") {
            let description = property["description"].as_str().expect("a description");
            assert!(description.ends_with('.') && !description.contains("  "), "{name}.{argument}");
        }
    }
}

#[test]
fn what_guests_may_do_unasked_changes_nothing_whatever_it_is_given() {
    for command in LOOKS {
        let tool = DispatchTool::of_command(command).unwrap_or_else(|| panic!("{command} is none"));
        assert!(tool.annotations.read_only && tool.changes == Changes::Never, "{command}");
    }
    let listed = |guest| -> Vec<String> {
        let tools: Vec<Value> = serde_json::from_str(list_for(guest).get()).expect("a JSON array");
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    };
    let watch = listed(Guest::Watch);
    let picture = "blender_get_viewport_screenshot";
    let jobs = [JOB_STATUS, JOB_RESULT, LIST_JOBS, LIST_AVAILABLE_CLIENTS];
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
    assert!(watch.len() == 5 && has(&watch, picture) && jobs.iter().all(|name| has(&watch, name)), "{watch:?}");
    let work = listed(Guest::Work);
    for name in ["blender_execute_code", SUBMIT, JOB_CANCEL, picture] {
        assert!(has(&work, name), "{name}");
    }
    for name in [SEND_MESSAGE, "blender_register_client", "blender_create_access_token"] {
        assert!(!has(&work, name), "{name}");
    }
}

#[test]
fn reads_deletes_and_downloads_are_annotated() {
    for tool in served() {
        let (name, annotations) = (tool.name(), tool.annotations());
        let command = name.strip_prefix("blender_").expect("the prefix");
        if command.starts_with("get_") || command.starts_with("list_") || command.starts_with("search_") {
            assert!(annotations.read_only && !annotations.destructive, "{name}");
        }
        // What it searches is inside Blender.
        let is_search = command.starts_with("search_") && command != "search_api";
        if command.starts_with("download_") || is_search {
            assert!(annotations.open_world, "{name}");
        }
        if annotations.read_only {
            assert!(annotations.idempotent && !annotations.destructive, "{name}");
        }
    }
    for name in ["blender_execute_code", "blender_msgbus_clear_by_owner", "blender_unregister_client"] {
        let annotations = find(name).expect("found").annotations();
        assert!(annotations.destructive && !annotations.read_only, "{name}");
    }
}

#[test]
fn schemas_are_valid_json_schema() {
    for tool in listed() {
        for key in ["inputSchema", "outputSchema"] {
            jsonschema::draft202012::meta::validate(&tool[key])
                .unwrap_or_else(|error| panic!("{}: {error}", tool["name"]));
            assert_eq!(tool[key]["type"], "object");
        }
    }
    for tool in bus::JOB_LISTINGS.iter().map(Tool::Job) {
        let input = serde_json::to_value(InputSchema(&tool.parameters())).expect("serializes");
        jsonschema::draft202012::meta::validate(&input).expect("valid");
    }
    for listing in bus::JOB_LISTINGS {
        jsonschema::draft202012::meta::validate(&(listing.output)()).expect("valid");
    }
}

#[test]
fn a_profile_lists_a_part_of_the_tools_and_keeps_its_size() {
    let names = |profile| -> Vec<String> {
        let tools: Vec<Value> = serde_json::from_str(list(profile).get()).expect("a JSON array");
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    };
    let full = names(Profile::Full);
    assert_eq!(full.len(), served().count());
    for (profile, most_bytes) in
        [(Profile::Core, 7_900), (Profile::Scene, 21_500), (Profile::Assets, 21_300), (Profile::Full, 40_800)]
    {
        let (names, bytes) = (names(profile), bytes_to_models(profile));
        assert!(names.iter().all(|name| full.contains(name)), "{profile:?}");
        assert!(names.len() > 9 && names[0] == "blender_get_scene_info", "{profile:?}: {names:?}");
        assert!(bytes <= most_bytes, "{profile:?} has grown to {bytes} bytes");
        assert!(
            list(profile).get().len() <= bytes * 2,
            "{profile:?}: titles, annotations and output schemas have grown"
        );
    }
    let core = names(Profile::Core);
    assert!(names(Profile::Scene).iter().filter(|name| core.contains(name)).count() == core.len());
    for name in ["blender_execute_code", "blender_get_viewport_screenshot", "blender_job_result"] {
        assert!(core.contains(&name.to_owned()), "{name}");
    }
}

/// Keywords that all of the usual model providers and client libraries take in an input schema.
const COMMON_KEYWORDS: [&str; 9] =
    ["type", "properties", "required", "items", "enum", "minimum", "maximum", "description", "default"];

fn is_common(place: &str, schema: &Value) {
    let keywords = schema.as_object().unwrap_or_else(|| panic!("{place}: {schema}"));
    for keyword in keywords.keys() {
        assert!(COMMON_KEYWORDS.contains(&keyword.as_str()), "{place}: {keyword}");
    }
    assert!(schema["type"].is_string(), "{place}: {schema}");
    assert!(!schema["default"].is_null() || !keywords.contains_key("default"), "{place}: a default of null");
    assert_eq!(schema["type"] == "array", keywords.contains_key("items"), "{place}");
    if let Some(items) = keywords.get("items") {
        is_common(&format!("{place}[]"), items);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        assert!(name.chars().next().is_some_and(|first| first.is_ascii_alphabetic()), "{place}.{name}");
        is_common(&format!("{place}.{name}"), property);
    }
}

#[test]
fn input_schemas_keep_to_what_every_library_takes() {
    for tool in listed() {
        is_common(tool["name"].as_str().unwrap_or_default(), &tool["inputSchema"]);
        assert!(tool["inputSchema"]["properties"].is_object());
    }
}

#[test]
fn the_envelope_is_admitted_in_every_status() {
    let tools = listed();
    let schema = &tools.iter().find(|tool| tool["name"] == "blender_get_scene_info").expect("listed")["outputSchema"];
    let validator = jsonschema::draft202012::new(schema).expect("compiles");
    for status in [
        "completed",
        "failed",
        "timeout",
        "no_client",
        "ambiguous_target",
        "unknown_target",
        "disconnected",
        "cancelled",
    ] {
        let envelope = json!({"status": status, "command": "get_scene_info", "target_uuid": "b-1",
            "job_id": "j-0123456789ab", "result": "{}", "error": ""});
        assert!(validator.is_valid(&envelope), "{status}");
    }
    let no_job = json!({"status": "no_client", "command": "get_scene_info", "target_uuid": null, "job_id": null,
        "result": "", "error": "", "hint": "Open Blender.", "candidates": []});
    assert!(validator.is_valid(&no_job));
    assert!(!validator.is_valid(&json!({"status": "completed"})), "result and error are always there");
}

#[test]
fn the_target_and_the_timeout_do_not_reach_the_peer() {
    for timeout in ["timeout_seconds", "_timeout"] {
        let call = parsed("blender_get_object_info", json!({"name": "Cube", "target_uuid": "b-1", timeout: 2}));
        assert_eq!(call.command, "get_object_info");
        assert_eq!(Value::Object(call.params), json!({"name": "Cube"}));
        assert_eq!(call.target_uuid.as_deref(), Some("b-1"));
        assert!((call.timeout_seconds - 2.0).abs() < f64::EPSILON);
    }
}

#[test]
fn the_two_names_of_the_timeout_must_not_contradict_each_other() {
    for arguments in [
        json!({"timeout_seconds": 2, "_timeout": 2}),
        json!({"timeout_seconds": 2, "_timeout": null}),
        json!({"timeout_seconds": null, "_timeout": 2}),
    ] {
        assert!((parsed("blender_get_scene_info", arguments).timeout_seconds - 2.0).abs() < f64::EPSILON);
    }
    let both = parsed("blender_get_scene_info", json!({"timeout_seconds": null, "_timeout": null}));
    assert!((both.timeout_seconds - 30.0).abs() < f64::EPSILON);
    let message = refusal("blender_get_scene_info", json!({"timeout_seconds": 2, "_timeout": 3}));
    assert!(message.starts_with("unknown argument \"timeout_seconds\": known are "), "{message}");
}

#[test]
fn defaults_are_filled_in_and_nulls_left_out() {
    let call = parsed("blender_browse_data", json!({"item_name": null}));
    assert_eq!(Value::Object(call.params), json!({"page": 1, "page_size": 50, "detail_level": "summary"}));
    assert_eq!(call.target_uuid, None);
    assert!((call.timeout_seconds - 30.0).abs() < f64::EPSILON);
    let nested = parsed("blender_console_operations", json!({"params": {"kept": null}}));
    assert_eq!(Value::Object(nested.params), json!({"operation": "get_info", "params": {"kept": null}}));
}

#[test]
fn latest_is_a_target() {
    let latest = parsed("blender_get_scene_info", json!({"target_uuid": "latest"}));
    assert_eq!(latest.target_uuid.as_deref(), Some("latest"));
    assert_eq!(parsed("blender_get_scene_info", json!({})).target_uuid, None);
}

#[test]
fn a_blank_target_is_refused() {
    for target in ["", " ", "\t"] {
        let message = refusal("blender_get_scene_info", json!({"target_uuid": target}));
        assert!(message.starts_with("target_uuid must be a string of 1 to 128 characters"), "{message}");
    }
}

#[test]
fn a_timeout_is_above_zero_and_at_most_an_hour() {
    for name in ["timeout_seconds", "_timeout"] {
        for timeout in [json!(0), json!(-1), json!(3600.1), json!("0"), json!("soon"), json!(1e300)] {
            let message = refusal("blender_get_scene_info", json!({name: timeout}));
            let expected = format!("{name} must be a number above 0 and at most 3600, got ");
            assert!(message.starts_with(&expected), "{message}");
        }
        for timeout in [json!(0.001), json!(1), json!(3600), json!("5"), json!(null)] {
            parsed("blender_get_scene_info", json!({name: timeout}));
        }
    }
}

#[test]
fn a_misspelt_argument_is_named() {
    assert_eq!(
        refusal("blender_get_object_info", json!({"object": "Cube"})),
        "unknown argument \"object\": known are name, target_uuid, timeout_seconds"
    );
}

#[test]
fn every_tool_takes_wait_if_busy_which_none_lists() {
    for tool in served().filter(|tool| matches!(tool, Tool::Dispatch(_))) {
        assert!(tool.parameters().iter().all(|parameter| parameter.name != "wait_if_busy"), "{}", tool.name());
    }
    let call = parsed("blender_get_scene_info", json!({"wait_if_busy": false}));
    assert_eq!((call.wait_if_busy, call.params.len()), (false, 0));
    assert!(parsed("blender_get_scene_info", json!({})).wait_if_busy);
    let message = refusal("blender_get_scene_info", json!({"wait_if_busy": "no"}));
    assert!(message.contains("wait_if_busy") && message.contains("true or false"), "{message}");
}

#[test]
fn only_calls_that_change_nothing_count_as_reads() {
    let reads = |name: &str, arguments: Value| parsed(name, arguments).only_reads;
    assert!(reads("blender_get_scene_info", json!({})));
    assert!(reads("blender_get_viewport_screenshot", json!({"filepath": null})));
    assert!(!reads("blender_get_viewport_screenshot", json!({"filepath": "/x.png"})));
    assert!(reads("blender_msgbus_get_notifications", json!({})));
    assert!(!reads("blender_msgbus_get_notifications", json!({"clear": true})));
    assert!(!reads("blender_execute_code", json!({"code": ""})));
    assert!(!reads("blender_console_operations", json!({})));
}

#[test]
fn a_command_is_found_and_its_params_checked() {
    let tool = DispatchTool::of_command("get_object_info").expect("found");
    assert_eq!(Value::Object(tool.parse_params(&json!({"name": "Cube"})).expect("accepted")), json!({"name": "Cube"}));
    assert!(tool.parse_params(&json!({"name": "Cube", "timeout_seconds": 1})).is_err());
    assert!(DispatchTool::of_command("blender_get_object_info").is_none());
    assert!(dispatch_tools().all(|tool| tool.name == format!("blender_{}", tool.command())));
}
