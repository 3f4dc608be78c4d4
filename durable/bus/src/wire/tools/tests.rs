use serde_json::{Value, json};

use super::{BusCall, CallError, JobCall, JobUpdate, ListJobs, ReceiveMessages, RegisterClient, SendMessage, Submit};
use crate::wire::priority::Priority;
use crate::wire::tables::{BUS_TOOLS, JOB_TOOLS};

fn bus(name: &str, arguments: Value) -> BusCall {
    BusCall::parse(name, &arguments).expect("accepted")
}

fn refusal(name: &str, arguments: Value) -> String {
    BusCall::parse(name, &arguments).expect_err("refused").to_string()
}

#[test]
fn register_client_fills_in_its_defaults() {
    assert_eq!(
        bus("blender_register_client", json!({"client_uuid": "b-1", "client_type": "blender"})),
        BusCall::RegisterClient(RegisterClient {
            client_uuid: "b-1".into(),
            client_type: "blender".into(),
            is_persistent: false,
            capabilities: vec![],
            group_id: None,
            instance_id: None,
            open_jobs: None,
            ping_interval: None,
        })
    );
}

#[test]
fn register_client_takes_everything_a_peer_says() {
    let arguments = json!({
        "client_uuid": "b-1", "client_type": "blender", "is_persistent": true,
        "capabilities": ["job_ack", "blender 4.2.23"], "group_id": "farm",
    });
    let BusCall::RegisterClient(call) = bus("blender_register_client", arguments) else { panic!("another call") };
    assert!(call.is_persistent);
    assert_eq!(call.capabilities, ["job_ack", "blender 4.2.23"]);
    assert_eq!(call.group_id.as_deref(), Some("farm"));
}

#[test]
fn nobody_may_be_called_latest() {
    let message = refusal("blender_register_client", json!({"client_uuid": "latest", "client_type": "blender"}));
    assert!(message.starts_with("client_uuid must be another name than \"latest\""), "{message}");
}

#[test]
fn a_registration_is_bounded() {
    let with = |name: &str, value: Value| {
        let mut arguments = json!({"client_uuid": "b-1", "client_type": "blender"});
        arguments[name] = value;
        BusCall::parse("blender_register_client", &arguments)
    };
    assert!(with("client_uuid", json!("x".repeat(128))).is_ok());
    assert!(with("client_uuid", json!("x".repeat(129))).is_err());
    assert!(with("client_uuid", json!("a\u{0}b")).is_err());
    assert!(with("capabilities", json!(vec!["c"; 64])).is_ok());
    assert!(with("capabilities", json!(vec!["c"; 65])).is_err());
    assert!(with("capabilities", json!(["c".repeat(128)])).is_ok());
    assert!(with("capabilities", json!(["c".repeat(129)])).is_err());
    let error = with("capabilities", json!(["ok", 7])).expect_err("refused");
    assert_eq!(error.to_string(), "capabilities[1] must be a string of 1 to 128 characters, got 7");
}

#[test]
fn send_message_fills_in_its_defaults() {
    assert_eq!(
        bus("blender_send_message", json!({"payload": {"hello": 1}})),
        BusCall::SendMessage(SendMessage {
            payload: json!({"hello": 1}),
            target_uuid: None,
            group_id: None,
            client_type: None,
            priority: Priority::Info,
            from_uuid: None,
        })
    );
}

#[test]
fn a_payload_is_an_object() {
    assert_eq!(refusal("blender_send_message", json!({"payload": "hi"})), "payload must be an object, got \"hi\"");
}

#[test]
fn a_priority_is_a_name_or_a_number() {
    let sent =
        |priority: Value| match BusCall::parse("blender_send_message", &json!({"payload": {}, "priority": priority})) {
            Ok(BusCall::SendMessage(call)) => Some(call.priority),
            _ => None,
        };
    for (number, priority) in (0..).zip(Priority::ALL) {
        assert_eq!(sent(json!(number)), Some(priority));
        assert_eq!(sent(json!(f64::from(number))), Some(priority));
        assert_eq!(sent(json!(number.to_string())), Some(priority));
        assert_eq!(sent(json!(priority.as_level())), Some(priority));
        assert_eq!(i32::from(priority.as_u8()), number);
    }
    assert_eq!(sent(json!(null)), Some(Priority::Info));
    assert_eq!(Priority::LEVELS, Priority::ALL.map(Priority::as_level));
    for bad in [json!(8), json!(-1), json!("8"), json!("INFO"), json!(1.5)] {
        assert_eq!(sent(bad), None);
    }
    assert_eq!(
        refusal("blender_send_message", json!({"payload": {}, "priority": "high"})),
        "priority must be one of \"emergency\", \"alert\", \"critical\", \"error\", \"warning\", \"notice\", \"info\", \
         \"debug\" or an integer from 0 to 7, got \"high\""
    );
}

#[test]
fn a_more_urgent_priority_sorts_first() {
    let mut shuffled = vec![Priority::Debug, Priority::Emergency, Priority::Info];
    shuffled.sort();
    assert_eq!(shuffled, [Priority::Emergency, Priority::Info, Priority::Debug]);
}

#[test]
fn a_priority_is_written_as_its_number_and_read_back() {
    for priority in Priority::ALL {
        let written = serde_json::to_string(&priority).expect("serializes");
        assert_eq!(written, priority.as_u8().to_string());
        assert_eq!(serde_json::from_str::<Priority>(&written).expect("reads"), priority);
    }
}

#[test]
fn the_result_of_a_job_becomes_text_whatever_it_was() {
    let result = |value: Value| {
        let arguments = json!({"job_id": "j-1", "status": "completed", "result": value});
        let BusCall::JobUpdate(call) = bus("blender_job_update", arguments) else { panic!("another call") };
        call.result
    };
    assert_eq!(result(json!("3\n")), "3\n");
    assert_eq!(result(json!({"name": "Scene"})), r#"{"name":"Scene"}"#);
    assert_eq!(result(json!([1, 2])), "[1,2]");
    assert_eq!(result(json!(3.5)), "3.5");
    assert_eq!(result(json!(false)), "false");
    assert_eq!(result(json!(null)), "");
}

#[test]
fn a_job_update_needs_no_result_and_no_error() {
    let update = |arguments| bus("blender_job_update", arguments);
    let expected = JobUpdate {
        job_id: "j-1".into(),
        status: "running".into(),
        result: String::new(),
        error: String::new(),
        extra: None,
    };
    assert_eq!(update(json!({"job_id": "j-1", "status": "running"})), BusCall::JobUpdate(expected.clone()));
    assert_eq!(update(json!({"job_id": "j-1", "status": "running", "error": null})), BusCall::JobUpdate(expected));
}

#[test]
fn list_available_clients_takes_nothing() {
    assert_eq!(bus("blender_list_available_clients", json!({})), BusCall::ListAvailableClients);
    assert_eq!(bus("blender_list_available_clients", Value::Null), BusCall::ListAvailableClients);
    assert!(BusCall::parse("blender_list_available_clients", &json!({"all": true})).is_err());
}

#[test]
fn an_unknown_tool_is_named_and_bounded() {
    let name = "x".repeat(10_000);
    let error = BusCall::parse(&name, &json!({})).expect_err("refused");
    assert!(matches!(error, CallError::UnknownTool { .. }));
    assert!(error.to_string().len() < 100);
    assert!(matches!(JobCall::parse("blender_register_client", &json!({})), Err(CallError::UnknownTool { .. })));
    assert!(matches!(BusCall::parse("blender_submit", &json!({})), Err(CallError::UnknownTool { .. })));
}

#[test]
fn the_job_tools_fill_in_their_defaults() {
    let job = |name: &str, arguments: Value| JobCall::parse(name, &arguments).expect("accepted");
    assert_eq!(
        job("blender_submit", json!({"command": "execute_code", "params": {"code": "1"}})),
        JobCall::Submit(Submit {
            command: "execute_code".into(),
            params: json!({"code": "1"}),
            target_uuid: None,
            target_group: None,
            idempotency_key: None,
            from_uuid: None,
        })
    );
    assert_eq!(job("blender_list_jobs", json!({})), JobCall::List(ListJobs { status: None, limit: 50 }));
    assert_eq!(
        job("blender_receive_messages", json!({"client_uuid": "c"})),
        JobCall::ReceiveMessages(ReceiveMessages {
            client_uuid: "c".into(),
            after: None,
            wait_seconds: 0.0,
            limit: 100
        })
    );
    let JobCall::Status(status) = job("blender_job_status", json!({"job_id": "j", "wait_seconds": 50})) else {
        panic!("another call")
    };
    assert!((status.wait_seconds - 50.0).abs() < f64::EPSILON);
    assert!(matches!(job("blender_job_result", json!({"job_id": "j"})), JobCall::Result(_)));
    assert!(matches!(job("blender_job_cancel", json!({"job_id": "j"})), JobCall::Cancel(_)));
}

#[test]
fn a_job_has_one_target_or_one_group() {
    let arguments = json!({"command": "c", "params": {}, "target_uuid": "a", "target_group": "b"});
    let error = JobCall::parse("blender_submit", &arguments).expect_err("refused");
    assert_eq!(error.to_string(), "target_group must be left out or null when target_uuid is given, got \"b\"");
}

#[test]
fn a_wait_has_its_limit() {
    let error = JobCall::parse("blender_job_status", &json!({"job_id": "j", "wait_seconds": 51})).expect_err("refused");
    assert_eq!(error.to_string(), "wait_seconds must be a number of at least 0 and at most 50, got 51");
}

#[test]
fn calls_survive_being_written_and_read() {
    let arguments = json!({"payload": {"a": [1]}, "priority": "alert", "target_uuid": "t"});
    let call = bus("blender_send_message", arguments);
    let written = serde_json::to_string(&call).expect("serializes");
    assert_eq!(serde_json::from_str::<BusCall>(&written).expect("reads"), call);
}

#[test]
fn every_parameter_is_described() {
    for tool in BUS_TOOLS.iter().chain(JOB_TOOLS) {
        for param in tool.parameters {
            assert!(param.description.ends_with('.'), "{}.{}", tool.name, param.name);
        }
    }
}
