//! Tools that the bus answers itself. Their parameters stand in `bus::wire::tools`, which also parses their calls.

use ::bus::wire::tables::{
    JOB_CANCEL, JOB_RESULT, JOB_STATUS, JOB_UPDATE, LIST_AVAILABLE_CLIENTS, LIST_JOBS, RECEIVE_MESSAGES,
    REGISTER_CLIENT, SEND_MESSAGE, SUBMIT, UNREGISTER_CLIENT,
};

use super::{Annotations, BusTool, output};

pub const BUS_LISTINGS: &[BusTool] = &[
    BusTool {
        name: LIST_AVAILABLE_CLIENTS,
        title: "List available clients",
        description: "Who is on your bus: Blenders and other persistent clients, and assistants that are active now, \
                      with uuid, type, group and whether each is connected. Use it to choose a target_uuid, or to \
                      find out why no Blender answers.",
        annotations: Annotations::READ,
        output: output::clients,
    },
    BusTool {
        name: REGISTER_CLIENT,
        title: "Register a client",
        description: "Puts a client on the bus so that messages can be sent to it; again with the same uuid it \
                      updates type, capabilities and group. You do not need it to call Blender tools, only to \
                      receive messages.",
        annotations: Annotations::SET,
        output: output::registered,
    },
    BusTool {
        name: UNREGISTER_CLIENT,
        title: "Unregister a client",
        description: "Takes a client off the bus. Messages that wait for it are dropped. A Blender registers again \
                      when it next connects.",
        annotations: Annotations::DELETE,
        output: output::unregistered,
    },
    BusTool {
        name: SEND_MESSAGE,
        title: "Send a message",
        description: "Sends a message to one client, a group, all clients of a type or everyone else, and does not \
                      wait. A script sent to a Blender this way runs there, and its outcome comes as a message to \
                      from_uuid. To get an answer in the same call use the Blender tools, such as \
                      blender_execute_code.",
        // The payload may be a script: as destructive as blender_execute_code.
        annotations: Annotations { open_world: true, ..Annotations::DESTRUCTIVE },
        output: output::sent,
    },
    BusTool {
        name: JOB_UPDATE,
        title: "Report on a job",
        description: "For clients that run jobs: reports progress or the outcome of a job to whoever asked for it. \
                      Not needed to call Blender tools.",
        annotations: Annotations::SET,
        output: output::updated,
    },
];

pub const JOB_LISTINGS: &[BusTool] = &[
    BusTool {
        name: SUBMIT,
        title: "Submit a job",
        description: "Starts a Blender tool as a job and returns its job_id at once, for work that takes minutes, or \
                      that shall wait until a Blender connects. Follow it with blender_job_status. For quick things \
                      call the tool itself.",
        annotations: Annotations { open_world: true, ..Annotations::DESTRUCTIVE },
        output: output::job,
    },
    BusTool {
        name: JOB_STATUS,
        title: "Get a job's status",
        description: "The state of a job, its progress and times. With wait_seconds it answers as soon as the state \
                      changes.",
        annotations: Annotations::READ,
        output: output::job,
    },
    BusTool {
        name: JOB_RESULT,
        title: "Get a job's result",
        description: "What a finished job returned, for 24 hours after its end; also of a tool call that ended in a \
                      timeout.",
        annotations: Annotations::READ,
        output: output::job,
    },
    BusTool {
        name: JOB_CANCEL,
        title: "Cancel a job",
        description: "Cancels a job. One that waits will not run; one that runs is asked to stop and may finish \
                      anyway.",
        annotations: Annotations::DELETE,
        output: output::job,
    },
    BusTool {
        name: LIST_JOBS,
        title: "List jobs",
        description: "Your jobs of the last 24 hours with their states, newest first. Use it to find a job_id again.",
        annotations: Annotations::READ,
        output: output::jobs,
    },
    BusTool {
        name: RECEIVE_MESSAGES,
        title: "Receive messages",
        description: "The messages in a registered client's inbox, for clients that hold no stream. Pass the \
                      returned next as after to go on.",
        annotations: Annotations::READ,
        output: output::messages,
    },
];
