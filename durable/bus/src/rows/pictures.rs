//! Which jobs have made a picture that pages show.

use std::borrow::Cow;

use kernel::params;
use kernel::storage::Row;
use serde::Deserialize;

use crate::turn::error::Error;
use crate::turn::{Turn, seconds};
use crate::wire::views::Picture;

/// The commands whose picture is of what is in a Blender.
const COMMANDS: [&str; 3] = ["get_viewport_screenshot", "render", "render_views"];

/// What pages show.
const KINDS: [&str; 2] = ["image/png", "image/jpeg"];

/// The part of a result that says what kind of picture it has. serde skips the rest.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    image: Image<'a>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    mime_type: Cow<'a, str>,
}

/// Whether the result of this command has a picture.
pub fn is_in(command: &str, result: &str) -> bool {
    COMMANDS.contains(&command)
        && serde_json::from_str::<Outline<'_>>(result)
            .is_ok_and(|outline| KINDS.contains(&outline.image.mime_type.as_ref()))
}

/// The newest picture of a Blender, as long as its job is kept.
pub fn newest_of(turn: &Turn<'_>, client_uuid: &str) -> Result<Option<Picture>, Error> {
    let rows = turn.sql.query(
        "SELECT job_id, finished_at FROM jobs WHERE picture = 1 AND target_uuid = ? ORDER BY seq DESC LIMIT 1",
        params![client_uuid],
    )?;
    let picture = |row: &Row| {
        Ok(Picture {
            target_uuid: client_uuid.to_owned(),
            job_id: row.text(0)?,
            made_at: seconds(row.optional_integer(1)?.unwrap_or_default()),
        })
    };
    rows.first().map(picture).transpose()
}
