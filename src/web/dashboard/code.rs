//! Code as HTML for a `pre`: coloured, with every character in it, and with those seen that draw nothing.

/// Names that Python keeps for itself.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The most parts that are coloured: the rest of a text that has more stays plain, and the page small.
const MAX_COLOURED: usize = 1_500;

/// Ranges of characters that draw nothing, or turn the direction of what follows.
const HIDDEN: [(char, char); 24] = [
    ('\0', '\u{8}'),
    ('\u{b}', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{e000}', '\u{f8ff}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{f0000}', '\u{ffffd}'),
    ('\u{100000}', '\u{10fffd}'),
];

/// What a part of code is, as the class of its element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Comment,
    Text,
    Number,
    Keyword,
    Name,
}

impl Kind {
    fn class(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Name => None,
            Self::Comment => Some("c"),
            Self::Text => Some("s"),
            Self::Number => Some("n"),
            Self::Keyword => Some("k"),
        }
    }
}

/// Python in its parts, in order. Together they are the code, whatever it is.
pub fn parts(code: &str) -> impl Iterator<Item = (Kind, &str)> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (kind, length) = next(rest, first);
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        Some((kind, part))
    })
}

/// What the code begins with, and how many bytes of it.
fn next(code: &str, first: char) -> (Kind, usize) {
    let until = |ends: &dyn Fn(char) -> bool| code.find(ends).unwrap_or(code.len());
    if first == '#' {
        return (Kind::Comment, until(&|letter| letter == '\n'));
    }
    if let Some(length) = text(code) {
        return (Kind::Text, length);
    }
    if first.is_ascii_digit() {
        return (Kind::Number, until(&|letter| !is_of_name(letter) && letter != '.'));
    }
    if is_of_name(first) {
        let length = until(&|letter| !is_of_name(letter));
        let is_keyword = code.get(..length).is_some_and(|name| KEYWORDS.contains(&name));
        return (if is_keyword { Kind::Keyword } else { Kind::Name }, length);
    }
    let begins = |letter: char| is_of_name(letter) || matches!(letter, '#' | '"' | '\'');
    (Kind::Plain, until(&begins).max(first.len_utf8()))
}

fn is_of_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

/// The length of the string that the code begins with, if it does: to its quote, or where a line or the code ends first.
fn text(code: &str) -> Option<usize> {
    let prefix = code.find(|letter: char| !letter.is_ascii_alphabetic())?;
    let is_prefix = prefix <= 2 && code.get(..prefix)?.chars().all(|letter| "rbfuRBFU".contains(letter));
    let quoted = code.get(prefix..).filter(|_| is_prefix)?;
    let quote = quoted.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
    let long = String::from(quote).repeat(3);
    let (end, is_long) = if quoted.starts_with(&long) { (long.as_str(), true) } else { (long.get(..1)?, false) };
    let mut place = prefix.saturating_add(end.len());
    loop {
        let rest = code.get(place..)?;
        let Some(letter) = rest.chars().next() else { return Some(code.len()) };
        if rest.starts_with(end) {
            return Some(place.saturating_add(end.len()));
        }
        if letter == '\n' && !is_long {
            return Some(place);
        }
        let escaped = rest.chars().nth(1).filter(|_| letter == '\\').map_or(0, char::len_utf8);
        place = place.saturating_add(letter.len_utf8()).saturating_add(escaped);
    }
}

/// HTML whose text is this code, for a `pre`. It begins with the line break that browsers drop there.
pub fn coloured(code: &str) -> String {
    let mut html = String::from("\n");
    let mut left = MAX_COLOURED;
    for (kind, part) in parts(code) {
        match kind.class().filter(|_| left > 0) {
            Some(class) => {
                left = left.saturating_sub(1);
                html.push_str("<span class=");
                html.push_str(class);
                html.push('>');
                escape(&mut html, part);
                html.push_str("</span>");
            }
            None => escape(&mut html, part),
        }
    }
    html
}

/// The same without colours.
pub fn plain(text: &str) -> String {
    let mut html = String::from("\n");
    escape(&mut html, text);
    html
}

fn escape(html: &mut String, text: &str) {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            // As itself it would come out as a line feed.
            '\r' if letters.peek() == Some(&'\n') => html.push_str("&#13;"),
            hidden if is_hidden(hidden) => hide(html, hidden),
            shown => html.push(shown),
        }
    }
}

fn is_hidden(letter: char) -> bool {
    HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&letter))
}

/// The character in an element of its own, which says what it is and keeps what it does to itself.
fn hide(html: &mut String, letter: char) {
    let held = match letter {
        // No page can hold it.
        '\0' => String::new(),
        '\r' => "&#13;".to_owned(),
        other => other.to_string(),
    };
    html.push_str(&format!("<span class=h data-h=U+{:04X}>{held}</span>", u32::from(letter)));
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::{Kind, coloured, parts, plain};

    fn of(code: &str) -> Vec<(Kind, &str)> {
        parts(code).filter(|(kind, _)| *kind != Kind::Plain).collect()
    }

    /// What a browser has as the text of a `pre` with this in it.
    fn text_of(html: &str) -> String {
        let html = html.strip_prefix('\n').unwrap();
        let mut text = String::new();
        for piece in html.split_inclusive('>') {
            text.push_str(piece.split_once('<').map_or(piece, |(before, _)| before));
        }
        text.replace("&#13;", "\r").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    #[test]
    fn python_is_told_apart() {
        assert_eq!(
            of("for i in range(0x1F): # all 'of' them\n  x = rb'a\\'b' + \"\"\"q\n\"\"\"\n"),
            [
                (Kind::Keyword, "for"),
                (Kind::Name, "i"),
                (Kind::Keyword, "in"),
                (Kind::Name, "range"),
                (Kind::Number, "0x1F"),
                (Kind::Comment, "# all 'of' them"),
                (Kind::Name, "x"),
                (Kind::Text, "rb'a\\'b'"),
                (Kind::Text, "\"\"\"q\n\"\"\""),
            ]
        );
        assert_eq!(of("'no end\nimport os"), [(Kind::Text, "'no end"), (Kind::Keyword, "import"), (Kind::Name, "os")]);
        assert_eq!(of("form'x'"), [(Kind::Name, "form"), (Kind::Text, "'x'")]);
        assert_eq!(of("'''never\n"), [(Kind::Text, "'''never\n")]);
        assert_eq!(of("'\\"), [(Kind::Text, "'\\")]);
    }

    #[test]
    fn what_draws_nothing_is_told_and_what_is_html_is_not_run() {
        assert_eq!(coloured("a\u{202e}b"), "\na<span class=h data-h=U+202E>\u{202e}</span>b");
        assert_eq!(coloured("<b>&"), "\n&lt;b&gt;&amp;");
        assert_eq!(plain("# \r\n\r"), "\n# &#13;\n<span class=h data-h=U+000D>&#13;</span>");
        assert_eq!(coloured("\"<i>\""), "\n<span class=s>\"&lt;i&gt;\"</span>");
    }

    #[test]
    fn a_text_with_very_many_parts_is_coloured_at_its_beginning_only() {
        let code = "1 ".repeat(6_000);
        assert_eq!(text_of(&coloured(&code)), code);
        assert!(coloured(&code).len() < 50_000);
    }

    proptest! {
        #[test]
        fn the_text_is_the_code_whatever_it_is(code in "[\\x01-\\x7f\\u{a0}\\u{202e}é'\"#\\\\\n\r<>&;b0]{0,80}") {
            prop_assert_eq!(parts(&code).map(|(_, part)| part).collect::<String>(), code.clone());
            // In this test of ours only, for text may hold what looks like a reference.
            if !code.contains('&') {
                prop_assert_eq!(text_of(&coloured(&code)), code.clone());
                prop_assert_eq!(text_of(&plain(&code)), code);
            }
        }
    }
}
