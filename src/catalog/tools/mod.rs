//! The tools: their tables, and finding one by its name.
//!
//! Every dispatch tool also takes `target_uuid` and `timeout_seconds`. `model` adds both, so that no table repeats them;
//! neither reaches the peer.

mod account;
mod bus;
mod checkpoints;
mod code;
mod exchange;
mod files;
mod generated;
mod kinds;
mod listing;
mod model;
mod msgbus;
mod online;
mod output;
mod profile;
mod scene;
mod seeing;

pub use account::{CREATE_ACCESS_TOKEN, LIST_ACCESS_TOKENS};
pub use code::CONSOLE_LEVELS;
pub use kinds::MAX_INTEGER;
pub use listing::{bytes_to_models, list, list_for};
pub use model::{AccountTool, Annotations, BusTool, Changes, DispatchCall, DispatchTool, MAX_TIMEOUT_SECONDS, Tool};
pub use profile::Profile;

/// Every dispatch tool, in the order of the list. Its first takes no arguments that must be given: test suites of the
/// protocol call the first tool of a server with `{}`.
pub fn dispatch_tools() -> impl Iterator<Item = &'static DispatchTool> {
    let families: [&'static [DispatchTool]; 8] = [
        scene::TOOLS,
        seeing::TOOLS,
        code::TOOLS,
        checkpoints::TOOLS,
        exchange::TOOLS,
        msgbus::TOOLS,
        online::TOOLS,
        generated::TOOLS,
    ];
    families.into_iter().flatten()
}

impl DispatchTool {
    /// The tool of this command.
    #[must_use]
    pub fn of_command(command: &str) -> Option<&'static Self> {
        dispatch_tools().find(|tool| tool.command() == command)
    }
}

/// The tool of this name among those that are served.
#[must_use]
pub fn find(name: &str) -> Option<Tool> {
    served().find(|tool| tool.name() == name)
}

/// The tools in the order of the list.
pub fn served() -> impl Iterator<Item = Tool> {
    let bus = bus::BUS_LISTINGS.iter().map(Tool::Bus).chain(bus::JOB_LISTINGS.iter().map(Tool::Job));
    let files = files::LISTINGS.iter().map(Tool::File);
    dispatch_tools().map(Tool::Dispatch).chain(bus).chain(files).chain(account::TOOLS.iter().map(Tool::Account))
}

#[cfg(test)]
mod tests;
