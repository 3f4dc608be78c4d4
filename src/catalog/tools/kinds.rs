//! Kinds of parameters that several families of tools share.

use kernel::arguments::{Bound, DefaultValue, Kind, Param};

/// Blender's own limit for names is 63 bytes before 5.0 and 255 since.
pub const NAME: Kind = Kind::Text { min: 1, max: 255 };

/// What a provider of assets calls one of them.
pub const ASSET_ID: Kind = Kind::Text { min: 1, max: 128 };

/// How large an import is made, in metres.
pub const TARGET_SIZE: Param = Param::nullable(
    "target_size",
    &Kind::Number { min: Bound::Included(0.0001), max: Bound::Included(100_000.0) },
    "Metres its longest side shall have.",
);

/// The largest number of Blender's integer properties.
pub const MAX_INTEGER: i64 = 2_147_483_647;

pub const PAGE: Param = Param::optional(
    "page",
    Kind::Integer { min: 1, max: MAX_INTEGER },
    DefaultValue::Integer(1),
    "Which page, counted from 1.",
);
