//! What a parameter's value may be: the check of one value, and its name in an error message.

use std::fmt;

use serde_json::Value;

use super::{ArgumentError, shown, written_out};

/// Beyond this a JSON number no longer says which integer was meant: 2^53.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The type of a parameter, with its limits. Lengths count characters (Unicode scalar values), as JSON Schema does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text of `min` to `max` characters.
    Text {
        min: usize,
        max: usize,
    },
    /// A name or id: 1 to `max` characters, no control characters, no white space at either end.
    Label {
        max: usize,
    },
    /// Also accepted as `5.0`, which some JSON writers make of 5, and as `"5"`.
    Integer {
        min: i64,
        max: i64,
    },
    /// Also accepted in quotes.
    Number {
        min: Bound,
        max: Bound,
    },
    /// Also accepted as `"true"` and `"false"`.
    Boolean,
    /// One of these strings, exactly.
    OneOf(&'static [&'static str]),
    /// Also accepted as JSON text.
    List {
        items: &'static Kind,
        max: usize,
    },
    /// Also accepted as JSON text.
    Object,
    /// Any JSON value, `null` included. The schema lists the kind that is usual, since many libraries need one.
    Any {
        usually: &'static Kind,
    },
    /// The schema lists the first.
    AnyOf(&'static [Kind]),
    Nullable(&'static Kind),
}

/// One end of a range of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The number itself is allowed.
    Included(f64),
    /// Only what lies beyond it is.
    Excluded(f64),
}

impl Kind {
    /// Checks a value and returns it as the tool gets it.
    ///
    /// # Errors
    /// [`ArgumentError::Invalid`], naming `argument` (and the position inside a list).
    pub fn check(&self, argument: &str, value: &Value) -> Result<Value, ArgumentError> {
        if let (Self::List { items, max }, Value::Array(values)) = (self, value)
            && values.len() <= *max
        {
            let checked = values.iter().enumerate();
            let checked = checked.map(|(index, item)| items.check(&format!("{argument}[{index}]"), item));
            return Ok(Value::Array(checked.collect::<Result<_, _>>()?));
        }
        if let (Self::Nullable(kind), false) = (self, value.is_null()) {
            // The error of the inner kind would not say that null is allowed too. Only that of a list says more (the
            // position).
            return kind.check(argument, value).map_err(|error| match error {
                ArgumentError::Invalid { argument: place, expected, got } if place == argument => {
                    ArgumentError::Invalid { argument: place, expected: format!("{expected} or null"), got }
                }
                other => other,
            });
        }
        self.accepted(argument, value).ok_or_else(|| ArgumentError::Invalid {
            argument: argument.to_owned(),
            expected: self.to_string(),
            got: shown(value),
        })
    }

    fn accepted(&self, argument: &str, value: &Value) -> Option<Value> {
        let fits = match (self, value) {
            (Self::Text { min, max }, Value::String(text)) => length_within(text, *min, *max),
            (Self::Label { max }, Value::String(text)) => length_within(text, 1, *max) && is_label(text),
            (Self::Integer { min, max }, Value::Number(_)) => {
                return integer(value).filter(|number| (min..=max).contains(&number)).map(Value::from);
            }
            (
                Self::Integer { .. } | Self::Number { .. } | Self::Boolean | Self::List { .. } | Self::Object,
                Value::String(text),
            ) => return self.check(argument, &written_out(text, |value| !value.is_string())?).ok(),
            (Self::Number { min, max }, Value::Number(number)) => {
                number.as_f64().is_some_and(|number| min.admits_above(number) && max.admits_below(number))
            }
            (Self::OneOf(names), Value::String(text)) => names.contains(&text.as_str()),
            (Self::AnyOf(kinds), _) => return kinds.iter().find_map(|kind| kind.check(argument, value).ok()),
            (Self::Boolean, Value::Bool(_))
            | (Self::Object, Value::Object(_))
            | (Self::Any { .. }, _)
            | (Self::Nullable(_), Value::Null) => true,
            _ => false,
        };
        fits.then(|| value.clone())
    }
}

impl Bound {
    fn admits_above(self, number: f64) -> bool {
        match self {
            Self::Included(bound) => number >= bound,
            Self::Excluded(bound) => number > bound,
        }
    }

    fn admits_below(self, number: f64) -> bool {
        match self {
            Self::Included(bound) => number <= bound,
            Self::Excluded(bound) => number < bound,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { min: 0, max } => write!(f, "a string of at most {max} characters"),
            Self::Text { min, max } => write!(f, "a string of {min} to {max} characters"),
            Self::Label { max } => {
                write!(f, "a string of 1 to {max} characters, without control characters or white space around it")
            }
            Self::Integer { min, max } => write!(f, "an integer from {min} to {max}"),
            Self::Number { min, max } => {
                match min {
                    Bound::Included(bound) => write!(f, "a number of at least {bound}")?,
                    Bound::Excluded(bound) => write!(f, "a number above {bound}")?,
                }
                match max {
                    Bound::Included(bound) => write!(f, " and at most {bound}"),
                    Bound::Excluded(bound) => write!(f, " and below {bound}"),
                }
            }
            Self::Boolean => f.write_str("true or false"),
            Self::OneOf(names) => write!(f, "one of \"{}\"", names.join("\", \"")),
            Self::List { items, max } => write!(f, "a list of at most {max} items, each {items}"),
            Self::Object => f.write_str("an object"),
            Self::Any { .. } => f.write_str("any JSON value"),
            Self::AnyOf(kinds) => {
                let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(" or "))
            }
            Self::Nullable(kind) => write!(f, "{kind} or null"),
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= LARGEST_EXACT)?;
        #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        Some(number as i64)
    })
}

/// A text of `max` characters takes at most 4 bytes for each, so most overlong ones are told without counting.
fn length_within(text: &str, min: usize, max: usize) -> bool {
    text.len() <= max.saturating_mul(4) && (min..=max).contains(&text.chars().count())
}

/// White space is what ECMA-262 means by `\s`, since the schema's pattern says it that way; its one character that Rust
/// does not count is the byte-order mark.
fn is_label(text: &str) -> bool {
    let is_space = |character: char| character.is_whitespace() || character == '\u{feff}';
    !text.starts_with(is_space) && !text.ends_with(is_space) && !text.chars().any(char::is_control)
}
