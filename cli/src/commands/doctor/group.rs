//! What *n* and *t* buy.

use cloister_wire::manifest::ValidManifest;

use super::check::Check;

const CHECK: &str = "group";

pub(super) fn check(manifest: Option<&ValidManifest>) -> Check {
    match manifest {
        Some(manifest) => of(manifest.signers.len(), usize::from(manifest.threshold)),
        None => Check::skipped(CHECK, "none was named: --manifest FILE"),
    }
}

/// *t* is at least 2 and at most *n*.
pub(super) fn of(n: usize, t: usize) -> Check {
    let (down, broken, quorum) = (n - t, t - 1, (n + t).div_ceil(2));
    let message = format!(
        "{t} of {n}: signs with {} down; keys stay secret with {} broken; making a key takes all {n}",
        signers(down),
        enclaves(broken)
    );
    if down == 0 {
        let hint = "One signer that is down stops all signatures, and losing one loses every key: take more signers than the threshold.";
        return Check::attention(CHECK, message, hint);
    }
    if n < t + 2 {
        let hint = format!(
            "Limits and kill switches that hold against a host with {} broken need a quorum of {quorum} of {n} signers, so that none may be \
             down for them: that takes n of at least t + 2, here {}.",
            enclaves(broken),
            t + 2
        );
        return Check { hint: Some(hint), ..Check::good(CHECK, message) };
    }
    let spare = signers(n - quorum);
    Check::good(CHECK, format!("{message}; a quorum of {quorum} holds against broken enclaves with {spare} down"))
}

fn signers(count: usize) -> String {
    if count == 1 { "1 signer".into() } else { format!("{count} signers") }
}

fn enclaves(count: usize) -> String {
    if count == 1 { "1 enclave".into() } else { format!("{count} enclaves") }
}
