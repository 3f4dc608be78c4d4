//! What a caller has of its user's files, as far as the bus knows: the files are in an object of their own, which knows no
//! Blenders and no jobs.

use kernel::access::{Bound, Guest};
use kernel::params;
use kernel::storage::Value;

use crate::rows::{jobs, owners, reach};
use crate::turn::Turn;
use crate::turn::change::Change;
use crate::turn::error::Error;
use crate::turn::job::is_open;
use crate::wire::command::Reply;
use crate::wire::views::FileAccess;

/// `job_id`: a job that makes a file; its Blender is named if it is the caller's own. `file_id`: a file to be read.
fn look(turn: &Turn<'_>, job_id: Option<&str>, file_id: Option<&str>) -> Result<FileAccess, Error> {
    let blenders = match &turn.bound {
        // Who watches has no files but pictures, which come with their jobs.
        _ if matches!(turn.guest(), Some((Guest::Watch, _))) => Some(Vec::new()),
        None => None,
        Some(Bound::Blender(uuid)) => Some(vec![uuid.clone()]),
        Some(Bound::Group(group)) => {
            let rows = turn.sql.query("SELECT uuid FROM clients WHERE group_id = ?", params![group.as_str()])?;
            Some(rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?)
        }
    };
    let is_lent = match file_id.filter(|_| blenders.is_some()) {
        Some(file_id) => is_lent(turn, file_id)?,
        None => false,
    };
    let job_blender = match job_id {
        Some(job_id) => blender_of(turn, job_id)?,
        None => None,
    };
    Ok(FileAccess { blenders, is_lent, job_blender })
}

/// The same as the reply.
pub fn answer(turn: &Turn<'_>, job_id: Option<&str>, file_id: Option<&str>) -> Result<Reply, Error> {
    look(turn, job_id, file_id).map(|access| Reply::FileAccess { access })
}

/// A file has come, or gone: whoever listens is told at the end of the turn.
pub fn changed(turn: &mut Turn<'_>, file_id: &str) -> Reply {
    turn.changes.insert(Change::File { file_id: file_id.to_owned() });
    Reply::Done
}

/// Whether a Blender that the caller reaches, and that is its own, has an open job to import the file. The edge lets nobody make
/// such a job whose token does not see the file.
fn is_lent(turn: &Turn<'_>, file_id: &str) -> Result<bool, Error> {
    let (reached, parameter) = reach::condition(turn, "target_uuid");
    let statement = format!(
        "SELECT DISTINCT target_uuid FROM jobs WHERE {} AND target_uuid IS NOT NULL AND command = 'import_file'
         AND json_extract(record, '$.payload.params.file_id') = ? AND {reached}",
        is_open!()
    );
    let parameters: Vec<Value> = core::iter::once(Value::from(file_id)).chain(parameter).collect();
    for row in &turn.sql.query(&statement, &parameters)? {
        if owners::is_own(turn, &row.text(0)?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn blender_of(turn: &Turn<'_>, job_id: &str) -> Result<Option<String>, Error> {
    let Some(target) = jobs::reached(turn, job_id)?.and_then(|job| job.target_uuid) else { return Ok(None) };
    Ok(if owners::is_own(turn, &target)? { Some(target) } else { None })
}
