//! Names and types of files. A name is one that every system and every log can bear; a type is one of our own list, so that no
//! upload decides what a browser takes it for.

/// The longest name, in bytes of UTF-8.
pub const MAX_NAME: usize = 255;
/// What is served for everything that is not in the list.
pub const UNKNOWN_TYPE: &str = "application/octet-stream";
/// What a name must be, for the error.
pub const EXPECTED: &str = "a file name of 1 to 255 bytes of UTF-8, without slashes, backslashes, control characters and \
                            characters that change the direction of text; not . or ..";

/// Extensions and types. The first extension of a type is its own.
const TYPES: [(&str, &str); 50] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("bmp", "image/bmp"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("tga", "image/x-tga"),
    ("exr", "image/x-exr"),
    ("hdr", "image/vnd.radiance"),
    ("svg", "image/svg+xml"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("obj", "model/obj"),
    ("mtl", "model/mtl"),
    ("stl", "model/stl"),
    ("ply", "model/x-ply"),
    ("fbx", "model/x-fbx"),
    ("usd", "model/vnd.usd"),
    ("usda", "model/vnd.usda"),
    ("usdc", "model/vnd.usdc"),
    ("usdz", "model/vnd.usdz+zip"),
    ("abc", "model/x-alembic"),
    ("dae", "model/vnd.collada+xml"),
    ("blend", "application/x-blender"),
    ("zip", "application/zip"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("flac", "audio/flac"),
    ("m4a", "audio/mp4"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("webm", "video/webm"),
    ("avi", "video/x-msvideo"),
    ("ogv", "video/ogg"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("log", "text/plain"),
    ("py", "text/x-python"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("bin", UNKNOWN_TYPE),
];

/// Whether a file may be called that.
pub fn is_name(name: &str) -> bool {
    let fits = (1..=MAX_NAME).contains(&name.len()) && !matches!(name, "." | "..") && name.trim() == name;
    fits && !name.chars().any(|letter| letter.is_control() || matches!(letter, '/' | '\\') || is_unseen(letter))
}

/// Characters that show nothing by themselves and change how the rest is shown.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The type of a file: what was said if that is in the list, else what its name says.
pub fn type_of(name: &str, said: Option<&str>) -> &'static str {
    let essence = said.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let by_type = TYPES.iter().find(|(_, known)| *known == essence && *known != UNKNOWN_TYPE);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let by_name = || TYPES.iter().find(|(known, _)| *known == extension);
    by_type.or_else(by_name).map_or(UNKNOWN_TYPE, |(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::{UNKNOWN_TYPE, is_name, type_of};

    #[test]
    fn a_name_is_one_name_and_shows_what_it_is() {
        for name in [
            "a.glb",
            "Szene 3 (Kopie).blend",
            "\u{5e7}\u{5d5}\u{5d1}\u{5e5}.png",
            "日本語.png",
            ".blend",
            &"x".repeat(255),
        ] {
            assert!(is_name(name), "{name:?}");
        }
        let long = "x".repeat(256);
        let wide = "\u{e9}".repeat(128);
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "..\\x",
            "a\0b",
            "a\nb",
            "\u{7f}",
            " a",
            "a ",
            "\u{202e}gnp.exe",
            "a\u{200f}b",
            "a\u{2066}b",
            "\u{feff}a",
            "a\u{2028}b",
            long.as_str(),
            wide.as_str(),
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_type_is_one_of_the_list_whatever_is_said() {
        assert_eq!(type_of("a.png", None), "image/png");
        assert_eq!(type_of("a.PNG", Some("text/html")), "image/png");
        assert_eq!(type_of("a", Some("IMAGE/PNG; x=y")), "image/png");
        for (name, said) in [
            ("a.html", None),
            ("a.html", Some("text/html")),
            ("a", Some("application/xhtml+xml")),
            ("a.js", Some("x\r\ny")),
            ("", None),
        ] {
            assert_eq!(type_of(name, said), UNKNOWN_TYPE, "{name} {said:?}");
        }
    }
}
