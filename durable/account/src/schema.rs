//! The schemas of an account, of a device's sign-in and of the key ring: one file a version, append-only.

use kernel::migrate::Migrations;

pub const ACCOUNT: Migrations = &[
    include_str!("../schema/account/0001_initial.sql"),
    include_str!("../schema/account/0002_failed_logins_and_access_tokens.sql"),
    include_str!("../schema/account/0003_invites.sql"),
    include_str!("../schema/account/0004_deletion.sql"),
    include_str!("../schema/account/0005_consents.sql"),
    include_str!("../schema/account/0006_device_guesses.sql"),
    include_str!("../schema/account/0007_display_name.sql"),
    include_str!("../schema/account/0008_makers_of_tokens.sql"),
    include_str!("../schema/account/0009_failures_by_network.sql"),
    include_str!("../schema/account/0010_audit.sql"),
    include_str!("../schema/account/0011_listed.sql"),
];
pub const DEVICE: Migrations =
    &[include_str!("../schema/device/0001_initial.sql"), include_str!("../schema/device/0002_shared.sql")];
pub const KEY_RING: Migrations = &[
    include_str!("../schema/key_ring/0001_initial.sql"),
    include_str!("../schema/key_ring/0002_setup.sql"),
    include_str!("../schema/key_ring/0003_names.sql"),
];
pub const NAMES: Migrations = &[include_str!("../schema/names/0001_initial.sql")];
