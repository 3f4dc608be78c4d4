//! Turns a page of the store into what is shown. Everything is bounded in length.

use std::collections::BTreeMap;

use account::accounts::{InBrowser, Reply};
use files::limits;
use files::wire::{File, OnShelf, Shelf};
use runtime::now_ms;

use crate::http::error::Error;
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::submit::page_of;
use crate::web::dashboard::words::moment;
use crate::web::pages::files::{FileList, FileRow, Maker};
use crate::web::screens::who;

/// Names by grant.
pub type Makers = BTreeMap<String, String>;

/// Pictures of more bytes are not shown small: they would have to come whole.
const MAX_SHOWN: i64 = 4 * 1024 * 1024;
/// What every browser shows, and only as a picture.
const SHOWN: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
/// Of a long name, what is shown of its beginning and its end, in characters.
const NAME_HEAD: usize = 56;
const NAME_TAIL: usize = 20;
const MAX_BADGE: usize = 5;
const MAX_MAKER: usize = 60;
const DAY_MS: i64 = 86_400_000;

/// What the clients are called that made these files.
pub async fn makers(owner: &Owner<'_>, shelf: &Shelf) -> Result<Makers, Error> {
    let mut grant_ids: Vec<String> = shelf.files.iter().map(|one| one.grant_id.clone()).collect();
    grant_ids.sort();
    grant_ids.dedup();
    grant_ids.retain(|grant_id| !grant_id.is_empty());
    if grant_ids.is_empty() {
        return Ok(Makers::new());
    }
    let asked = InBrowser::NamesOfGrants { grant_ids }.by(owner.session.secret());
    match owner.session.account.ask(&asked).await? {
        Reply::NamesOfGrants { names } => Ok(names),
        // The session has ended in the meantime: the next click says so.
        Reply::NoSession => Ok(Makers::new()),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

pub fn list<'a>(
    shelf: &Shelf,
    makers: &Makers,
    after: Option<&'a str>,
    targets: &'a [String],
    form_token: &'a str,
) -> FileList<'a> {
    // Times fit into a float, to the millisecond.
    #[allow(clippy::cast_precision_loss)]
    let now = now_ms() as f64 / 1_000.0;
    let is_place = |after: &&str| after.len() <= 20 && after.bytes().all(|byte| byte.is_ascii_digit());
    FileList {
        now,
        rows: shelf.files.iter().map(|one| row(one, makers)).collect(),
        used_files: shelf.used_files,
        most_files: shelf.most_files,
        used_bytes: shelf.used_bytes,
        most_bytes: shelf.most_bytes,
        used: size(shelf.used_bytes),
        most: size(shelf.most_bytes),
        days_kept: shelf.kept_ms.div_euclid(DAY_MS),
        after: after.filter(is_place).unwrap_or_default(),
        next: shelf.next.clone(),
        targets,
        form_token,
    }
}

fn row(one: &OnShelf, makers: &Makers) -> FileRow {
    let file = &one.file;
    FileRow {
        file_id: file.file_id.clone(),
        name: short(&file.name),
        size: size(file.bytes),
        kind: kind(&file.mime_type),
        badge: badge(&file.name),
        is_shown: SHOWN.contains(&file.mime_type.as_str()) && (1..=MAX_SHOWN).contains(&file.bytes),
        made: moment(file.created_at),
        ends: file.expires_at.map(moment),
        maker: maker(one, file, makers),
    }
}

fn maker(one: &OnShelf, file: &File, makers: &Makers) -> Maker {
    let job = file.job_id.as_deref().map(page_of).unwrap_or_default();
    let cut = |name: &str| name.chars().take(MAX_MAKER).collect::<String>();
    match (&file.blender, one.is_result, makers.get(&one.grant_id)) {
        (_, true, _) => Maker::Bus { job },
        (Some(uuid), _, _) => Maker::Blender { uuid: cut(uuid), job },
        (None, _, Some(name)) => Maker::Client(cut(who(name))),
        (None, _, None) if one.grant_id.is_empty() => Maker::You,
        _ => Maker::Unknown,
    }
}

/// Bytes as people read them.
pub fn size(bytes: i64) -> String {
    limits::shown(bytes)
}

/// A long name without its middle: the end says what kind of file it is.
fn short(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    match letters.len().checked_sub(NAME_TAIL) {
        Some(tail) if tail > NAME_HEAD.saturating_add(1) => {
            let head = letters.iter().take(NAME_HEAD);
            head.chain(&['…']).chain(letters.iter().skip(tail)).collect()
        }
        _ => name.to_owned(),
    }
}

fn badge(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_plain = !extension.is_empty()
        && extension.len() <= MAX_BADGE
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain { extension.to_ascii_uppercase() } else { "FILE".to_owned() }
}

fn kind(mime_type: &str) -> &'static str {
    match mime_type {
        "application/x-blender" => "Blender file",
        "application/zip" => "archive",
        "application/pdf" => "document",
        "application/json" | "text/csv" => "data",
        _ => match mime_type.split('/').next().unwrap_or_default() {
            "image" => "picture",
            "model" => "3D model",
            "audio" => "sound",
            "video" => "movie",
            "font" => "font",
            "text" => "text",
            _ => "file",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{badge, kind, short};

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        let exact = "x".repeat(77);
        assert_eq!((short("castle.glb"), short(&exact)), ("castle.glb".to_owned(), exact.clone()));
        let long = format!("a{}.tar.glb", "é".repeat(240));
        let shown = short(&long);
        assert_eq!(shown.chars().count(), 77);
        assert!(shown.starts_with("aé") && shown.contains('…') && shown.ends_with(".tar.glb"));
    }

    #[test]
    fn a_badge_is_a_short_extension_or_nothing_special() {
        for (name, shown) in [
            ("a.glb", "GLB"),
            ("a.b.Blend", "BLEND"),
            ("a", "FILE"),
            ("a.", "FILE"),
            ("a.<b>", "FILE"),
            ("a.averylongone", "FILE"),
        ] {
            assert_eq!(badge(name), shown, "{name}");
        }
        assert_eq!((kind("model/obj"), kind("application/x-blender"), kind("")), ("3D model", "Blender file", "file"));
    }
}
