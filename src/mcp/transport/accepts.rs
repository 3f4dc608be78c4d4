//! Which forms of an answer a client takes, as its `Accept` says.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepts {
    pub json: bool,
    pub stream: bool,
}

impl Accepts {
    /// Without the header a client takes both.
    pub fn of(header: Option<&str>) -> Self {
        let ranges = || header.unwrap_or("*/*").split(',').map(range);
        let admits = |known: &[&str]| ranges().any(|range| known.iter().any(|known| known.eq_ignore_ascii_case(range)));
        Self {
            json: admits(&["application/json", "application/*", "*/*", ""]),
            stream: admits(&["text/event-stream", "text/*", "*/*", ""]),
        }
    }
}

/// The media range without its parameters. One of quality 0 is excluded (RFC 9110 section 12.4.2).
fn range(element: &str) -> &str {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let is_excluded = parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
    if is_excluded { "excluded" } else { range }
}

#[cfg(test)]
mod tests {
    use super::Accepts;

    #[test]
    fn each_form_is_taken_if_a_range_admits_it() {
        for (header, json, stream) in [
            (None, true, true),
            (Some(""), true, true),
            (Some("*/*"), true, true),
            (Some("application/json, text/event-stream"), true, true),
            (Some("text/event-stream;q=0.5 , Application/JSON"), true, true),
            (Some("application/json"), true, false),
            (Some("application/json, text/event-stream;q=0"), true, false),
            (Some("text/event-stream"), false, true),
            (Some("text/html, image/png"), false, false),
        ] {
            assert_eq!(Accepts::of(header), Accepts { json, stream }, "{header:?}");
        }
    }
}
