//! What a guest, somebody with a share link, may have done in the shared Blender. Which tools are left to one says `rights`.

use kernel::access::Guest;
use serde_json::Value;

/// The only command of somebody who watches.
pub const PICTURE: &str = "get_viewport_screenshot";

/// Commands that look and change nothing, whatever they are given: a guest who works is not asked about them. A test of the
/// catalog compares.
pub const LOOKS: [&str; 6] =
    ["get_scene_info", "get_object_info", "browse_data", "get_scene_tree", "search_api", "measure"];

/// The longest side of a picture for a guest, in pixels.
pub const MAX_PICTURE: u64 = 2_000;

/// What is done with a job of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It runs.
    Runs,
    /// It waits until the owner has agreed.
    Asks,
    /// No guest of this kind has it run.
    Refused,
}

/// `params`: of the command; anything but an object for a script.
pub fn standing(guest: Guest, command: &str, params: &Value) -> Standing {
    match guest {
        _ if is_picture(command, params) => Standing::Runs,
        Guest::Watch => Standing::Refused,
        Guest::Work if LOOKS.contains(&command) => Standing::Runs,
        Guest::Work => Standing::Asks,
    }
}

/// A picture that leaves no file behind and is no larger than a screen.
fn is_picture(command: &str, params: &Value) -> bool {
    let kept = params.get("filepath").is_some_and(|path| !path.is_null());
    let fits =
        params.get("max_size").is_none_or(|side| side.as_u64().is_some_and(|side| (1..=MAX_PICTURE).contains(&side)));
    command == PICTURE && !kept && fits
}

#[cfg(test)]
mod tests {
    use super::{LOOKS, PICTURE, Standing, standing};
    use kernel::access::Guest::{Watch, Work};
    use serde_json::json;

    #[test]
    fn who_watches_has_pictures_alone_and_who_works_is_asked_about_what_does_more_than_look() {
        let small = json!({"max_size": 800, "format": "png"});
        for guest in [Watch, Work] {
            assert_eq!(standing(guest, PICTURE, &small), Standing::Runs);
            assert_eq!(standing(guest, PICTURE, &json!({})), Standing::Runs);
        }
        for more in [json!({"filepath": "/tmp/x.png"}), json!({"max_size": 0}), json!({"max_size": 65_536})] {
            assert_eq!(standing(Watch, PICTURE, &more), Standing::Refused, "{more}");
            assert_eq!(standing(Work, PICTURE, &more), Standing::Asks, "{more}");
        }
        for command in ["execute_code", "render_views", "import_file", "job_dispatch", "", "new_command"] {
            assert_eq!(standing(Watch, command, &json!({})), Standing::Refused, "{command}");
            assert_eq!(standing(Work, command, &json!({})), Standing::Asks, "{command}");
        }
        for command in LOOKS {
            assert_eq!(standing(Watch, command, &json!({})), Standing::Refused, "{command}");
            assert_eq!(standing(Work, command, &json!({})), Standing::Runs, "{command}");
        }
    }
}
