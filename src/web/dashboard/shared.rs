//! Share links as the pages list them.

use account::shares::Share;

use crate::web::dashboard::words::moment_ms;
use crate::web::pages::dashboard::Shared;

/// `watching`: the ids of those whose page is open somewhere.
pub fn shown(share: &Share, watching: &[String]) -> Shared {
    Shared {
        share_id: share.share_id.clone(),
        name: share.name.clone(),
        blender: share.blender.clone(),
        may_work: share.may_work,
        is_watched: watching.contains(&share.share_id),
        ends: moment_ms(share.expires_ms),
        used: share.last_used_ms.map(moment_ms),
    }
}
