use super::super::skills;
use super::super::tools::CONSOLE_LEVELS;
use super::{MIME_TYPE, ResourceRef, decoded_id, is_template, list, list_templates};
use serde_json::{Value, json};

fn listed(list: &str) -> Vec<Value> {
    serde_json::from_str(list).expect("a JSON array")
}

/// The listed resources that are no skills.
fn own() -> Vec<Value> {
    let is_own = |resource: &Value| resource["uri"].as_str().is_some_and(|uri| uri.starts_with("blender://"));
    listed(list().get()).into_iter().filter(is_own).collect()
}

fn refusal(uri: &str) -> String {
    ResourceRef::parse(uri).expect_err("refused").to_string()
}

#[test]
fn the_resources_are_those_of_the_contract() {
    let uris: Vec<Value> = own().iter().map(|resource| resource["uri"].clone()).collect();
    let expected = ["bus/clients", "bus/stats", "files", "scene/info", "scene/objects"];
    assert_eq!(uris, expected.map(|path| json!(format!("blender://{path}"))));
    let templates =
        ["console/{level}", "console/{level}/{page}", "jobs/{job_id}", "files/{file_id}", "inbox/{client_uuid}"];
    let found: Vec<Value> =
        listed(list_templates().get()).iter().map(|template| template["uriTemplate"].clone()).collect();
    assert_eq!(found, templates.map(|path| json!(format!("blender://{path}"))));
}

#[test]
fn every_resource_is_described() {
    for resource in own().iter().chain(&listed(list_templates().get())) {
        for key in ["name", "title", "description"] {
            assert!(resource[key].as_str().is_some_and(|text| !text.is_empty()), "{resource} {key}");
        }
        assert_eq!(resource["mimeType"], MIME_TYPE);
    }
}

#[test]
fn every_listed_uri_is_read_back() {
    for resource in own() {
        let uri = resource["uri"].as_str().expect("a uri");
        assert_eq!(ResourceRef::parse(uri).expect("known").uri(), uri);
    }
}

#[test]
fn every_skill_is_listed_beside_them() {
    let is_skill = |resource: &Value| resource["mimeType"] == skills::MIME_TYPE;
    let skills: Vec<Value> = listed(list().get()).into_iter().filter(is_skill).collect();
    assert_eq!(skills.len(), skills::manifests().count());
    for skill in skills {
        assert!(skills::file(skill["uri"].as_str().expect("a uri")).is_some(), "{skill}");
        assert!(skill["name"].is_string() && skill["description"].is_string(), "{skill}");
    }
}

#[test]
fn the_console_is_read_by_level_and_page() {
    for level in CONSOLE_LEVELS {
        let first = ResourceRef::Console { level, page: 1 };
        assert_eq!(ResourceRef::parse(&format!("blender://console/{level}")), Ok(first.clone()));
        assert_eq!(ResourceRef::parse(&format!("blender://console/{level}/1")), Ok(first));
        let third = ResourceRef::Console { level, page: 3 };
        assert_eq!(ResourceRef::parse(&third.uri()), Ok(third));
    }
}

#[test]
fn a_wrong_level_or_page_is_named() {
    assert_eq!(
        refusal("blender://console/loud"),
        "\"blender://console/loud\": level must be one of \"all\", \"info\", \"warning\", \"error\", \"output\", \
         \"input\", got \"loud\""
    );
    for page in ["0", "-1", "+1", "01", "1.0", "", "two", "2147483648", "99999999999999999999"] {
        let message = refusal(&format!("blender://console/all/{page}"));
        assert!(message.contains("page must be an integer from 1 to 2147483647, got "), "{message}");
    }
    assert!(ResourceRef::parse("blender://console/all/2147483647").is_ok());
    assert!(refusal("blender://console/%ff").contains("level must be percent-encoded UTF-8"));
}

#[test]
fn what_is_not_offered_is_unknown() {
    for uri in [
        "",
        "blender://",
        "blender://bus",
        "blender://bus/",
        "blender://bus/clients/",
        "blender://bus/clients?x=1",
        "Blender://bus/clients",
        "https://bus/clients",
        "blender:///bus/clients",
        "blender://console",
        "blender://console/all/1/2",
        "blender://console/all/1/",
        "blender://scene/objects/2",
        "blender://jobs",
        "file:///etc/passwd",
    ] {
        assert!(refusal(uri).starts_with("unknown resource \""), "{uri}");
    }
    let long = refusal(&format!("blender://{}", "x".repeat(100_000)));
    assert!(long.len() < 120, "{long}");
}

#[test]
fn ids_are_decoded_and_checked() {
    assert_eq!(decoded_id("client_uuid", "My%20Blender%2F1").expect("accepted"), "My Blender/1");
    assert!(decoded_id("client_uuid", "").is_err());
    assert!(decoded_id("client_uuid", "%20").is_err());
    assert!(decoded_id("client_uuid", "a%00b").is_err());
    assert!(decoded_id("client_uuid", "%C3").is_err());
    assert!(decoded_id("client_uuid", &"x".repeat(129)).is_err());
}

#[test]
fn an_id_comes_back_out_of_its_uri() {
    for id in ["j-0123456789ab", "My Blender/1", "Würfel?#%", "日本", "a.b_c~d"] {
        let uri = ResourceRef::Inbox { uuid: id.to_owned() }.uri();
        let segment = uri.strip_prefix("blender://inbox/").expect("the prefix");
        assert!(!segment.contains('/'));
        assert_eq!(decoded_id("client_uuid", segment).expect("accepted"), id);
    }
}

#[test]
fn scene_and_console_are_read_by_a_dispatch() {
    let call = |uri: &str| ResourceRef::parse(uri).expect("known").dispatch().map(|call| (call.command, call.params));
    assert_eq!(call("blender://bus/clients"), None);
    assert_eq!(call("blender://bus/stats"), None);
    let (command, params) = call("blender://scene/info").expect("dispatched");
    assert_eq!((command, Value::Object(params)), ("get_scene_info", json!({})));
    let (command, params) = call("blender://scene/objects").expect("dispatched");
    assert_eq!(command, "browse_data");
    assert_eq!(
        Value::Object(params),
        json!({"collection": "objects", "page": 1, "page_size": 50, "detail_level": "summary"})
    );
    let (command, params) = call("blender://console/error/2").expect("dispatched");
    assert_eq!(command, "get_console_output");
    assert_eq!(Value::Object(params), json!({"level": "error", "page": 2, "page_size": 50}));
}

#[test]
fn what_the_bus_has_itself_can_be_subscribed_to() {
    assert!(ResourceRef::Clients.is_subscribable() && ResourceRef::Stats.is_subscribable());
    assert!(ResourceRef::Job { id: "j".into() }.is_subscribable());
    assert!(ResourceRef::Inbox { uuid: "c".into() }.is_subscribable());
    assert!(!ResourceRef::SceneInfo.is_subscribable());
    assert!(!ResourceRef::Console { level: "all", page: 1 }.is_subscribable());
}

#[test]
fn templates_are_known_by_their_text() {
    assert!(is_template("blender://console/{level}"));
    assert!(!is_template("blender://console/all"));
    assert!(is_template("blender://jobs/{job_id}"));
}
