//! Tools for the caller's own account: personal access tokens. The edge answers them, from the account, not the bus.

use ::account::access_tokens::{DEFAULT_DAYS, MAX_DAYS, MAX_NAME_CHARACTERS};
use kernel::access::MAX_BOUND;
use kernel::arguments::{DefaultValue, Kind, Param};
use serde_json::{Value, json};

use super::{AccountTool, Annotations, BusTool, output};

pub const CREATE_ACCESS_TOKEN: &str = "blender_create_access_token";
pub const LIST_ACCESS_TOKENS: &str = "blender_list_access_tokens";
pub const REVOKE_ACCESS_TOKEN: &str = "blender_revoke_access_token";

const NAME: Kind = Kind::Label { max: MAX_BOUND };
const SCOPE: Kind = Kind::OneOf(&["bus:read", "bus:dispatch", "peer"]);

pub const TOOLS: &[AccountTool] = &[
    AccountTool {
        listing: BusTool {
            name: CREATE_ACCESS_TOKEN,
            title: "Create an access token",
            description: "Makes a personal access token for a script or a Blender without a screen. Only when the user \
                          asks for one; refused to callers that use such a token themselves. The first call names a \
                          page where the user has to agree; the same call after that makes the token. It is in the \
                          answer and never shown again: hand it to the user at once. It ends with this sign-in.",
            annotations: Annotations::CHANGE,
            output: created,
        },
        parameters: &[
            Param::required("name", Kind::Label { max: MAX_NAME_CHARACTERS }, "What it is for, to know it by later."),
            Param::nullable(
                "scopes",
                &Kind::List { items: &SCOPE, max: 3 },
                "What it may do; leave it out for all that this sign-in may do.",
            ),
            Param::nullable("only_blender", &NAME, "Only for this Blender (client_uuid)."),
            Param::nullable("only_group", &NAME, "Only for this group (group_id)."),
            Param::optional(
                "expires_in_days",
                Kind::Integer { min: 1, max: MAX_DAYS },
                DefaultValue::Integer(DEFAULT_DAYS),
                "Days until it ends.",
            ),
        ],
    },
    AccountTool {
        listing: BusTool {
            name: LIST_ACCESS_TOKENS,
            title: "List access tokens",
            description: "The user's personal access tokens that are live: name, scopes, end, and when each was last \
                          used, to the hour. Never the tokens themselves.",
            annotations: Annotations::READ,
            output: listed,
        },
        parameters: &[],
    },
    AccountTool {
        listing: BusTool {
            name: REVOKE_ACCESS_TOKEN,
            title: "Revoke an access token",
            description: "Ends a personal access token at once and closes what it has open. Its token_id is in \
                          blender_list_access_tokens.",
            annotations: Annotations::DELETE,
            output: revoked,
        },
        parameters: &[Param::required(
            "token_id",
            Kind::Label { max: 64 },
            "The token to end, by its id and not by the token itself.",
        )],
    },
];

fn created() -> Value {
    output::answer(json!({"token": {"type": "string"}, "access_token": access_token()}))
}

fn listed() -> Value {
    output::answer(json!({"access_tokens": {"type": "array", "items": access_token()}}))
}

fn revoked() -> Value {
    output::answer(json!({"token_id": {"type": "string"}}))
}

fn access_token() -> Value {
    json!({"type": "object", "properties": {"token_id": {"type": "string"}, "name": {"type": "string"}}})
}
