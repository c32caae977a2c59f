//! Whether image and manifest speak of the same release: everything else is compared with one of them.

use super::{Known, check::Check};

const CHECK: &str = "release";
const HINT: &str = "Give the pcr.json of the release that the manifest's operators signed for (`cloister manifest show`); policies and enclave \
were compared with this one's.";

pub(super) fn check(known: &Known) -> Check {
    let (Some(image), Some(manifest)) = (&known.image, &known.manifest) else {
        return Check::skipped(CHECK, "needs both --pcrs and --manifest");
    };
    if image.release == manifest.release {
        return Check::good(CHECK, "pcr.json is of the manifest's release");
    }
    Check::unverified(CHECK, "pcr.json is of another release than the manifest", HINT)
}
