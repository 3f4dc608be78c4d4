use super::advice::{ANIMATION_TYPES, ASSET_KINDS, ENGINES, MATERIAL_KINDS, OBJECT_TYPES};
use super::{PromptError, list, render};
use crate::catalog::tools::dispatch_tools;
use serde_json::{Value, json};

/// The public contract of the prompts: name and arguments, with defaults for those that may be left out.
const CONTRACT: &str = "
blender_dispatch_script(target, script, priority?, description?)
blender_dispatch_recipe(command)
blender_script_writing_assistant(goal)
blender_modeling_workflow(object_type)
blender_rendering_setup(engine?)
blender_material_creation(material_kind)
blender_animation_basics(animation_type)
blender_debug_assistant(error_text)
blender_asset_creation_strategy(asset_kind)
";

fn listed() -> Vec<Value> {
    serde_json::from_str(list().get()).expect("a JSON array")
}

fn text(name: &str, arguments: Value) -> String {
    render(name, &arguments).expect("rendered").text
}

fn refusal(name: &str, arguments: Value) -> String {
    render(name, &arguments).expect_err("refused").to_string()
}

fn script(target: &str) -> String {
    text("blender_dispatch_script", json!({"target": target, "script": "print(1)"}))
}

#[test]
fn the_prompts_are_those_of_the_contract() {
    let signatures = listed().into_iter().map(|prompt| {
        let arguments: Vec<String> = prompt["arguments"]
            .as_array()
            .expect("arguments")
            .iter()
            .map(|argument| {
                let mark = if argument["required"] == true { "" } else { "?" };
                format!("{}{mark}", argument["name"].as_str().expect("a name"))
            })
            .collect();
        format!("{}({})", prompt["name"].as_str().expect("a name"), arguments.join(", "))
    });
    assert_eq!(signatures.collect::<Vec<_>>(), CONTRACT.trim().lines().collect::<Vec<_>>());
}

#[test]
fn every_prompt_and_argument_has_a_title_and_a_description() {
    for prompt in listed() {
        for described in prompt["arguments"].as_array().expect("arguments").iter().chain([&prompt]) {
            assert!(described["title"].as_str().is_some_and(|title| !title.is_empty()), "{described}");
            assert!(described["description"].as_str().is_some_and(|text| text.ends_with('.')), "{described}");
        }
    }
}

#[test]
fn every_prompt_renders_with_nothing_left_open() {
    for prompt in listed() {
        let name = prompt["name"].as_str().expect("a name");
        let mut arguments = json!({});
        for argument in prompt["arguments"].as_array().expect("arguments") {
            if argument["required"] == true {
                arguments[argument["name"].as_str().expect("a name")] = json!("xyzzy");
            }
        }
        let rendered = render(name, &arguments).expect("rendered");
        assert_eq!(rendered.description, prompt["description"]);
        assert!(rendered.text.len() > 300, "{name}");
        assert!(arguments == json!({}) || rendered.text.contains("xyzzy"), "{name} repeats what was asked");
        assert!(!rendered.text.contains("{{") && !rendered.text.contains("}}"), "{name}");
    }
}

#[test]
fn every_animation_has_its_own_code() {
    let code = ANIMATION_TYPES.iter().map(|kind| {
        let text = text("blender_animation_basics", json!({"animation_type": kind}));
        text.split("```").nth(1).expect("a code block").to_owned()
    });
    let distinct: std::collections::BTreeSet<String> = code.collect();
    assert_eq!(distinct.len(), ANIMATION_TYPES.len());
}

#[test]
fn every_suggested_value_has_its_own_advice() {
    let cases: [(&str, &str, &[&str]); 5] = [
        ("blender_modeling_workflow", "object_type", OBJECT_TYPES),
        ("blender_rendering_setup", "engine", ENGINES),
        ("blender_material_creation", "material_kind", MATERIAL_KINDS),
        ("blender_animation_basics", "animation_type", ANIMATION_TYPES),
        ("blender_asset_creation_strategy", "asset_kind", ASSET_KINDS),
    ];
    for (name, argument, values) in cases {
        let plain = text(name, json!({argument: "xyzzy"}));
        for value in values {
            let advised = text(name, json!({argument: value})).replace(value, "xyzzy");
            // Keyframes and a model are what one gets without saying more.
            if !matches!(*value, "keyframes" | "model") {
                assert_ne!(advised, plain, "{name} {value}");
            }
        }
    }
}

#[test]
fn words_are_found_inside_a_description() {
    let material = |kind: &str| text("blender_material_creation", json!({"material_kind": kind}));
    assert!(material("a plate of brushed METAL").contains("NAME = \"Metal\""));
    assert!(material("car-paint, red").contains("NAME = \"Car paint\""));
    assert!(material("emissive").contains("NAME = \"Glow\""));
    assert!(material("lattice").contains("NAME = \"Plain\""), "ice inside a word is no ice");
    let modelling = |object: &str| text("blender_modeling_workflow", json!({"object_type": object}));
    assert!(modelling("two racing cars").contains("Hard surfaces:"));
    assert!(!modelling("carpet").contains("Hard surfaces:"), "a carpet is no car");
}

#[test]
fn a_missing_argument_is_named() {
    assert_eq!(
        refusal("blender_dispatch_script", json!({"target": "broadcast"})),
        "script is required: it must be a string of 1 to 1048576 characters"
    );
    assert!(refusal("blender_dispatch_recipe", Value::Null).starts_with("command is required"));
    assert!(refusal("blender_dispatch_recipe", json!({"command": ""})).starts_with("command must be"));
}

#[test]
fn an_optional_argument_may_be_empty() {
    let plain = text("blender_rendering_setup", json!({}));
    assert!(plain.contains("Set up rendering with Cycles."));
    for empty in [json!(""), json!("  "), json!(null)] {
        assert_eq!(text("blender_rendering_setup", json!({"engine": empty})), plain);
    }
}

#[test]
fn arguments_are_strings_that_the_prompt_knows() {
    assert_eq!(
        refusal("blender_rendering_setup", json!({"engine": 5})),
        "engine must be a string of 1 to 1024 characters, got 5"
    );
    assert_eq!(
        refusal("blender_rendering_setup", json!({"motor": "x"})),
        "unknown argument \"motor\": known are engine"
    );
    assert!(refusal("blender_debug_assistant", json!({"error_text": "x".repeat(65_537)})).len() < 200);
}

#[test]
fn an_unknown_prompt_is_an_error_of_its_own() {
    let error = render("blender_nothing", &json!({})).expect_err("refused");
    assert_eq!(error, PromptError::Unknown { name: "\"blender_nothing\"".to_owned() });
}

#[test]
fn a_script_is_addressed_as_its_target_says() {
    let cases = [
        ("uuid:b-1", "Target: the client `b-1`", "\"target_uuid\": \"b-1\""),
        ("uuid:a:b", "Target: the client `a:b`", "\"target_uuid\": \"a:b\""),
        ("group:farm", "Target: every member of the group `farm`", "\"group_id\": \"farm\""),
        ("type:blender", "Target: every client of type `blender`", "\"client_type\": \"blender\""),
    ];
    for (target, described, argument) in cases {
        let text = script(target);
        assert!(text.contains(described) && text.contains(argument), "{text}");
    }
    let broadcast = script("broadcast");
    assert!(broadcast.contains("Target: every other client on the bus"));
    for argument in ["\"target_uuid\"", "\"group_id\"", "\"client_type\""] {
        assert!(!broadcast.contains(argument));
    }
}

#[test]
fn a_bad_target_is_shown_and_nothing_is_to_be_sent() {
    for target in ["somewhere", "uuid:", "uuid: x", "group:", "type:", "UUID:b", "broadcast:all", "uuid", "{{script}}"]
    {
        let text = script(target);
        assert!(text.contains(&format!("<invalid target spec: {target}>")), "{text}");
        assert!(!text.contains("blender_send_message") && text.contains("Send nothing"), "{text}");
    }
    let long = script(&format!("uuid:{}", "x".repeat(1000)));
    assert!(long.contains("xxx…>") && long.len() < 900, "{long}");
    assert!(script("a\nb").contains("<invalid target spec: a b>"));
}

#[test]
fn a_priority_is_given_by_name_or_number() {
    let with = |priority: &str| {
        let arguments = json!({"target": "broadcast", "script": "1", "priority": priority});
        render("blender_dispatch_script", &arguments).map(|rendered| rendered.text)
    };
    assert!(script("broadcast").contains("Priority: info (6)"));
    for priority in ["alert", "1"] {
        let text = with(priority).expect("rendered");
        assert!(text.contains("Priority: alert (1)") && text.contains("\"priority\": \"alert\""), "{text}");
    }
    for bad in ["urgent", "8", "-1", "INFO"] {
        assert!(with(bad).expect_err("refused").to_string().starts_with("priority must be one of \"emergency\""));
    }
}

#[test]
fn a_script_is_repeated_unchanged_and_cannot_leave_its_block() {
    let source = "print('''\n```\n{{how}} {{target}}\n''')\n\tx = 1";
    let text = text("blender_dispatch_script", json!({"target": "uuid:b", "script": source}));
    assert!(text.contains(&format!("````python\n{source}\n````")), "{text}");
}

#[test]
fn what_is_put_in_is_not_looked_through_again() {
    let text = text("blender_script_writing_assistant", json!({"goal": "say {{versions}} and }} and {{"}));
    assert!(text.contains("say {{versions}} and }} and {{"));
    assert_eq!(text.matches("Blender versions differ").count(), 1);
}

#[test]
fn every_command_has_its_recipe() {
    for tool in dispatch_tools() {
        let recipe = text("blender_dispatch_recipe", json!({"command": tool.command()}));
        assert!(recipe.contains(tool.name) && recipe.contains(tool.description), "{recipe}");
        assert!(recipe.contains("\"message_type\": \"command_dispatch\""));
        for param in tool.parameters {
            assert!(recipe.contains(&format!("- `{}` (", param.name)), "{recipe}");
        }
        assert_eq!(text("blender_dispatch_recipe", json!({"command": tool.name})), recipe);
    }
    let unknown = text("blender_dispatch_recipe", json!({"command": "make_coffee"}));
    assert!(unknown.starts_with("<unknown command: make_coffee>") && unknown.contains("get_scene_info"));
}

#[test]
fn an_error_gets_the_advice_it_calls_for() {
    let advice = |error: &str| text("blender_debug_assistant", json!({"error_text": error}));
    assert!(advice("KeyError: 'bpy_prop_collection[key]: key \"Specular\" not found'").contains("- A KeyError names"));
    assert!(
        advice("RuntimeError: Operator bpy.ops.mesh.bevel.poll() failed, context is incorrect")
            .contains("- An operator")
    );
    assert!(advice("AttributeError: 'Action' object has no attribute 'fcurves'").contains("- action.fcurves is gone"));
    assert!(advice("Mesh has no attribute 'use_auto_smooth'").contains("went in 4.1"));
    assert!(advice("no_client").contains("- No Blender answered"));
    assert!(advice("it looks odd").contains("No usual suspect"));
}

#[test]
fn code_for_an_engine_chooses_it_in_every_version() {
    let eevee = text("blender_rendering_setup", json!({"engine": "BLENDER_EEVEE"}));
    assert!(eevee.contains("\"BLENDER_EEVEE\" if bpy.app.version >= (5, 0, 0) else \"BLENDER_EEVEE_NEXT\""));
    assert!(text("blender_rendering_setup", json!({"engine": "povray"})).contains("<unknown engine: povray>"));
}
