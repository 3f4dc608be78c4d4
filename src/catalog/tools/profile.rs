//! Profiles: parts of the tool list, since a client pays for every listed tool in each conversation. A profile is a view
//! only: a tool that is not listed can still be called by its name.

use ::bus::wire::tables::{JOB_CANCEL, JOB_RESULT, JOB_STATUS, LIST_AVAILABLE_CLIENTS, LIST_JOBS, SUBMIT};

use super::{Tool, checkpoints, code, exchange, generated, msgbus, online, scene, seeing};

/// Which tools an endpoint lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Core,
    Scene,
    Assets,
    Full,
}

/// Beside the tools that look at the scene and run code: following jobs, and choosing a Blender.
const CORE: [&str; 11] = [
    "blender_get_scene_info",
    "blender_get_object_info",
    "blender_get_viewport_screenshot",
    "blender_execute_code",
    LIST_AVAILABLE_CLIENTS,
    SUBMIT,
    JOB_STATUS,
    JOB_RESULT,
    JOB_CANCEL,
    LIST_JOBS,
    "blender_browse_data",
];

impl Profile {
    pub const ALL: [Self; 4] = [Self::Core, Self::Scene, Self::Assets, Self::Full];

    /// The path of its endpoint. `/mcp` and `/` are full as well.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Core => "/mcp/core",
            Self::Scene => "/mcp/scene",
            Self::Assets => "/mcp/assets",
            Self::Full => "/mcp/full",
        }
    }

    /// What it is for, in a few words.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Core => "looking, screenshots, Python and jobs",
            Self::Scene => {
                "the core, with the scene as a tree, the API, measures, views, renders, files and the console"
            }
            Self::Assets => "the core, with files, Poly Haven, Sketchfab and Hyper3D",
            Self::Full => "all tools, as at /mcp",
        }
    }

    #[must_use]
    pub fn lists(self, tool: Tool) -> bool {
        let is_of = |families: &[&[super::DispatchTool]]| {
            families.iter().flat_map(|family| family.iter()).any(|listed| listed.name == tool.name())
        };
        CORE.contains(&tool.name())
            || match self {
                Self::Core => false,
                Self::Scene => is_of(&[
                    scene::TOOLS,
                    seeing::TOOLS,
                    code::TOOLS,
                    checkpoints::TOOLS,
                    exchange::TOOLS,
                    msgbus::TOOLS,
                ]),
                Self::Assets => is_of(&[exchange::TOOLS, online::TOOLS, generated::TOOLS]),
                Self::Full => true,
            }
    }
}
