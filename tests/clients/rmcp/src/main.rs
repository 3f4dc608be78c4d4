//! What every client of the test suite does, with rmcp: `tour URL TOKEN MODE`. MODE is legacy or auto; TOKEN is an access
//! token, or `oauth` to sign in with what `$BROWSER` names and only stay for a while. The last line of the output is the
//! report that test_clients.py reads.

use std::collections::BTreeSet;
use std::error::Error;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, GetPromptRequestParams, GetTaskParams,
    Implementation, ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams, TASKS_EXTENSION_ID,
    TaskPayload,
};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

type Fallible<T> = Result<T, Box<dyn Error>>;
type Client = RunningService<RoleClient, Tourist>;

/// A client that notes what progress it hears of.
#[derive(Clone, Default)]
struct Tourist {
    progress: Arc<Mutex<Vec<Value>>>,
    started: Arc<Notify>,
}

impl ClientHandler for Tourist {
    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        if told.message.as_deref() == Some("started") {
            return self.started.notify_one();
        }
        let noted = json!([told.progress, told.total, told.message]);
        self.progress.lock().expect("nobody panics with it").push(noted);
    }

    fn get_info(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        config.client_info = Implementation::new("tour-rmcp", "1");
        config.capabilities = ClientCapabilities::default();
        config.capabilities.extensions = Some([(TASKS_EXTENSION_ID.to_owned(), Default::default())].into());
        config
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token, mode] = arguments.as_slice() else { return Err("usage: tour URL TOKEN MODE".into()) };
    let report = if token == "oauth" { visit(url, mode).await? } else { tour(url, token, mode).await? };
    println!("{report}");
    Ok(())
}

fn lifecycle(mode: &str) -> ClientLifecycleMode {
    match mode {
        "legacy" => ClientLifecycleMode::Initialize,
        _ => {
            ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: None }
        }
    }
}

async fn tour(url: &str, token: &str, mode: &str) -> Fallible<Value> {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    let tourist = Tourist::default();
    let (progress, started) = (Arc::clone(&tourist.progress), Arc::clone(&tourist.started));
    let client =
        tourist.serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), lifecycle(mode)).await?;
    let revision = client.peer_info().map(|info| info.protocol_version.to_string());
    let read = client.read_resource(ReadResourceRequestParams::new("blender://bus/clients")).await?;
    let asked = json!({"error_text": "E-77"}).as_object().cloned().unwrap_or_default();
    let prompt =
        client.get_prompt(GetPromptRequestParams::new("blender_debug_assistant").with_arguments(asked)).await?;
    let mut report = json!({
        "revision": revision,
        "tools": client.list_all_tools().await?.len(),
        "resources": client.list_all_resources().await?.len(),
        "templates": client.list_all_resource_templates().await?.len(),
        "prompts": client.list_all_prompts().await?.len(),
        "call": call(&client, "quick").await?,
        "resource": serde_json::to_value(&read)?["contents"][0]["text"],
        "prompt": serde_json::to_value(&prompt)?["messages"][0]["content"]["text"],
        "slow": call(&client, "slow").await?,
    });
    if revision.as_deref() == Some("2026-07-28") {
        report["task"] = follow_task(&client).await?;
    }
    // Dropped while it waits, a call tells the server that it is given up.
    tokio::select! {
        ended = call(&client, "endless") => return Err(format!("the endless call ended: {ended:?}").into()),
        heard = timeout(Duration::from_secs(20), started.notified()) => heard?,
    }
    sleep(Duration::from_millis(500)).await;
    report["progress"] = Value::from(progress.lock().expect("nobody panics with it").clone());
    client.cancel().await?;
    Ok(report)
}

fn code(code: &str) -> serde_json::Map<String, Value> {
    json!({"code": code}).as_object().cloned().unwrap_or_default()
}

async fn call(client: &Client, what: &str) -> Fallible<Value> {
    let params = CallToolRequestParams::new("blender_execute_code").with_arguments(code(what));
    Ok(client.call_tool(params).await?.structured_content.unwrap_or_default())
}

/// Submits a job, which comes back as a task, and polls that to its result.
async fn follow_task(client: &Client) -> Fallible<Value> {
    let arguments = json!({"command": "execute_code", "params": code("quick")});
    let params =
        CallToolRequestParams::new("blender_submit").with_arguments(arguments.as_object().cloned().unwrap_or_default());
    let CallToolResponse::Task(created) = client.call_tool_once(params).await? else {
        return Err("the submission did not become a task".into());
    };
    loop {
        let got = client.get_task(GetTaskParams::new(created.task.task_id.clone())).await?;
        match got.task.payload {
            TaskPayload::Completed { result } => return Ok(result["structuredContent"].clone()),
            TaskPayload::Working => sleep(Duration::from_millis(got.task.task.poll_interval_ms.unwrap_or(1000))).await,
            other => return Err(format!("the task came to {other:?}").into()),
        }
    }
}

/// Signs in, then stays for longer than an access token of a second lives.
async fn visit(url: &str, mode: &str) -> Fallible<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let redirect = format!("http://localhost:{}/callback", listener.local_addr()?.port());
    let mut state = OAuthState::new(url, None).await?;
    state.start_authorization(AuthorizationRequest::new(redirect.as_str()).with_client_name("tour-rmcp")).await?;
    open(&state.get_authorization_url().await?)?;
    let target = timeout(Duration::from_secs(20), callback(&listener)).await??;
    state.handle_callback_url(&format!("{}{target}", redirect.trim_end_matches("/callback"))).await?;
    let manager = state.into_authorization_manager().ok_or("not signed in")?;
    let http = AuthClient::new(reqwest::Client::default(), manager);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
    let client = Tourist::default().serve_with_lifecycle(transport, lifecycle(mode)).await?;
    let (mut tokens, mut tools) = (BTreeSet::new(), 0);
    for _ in 0..3 {
        tools = client.list_all_tools().await?.len();
        tokens.insert(http.get_access_token().await?);
        sleep(Duration::from_millis(1500)).await;
    }
    client.cancel().await?;
    Ok(json!({"tools": tools, "access_tokens": tokens.len()}))
}

/// Opens a page in what `$BROWSER` names, `%s` for the address, as Python's `webbrowser` does.
fn open(url: &str) -> Fallible<()> {
    let browser = std::env::var("BROWSER")?;
    let mut words = browser.split(' ').map(|word| if word == "%s" { url } else { word });
    let status = Command::new(words.next().ok_or("BROWSER is empty")?).args(words).status()?;
    if status.success() { Ok(()) } else { Err(format!("the browser ended with {status}").into()) }
}

/// The target of the browser's request to the callback.
async fn callback(listener: &TcpListener) -> Fallible<String> {
    let (mut socket, _) = listener.accept().await?;
    let mut line = String::new();
    BufReader::new(&mut socket).read_line(&mut line).await?;
    socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    Ok(line.split(' ').nth(1).ok_or("no HTTP request")?.to_owned())
}
