//! Turns the bus's overview into what the page shows. Everything is bounded in length.

use std::collections::BTreeSet;

use account::shares::Share;
use bus::wire::views::{BLENDER, ClientInfo, Counters, JOB_ACK, JobLine, Overview, RECORD_ACK};
use kernel::arguments::{DefaultValue, Param};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::catalog::tools;
use crate::web::dashboard::filter::{Filter, STATES};
use crate::web::dashboard::job_view::{message, progress, question, row};
use crate::web::dashboard::shared::shown;
use crate::web::dashboard::submit::page_of;
use crate::web::dashboard::words::{cut, milliseconds, moment};
use crate::web::pages::dashboard::{Choices, CommandChoice, LivePart, Number, Peer, Run, Shot};
use crate::web::screens::who;

/// The most capabilities shown of a peer, and the most characters of each.
const MAX_FACTS: usize = 8;
const MAX_FACT: usize = 60;
/// The most jobs shown of a peer.
const MAX_RUNS: usize = 3;
const MAX_MESSAGE: usize = 120;
/// A Blender that has been away for longer, in seconds, is listed with those that were seen earlier.
const LONG_AWAY: f64 = 86_400.0;

pub fn live<'a>(overview: &'a Overview, shares: &[Share], filter: &'a Filter, form_token: &'a str) -> LivePart<'a> {
    let peers = overview.clients.iter().map(|client| peer(client, overview, shares));
    let (blenders, others): (Vec<_>, Vec<_>) = peers.partition(|client| client.kind == BLENDER);
    let is_gone = |one: &Peer| !one.is_connected && overview.now - one.seen.seconds > LONG_AWAY;
    let (gone_blenders, blenders) = blenders.into_iter().partition(is_gone);
    let (others, mut gone): (Vec<_>, Vec<_>) = others.into_iter().partition(|one| one.is_connected);
    gone.splice(0..0, gone_blenders);
    LivePart {
        now: overview.now,
        blenders,
        others,
        gone,
        more_clients: overview.more_clients,
        questions: overview.questions.iter().map(question).collect(),
        jobs: overview.jobs.iter().map(|job| row(job, &overview.clients)).collect(),
        choices: choices(overview, filter),
        is_filtered: filter.is_set(),
        older: overview.older.map(|place| filter.page_before(place)),
        newest: filter.asked.before.map(|_| filter.first_page()),
        numbers: numbers(&overview.counters),
        warning: warning(&overview.counters),
        form_token,
    }
}

/// What the jobs can be filtered by: the Blenders and the clients that there are, and those that are asked for.
fn choices<'a>(overview: &Overview, filter: &'a Filter) -> Choices<'a> {
    let blenders = overview.clients.iter().filter(|client| client.client_type == BLENDER).map(|one| one.uuid.clone());
    let targets = overview.jobs.iter().filter_map(|job| job.target_uuid.clone());
    let senders = overview.jobs.iter().filter_map(|job| job.client.clone());
    let asked = &filter.asked;
    Choices {
        states: &STATES,
        blenders: sorted(blenders.chain(targets).chain(asked.target_uuid.clone())),
        clients: sorted(senders.chain(asked.client.clone()))
            .into_iter()
            .map(|name| (cut(who(&name), MAX_FACT), name))
            .collect(),
        state: asked.state.as_deref().unwrap_or_default(),
        blender: asked.target_uuid.as_deref().unwrap_or_default(),
        client: asked.client.as_deref().unwrap_or_default(),
        text: asked.text.as_deref().unwrap_or_default(),
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The connected Blenders, which a job can be sent to.
pub fn targets(overview: &Overview) -> Vec<String> {
    let connected = |client: &&ClientInfo| client.connected && client.client_type == BLENDER;
    overview.clients.iter().filter(connected).map(|client| client.uuid.clone()).collect()
}

/// The commands that can be sent, `execute_code` first.
pub fn commands() -> Vec<CommandChoice> {
    let mut commands: Vec<CommandChoice> = tools::dispatch_tools()
        .map(|tool| CommandChoice { name: tool.command(), title: tool.title, takes: takes(tool.parameters) })
        .collect();
    commands.sort_by_key(|command| command.name != "execute_code");
    commands
}

/// The parameters in a line, such as `name (required), page, page_size`.
fn takes(parameters: &[Param]) -> String {
    let named = |param: &Param| match param.default {
        DefaultValue::Required => format!("{} (required)", param.name),
        _ => param.name.to_owned(),
    };
    let names: Vec<String> = parameters.iter().map(named).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn peer(client: &ClientInfo, overview: &Overview, shares: &[Share]) -> Peer {
    let facts = client.capabilities.iter().filter(|fact| ![JOB_ACK, RECORD_ACK].contains(&fact.as_str()));
    let has = |job: &&JobLine| job.target_uuid.as_ref() == Some(&client.uuid);
    let (asking, open): (Vec<_>, Vec<_>) =
        overview.open.iter().filter(has).partition(|job| told(job, "asks").is_some());
    let runs = |job: &&JobLine| job.status == "running" && told(job, "waits").is_none();
    let (running, waiting): (Vec<_>, Vec<_>) = open.into_iter().partition(runs);
    let picture = overview.pictures.iter().find(|picture| picture.target_uuid == client.uuid);
    Peer {
        uuid: client.uuid.clone(),
        kind: client.client_type.clone(),
        is_connected: client.connected,
        group: client.group_id.clone(),
        facts: facts.take(MAX_FACTS).map(|fact| cut(&in_words(fact), MAX_FACT)).collect(),
        seen: moment(client.last_seen),
        runs: running.into_iter().take(MAX_RUNS).map(run).collect(),
        waiting: waiting.len(),
        waits_for: waiting.iter().find_map(|job| last_line(job)).unwrap_or_default(),
        asks: !asking.is_empty(),
        picture: picture.map(|picture| Shot {
            job_id: picture.job_id.clone(),
            href: page_of(&picture.job_id),
            made: moment(picture.made_at),
        }),
        shares: shares
            .iter()
            .filter(|share| share.blender == client.uuid)
            .map(|share| shown(share, &overview.watching))
            .collect(),
        share_href: format!("/shares?blender={}", byte_serialize(client.uuid.as_bytes()).collect::<String>()),
    }
}

/// What its Blender has told of a job last.
fn told<'a>(job: &'a JobLine, field: &str) -> Option<&'a Value> {
    job.progress.as_ref()?.get(field)
}

/// The first line of what its Blender has said of a job last, such as where in its code it is, or what it waits for.
fn last_line(job: &JobLine) -> Option<String> {
    let line = message(job)?.lines().next()?;
    let line = line.strip_prefix("waiting: ").unwrap_or(line);
    (!line.is_empty()).then(|| cut(line, MAX_MESSAGE))
}

fn run(job: &JobLine) -> Run {
    Run {
        job_id: job.job_id.clone(),
        is_busy: told(job, "busy_since").is_some(),
        message: last_line(job).unwrap_or_default(),
        href: page_of(&job.job_id),
        command: job.command.clone(),
        progress: progress(job),
        since: moment(job.created_at),
    }
}

/// What a Blender tells of itself, as its owner reads it.
fn in_words(fact: &str) -> String {
    match fact.split_once(':') {
        Some(("file", name)) => name.to_owned(),
        Some(("blender", version)) => format!("Blender {version}"),
        Some(("policy", "ask")) => "asks before code".to_owned(),
        Some(("policy", "read-only")) => "read only".to_owned(),
        Some(("policy", "everything")) => "runs everything".to_owned(),
        None if fact == "background" => "no window".to_owned(),
        _ => fact.to_owned(),
    }
}

fn numbers(counters: &Counters) -> Vec<Number> {
    let number = |label, value: String| Number { label, value };
    let recent = |state: &str| counters.recent_jobs.get(state).copied().unwrap_or_default().to_string();
    let time = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), milliseconds);
    vec![
        number("Blenders connected", counters.peers_connected.to_string()),
        number("open jobs", counters.open_jobs.to_string()),
        number("completed lately", recent("completed")),
        number("failed lately", recent("failed")),
        number("median time", time(counters.median_ms)),
        number("95 % within", time(counters.p95_ms)),
        number("messages kept", counters.kept_messages.to_string()),
        number("stored", format!("{} KiB", counters.database_bytes.div_ceil(1024))),
    ]
}

/// What is nearly used up, before a job is refused for it.
fn warning(counters: &Counters) -> Option<String> {
    let (used, most) = (counters.database_bytes, counters.most_bytes);
    if used < most.div_euclid(10).saturating_mul(9) {
        return None;
    }
    let most = most.div_euclid(1024 * 1024);
    let state = if used >= counters.most_bytes { "is full, and takes no jobs or messages" } else { "is nearly full" };
    Some(format!(
        "Your bus {state}: it keeps {most} MiB of jobs, results and messages. They go by themselves 24 hours after they were \
         made. Until then send smaller pictures and results, or files in place of them."
    ))
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn what_a_blender_tells_of_itself_is_in_words() {
        let facts = ["blender:4.5.0", "file:a:b.blend", "policy:ask", "policy:new", "background"];
        assert_eq!(facts.map(in_words), ["Blender 4.5.0", "a:b.blend", "asks before code", "policy:new", "no window"]);
    }
}
