//! What can happen to a bus, and how often it does in a random history.

use proptest::prelude::{Strategy, any, prop_oneof};

use crate::tests::model::PEERS;

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Attach {
        peer: usize,
        acknowledges: bool,
    },
    Leave {
        peer: usize,
    },
    /// The close of a socket that was replaced comes through.
    LeaveReplaced {
        peer: usize,
    },
    Dispatch {
        peer: usize,
        count: usize,
    },
    Submit {
        peer: usize,
        key: Option<u8>,
    },
    Send {
        peer: usize,
        priority: u8,
    },
    Acknowledge {
        peer: usize,
        job: usize,
    },
    Update {
        peer: usize,
        job: usize,
        status: &'static str,
    },
    UpdateByHttp {
        job: usize,
        status: &'static str,
    },
    Cancel {
        job: usize,
    },
    Evict,
    /// Evicted, and every socket is gone without a word.
    Crash,
    Pass {
        milliseconds: i64,
    },
    /// An alarm that comes twice, or before its time.
    Alarm,
}

pub fn op() -> impl Strategy<Value = Op> {
    let peer = 0..PEERS;
    let job = any::<proptest::sample::Index>().prop_map(|index| index.index(1_000));
    let status = proptest::sample::select(&["completed", "failed", "cancelled", "halfway"][..]);
    let key = proptest::option::of(0_u8..3);
    prop_oneof![
        4 => (peer.clone(), any::<bool>()).prop_map(|(peer, acknowledges)| Op::Attach { peer, acknowledges }),
        2 => peer.clone().prop_map(|peer| Op::Leave { peer }),
        1 => peer.clone().prop_map(|peer| Op::LeaveReplaced { peer }),
        4 => (peer.clone(), prop_oneof![4 => 1_usize..4, 1 => 30_usize..40])
            .prop_map(|(peer, count)| Op::Dispatch { peer, count }),
        2 => (peer.clone(), key).prop_map(|(peer, key)| Op::Submit { peer, key }),
        3 => (peer.clone(), 0_u8..8).prop_map(|(peer, priority)| Op::Send { peer, priority }),
        4 => (peer.clone(), job.clone()).prop_map(|(peer, job)| Op::Acknowledge { peer, job }),
        6 => (peer, job.clone(), status.clone()).prop_map(|(peer, job, status)| Op::Update { peer, job, status }),
        1 => (job.clone(), status).prop_map(|(job, status)| Op::UpdateByHttp { job, status }),
        2 => job.prop_map(|job| Op::Cancel { job }),
        1 => proptest::strategy::Just(Op::Evict),
        1 => proptest::strategy::Just(Op::Crash),
        3 => proptest::sample::select(&[1_000, 20_000, 1_800_000, 3_700_000, 90_000_000][..])
            .prop_map(|milliseconds| Op::Pass { milliseconds }),
        1 => proptest::strategy::Just(Op::Alarm),
    ]
}
