//! What the owner's dashboard shows: who is there, the jobs that were asked for, the numbers, and one job in full.

use std::collections::BTreeSet;

use kernel::access::Bound;
use kernel::params;
use kernel::storage::{Row, Value as Parameter};
use serde_json::Value;

use crate::requests::counters;
use crate::rows::{clients, guests, pictures, reach};
use crate::turn::error::Error;
use crate::turn::job::{State, extra_fields, is_open};
use crate::turn::{Turn, seconds};
use crate::wire::command::Reply;
use crate::wire::views::{BLENDER, ClientInfo, JobDetail, JobLine, JobsAsked, Overview, Picture, Watched};

/// Open jobs that are shown, the newest.
const MAX_OPEN: usize = 50;

/// Jobs with an end on a page.
const PAGE: usize = 30;

/// Questions that are shown at once.
const MAX_QUESTIONS: usize = 5;

/// Characters that the list shows of an error, and of what a job was given.
const MAX_LINE: usize = 300;

/// Clients that are shown: those connected before those that are not.
const MAX_CLIENTS: usize = 60;

/// Which jobs, and their order. With a plus SQLite takes open jobs from their index, in place of reading every job there is.
const OPEN: (&str, &str) = (is_open!(), "+seq");
const ENDED: (&str, &str) = (concat!("NOT ", is_open!()), "seq");

/// The code of a job, else its parameters as JSON.
const GIVEN: &str = "COALESCE(json_extract(record, '$.payload.params.code'), json_extract(record, '$.payload.script'),
    json_extract(record, '$.payload.params'), '')";

pub fn read(turn: &mut Turn<'_>, asked: &JobsAsked) -> Result<Overview, Error> {
    let (mut clients, away): (Vec<_>, Vec<_>) =
        clients::all(turn)?.into_iter().filter(|client| clients::is_listed(turn, client)).partition(|c| c.connected);
    clients.extend(away);
    let more_clients = clients.len().saturating_sub(MAX_CLIENTS);
    clients.truncate(MAX_CLIENTS);
    let open = lines(turn, OPEN, &Condition::default(), MAX_OPEN)?;
    let (jobs, older) = page(turn, asked, &open)?;
    let questions = questions(turn, &open)?;
    let pictures = pictures(turn, &clients)?;
    let counters = counters::read(turn)?;
    let (now, open) = (seconds(turn.now_ms), open.into_iter().map(|(_, line)| line).collect());
    let watching = turn.presence.listeners().filter_map(|(_, listener)| listener.guest.clone());
    let watching = watching.collect::<BTreeSet<_>>().into_iter().collect();
    Ok(Overview { now, clients, more_clients, jobs, older, open, questions, pictures, watching, counters })
}

/// A line with its job's place.
type Placed = (i64, JobLine);

/// A page of jobs, and where the next one begins. `open`: all open jobs.
fn page(turn: &Turn<'_>, asked: &JobsAsked, open: &[Placed]) -> Result<(Vec<JobLine>, Option<i64>), Error> {
    let condition = Condition::of(asked);
    let is_plain = condition.sql.is_empty();
    let mut jobs = match asked.before {
        Some(_) => Vec::new(),
        None if is_plain => open.to_vec(),
        None => lines(turn, OPEN, &condition, MAX_OPEN)?,
    };
    let ended = condition.before(asked.before);
    let mut ended = lines(turn, ENDED, &ended, PAGE.saturating_add(1))?;
    let has_more = ended.len() > PAGE;
    ended.truncate(PAGE);
    let older = ended.last().map(|(place, _)| *place).filter(|_| has_more);
    jobs.append(&mut ended);
    Ok((jobs.into_iter().map(|(_, line)| line).collect(), older))
}

/// What narrows a list of jobs: SQL that begins with ` AND `, and its parameters.
#[derive(Default)]
struct Condition {
    sql: String,
    parameters: Vec<Parameter>,
}

impl Condition {
    fn of(asked: &JobsAsked) -> Self {
        let mut made = Self::default();
        if let Some(state) = &asked.state {
            let is_asked = |one: &State| one.shown() == state || (state == "open" && one.is_open());
            let names: Vec<&str> = State::ALL.iter().filter(|one| is_asked(one)).map(|one| one.name()).collect();
            made.and(&format!("state IN ({})", vec!["?"; names.len()].join(", ")), &names);
        }
        if let Some(uuid) = &asked.target_uuid {
            made.and("target_uuid = ?", &[uuid.as_str()]);
        }
        if let Some(client) = &asked.client {
            made.and("(json_extract(sender, '$.client') = ? OR from_uuid = ?)", &[client.as_str(), client.as_str()]);
        }
        if let Some(text) = &asked.text {
            let among = format!("job_id || ' ' || command || ' ' || error || ' ' || {GIVEN}");
            made.and(&format!("instr(lower({among}), lower(?)) > 0"), &[text.as_str()]);
        }
        made
    }

    fn and(&mut self, sql: &str, parameters: &[&str]) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.parameters.extend(parameters.iter().map(|text| Parameter::from(*text)));
    }

    fn before(mut self, place: Option<i64>) -> Self {
        if let Some(place) = place {
            self.sql.push_str(" AND seq < ?");
            self.parameters.push(Parameter::from(place));
        }
        self
    }
}

/// What somebody with a share link sees; `Found` for a caller that is not bound to one Blender.
pub fn watched(turn: &Turn<'_>) -> Result<Reply, Error> {
    let Some(uuid) = turn.bound.as_ref().and_then(Bound::blender) else { return Ok(Reply::Found { found: false }) };
    let of_it = JobsAsked { target_uuid: Some(uuid.to_owned()), ..JobsAsked::default() };
    let (jobs, _) = page(turn, &of_it, &[])?;
    let own = turn.guest().map_or(Ok(Vec::new()), |(_, grant_id)| guests::open_of(turn, grant_id))?;
    let (blender, picture) = (clients::find(turn, uuid)?, pictures::newest_of(turn, uuid)?);
    let watched = Watched { now: seconds(turn.now_ms), blender, jobs, own, picture };
    Ok(Reply::Watched { watched: Box::new(watched) })
}

fn questions(turn: &Turn<'_>, open: &[Placed]) -> Result<Vec<JobDetail>, Error> {
    let asks = |line: &&JobLine| line.progress.as_ref().is_some_and(|told| told.get("asks").is_some());
    let asking = open.iter().map(|(_, line)| line).filter(asks).take(MAX_QUESTIONS);
    asking.filter_map(|line| job(turn, &line.job_id).transpose()).collect()
}

fn pictures(turn: &Turn<'_>, clients: &[ClientInfo]) -> Result<Vec<Picture>, Error> {
    let blenders = clients.iter().filter(|client| client.client_type == BLENDER);
    blenders.filter_map(|client| pictures::newest_of(turn, &client.uuid).transpose()).collect()
}

/// `OPEN` or `ENDED` jobs, the newest first.
fn lines(
    turn: &Turn<'_>,
    (which, order): (&str, &str),
    condition: &Condition,
    limit: usize,
) -> Result<Vec<Placed>, Error> {
    let statement = format!(
        "SELECT job_id, command, target_uuid, from_uuid, state, progress, error, created_at, finished_at,
           json_extract(sender, '$.client'), substr({GIVEN}, 1, ?), seq
         FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE {which}{} ORDER BY {order} DESC LIMIT ?) ORDER BY seq DESC",
        condition.sql
    );
    let mut parameters = vec![Parameter::from(count(MAX_LINE))];
    parameters.extend(condition.parameters.iter().cloned());
    parameters.push(Parameter::from(count(limit)));
    let rows = turn.sql.query(&statement, &parameters)?;
    rows.iter().map(|row| Ok((row.integer(11)?, line(row)?))).collect()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn line(row: &Row) -> Result<JobLine, Error> {
    let name = row.text(4)?;
    let state = State::ALL.into_iter().find(|state| state.name() == name).unwrap_or(State::Lost);
    Ok(JobLine {
        job_id: row.text(0)?,
        command: row.text(1)?,
        target_uuid: row.optional_text(2)?,
        from_uuid: row.text(3)?,
        client: row.optional_text(9)?.filter(|name| !name.is_empty()),
        first_line: first_line(&row.text(10)?).to_owned(),
        status: state.shown().to_owned(),
        is_open: state.is_open(),
        progress: row.optional_text(5)?.and_then(|text| serde_json::from_str(&text).ok()),
        error: what_went_wrong(&row.text(6)?).chars().take(MAX_LINE).collect(),
        created_at: seconds(row.integer(7)?),
        finished_at: row.optional_integer(8)?.map(seconds),
    })
}

/// The first line that says something. A job without parameters has `{}`, which says nothing.
fn first_line(given: &str) -> &str {
    given.lines().map(str::trim).find(|line| !line.is_empty() && *line != "{}").unwrap_or_default()
}

/// The line of an error that names the exception, such as `ValueError: no`, else the last line. Hints may follow it.
fn what_went_wrong(error: &str) -> &str {
    after_frames(error).or_else(|| error.lines().rev().find(|line| names_exception(line))).unwrap_or_else(|| {
        let last = error.trim().lines().last();
        last.unwrap_or_default()
    })
}

/// What comes after the frames of the last traceback. Frames are indented.
fn after_frames(error: &str) -> Option<&str> {
    let (_, last) = error.rsplit_once("Traceback (most recent call last):\n")?;
    last.lines().find(|line| !line.is_empty() && !line.starts_with(' '))
}

fn names_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_');
    name.chars().all(is_name)
        && ["Error", "Exception", "Exit", "Interrupt", "Cancelled"].iter().any(|end| name.ends_with(end))
}

/// One job, if it is still kept.
pub fn job(turn: &Turn<'_>, job_id: &str) -> Result<Option<JobDetail>, Error> {
    let statement = format!(
        "SELECT job_id, command, target_uuid, from_uuid, state, progress, error, created_at, finished_at,
           json_extract(sender, '$.client'), substr({GIVEN}, 1, ?), json_extract(record, '$.payload'), result, extra,
           traceparent FROM jobs WHERE job_id = ?"
    );
    let rows = turn.sql.query(&statement, params![count(MAX_LINE), job_id])?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !reach::includes(turn, &row.optional_text(2)?.unwrap_or_default())? {
        return Ok(None);
    }
    let payload: Value =
        serde_json::from_str(&row.text(11)?).map_err(|source| Error::Stored { what: "payload of a job", source })?;
    Ok(Some(JobDetail {
        line: line(row)?,
        payload,
        result: row.text(12)?,
        error: row.text(6)?,
        extra: extra_fields(row.optional_text(13)?.as_deref()),
        traceparent: row.optional_text(14)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::{first_line, what_went_wrong};

    #[test]
    fn an_error_is_shown_by_the_line_of_its_exception() {
        let frames = "Traceback (most recent call last):\n  File \"x\", line 1\n    f()\n    ^^^\n";
        let chained =
            format!("{frames}KeyError: 1\n\nDuring handling of the above exception, another one occurred:\n\n");
        for (error, shown) in [
            (format!("{frames}bpy.Error: no\nHint: try g()"), "bpy.Error: no"),
            (format!("{frames}StopThis: a name of its own\nsecond line of it"), "StopThis: a name of its own"),
            (format!("{chained}{frames}RuntimeError: second\n"), "RuntimeError: second"),
            ("  File \"x\", line 1\n    ^^\nSyntaxError: bad\nHint: x".to_owned(), "SyntaxError: bad"),
            ("KeyError: 'Cube'\n".to_owned(), "KeyError: 'Cube'"),
            ("It left\nlong ago\n".to_owned(), "long ago"),
            (String::new(), ""),
        ] {
            assert_eq!(what_went_wrong(&error), shown, "{error}");
        }
    }

    #[test]
    fn the_first_line_is_one_that_says_something() {
        assert_eq!(first_line("\n  import bpy\nx = 1"), "import bpy");
        assert_eq!((first_line("{}"), first_line("{\"name\":\"Cube\"}")), ("", "{\"name\":\"Cube\"}"));
    }
}
