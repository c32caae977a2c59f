//! KMS refuses calls, and clients documents, that are some minutes off.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use super::check::Check;

const CHECK: &str = "clock";
const HINT: &str =
    "Run chrony against the Amazon Time Sync Service (169.254.169.123), and see that `timedatectl` says synchronized.";

pub(super) async fn check() -> Check {
    let mut asked = Command::new("timedatectl");
    asked.args(["show", "--property=NTPSynchronized", "--value"]).stdin(Stdio::null()).kill_on_drop(true);
    match timeout(PATIENCE, asked.output()).await {
        Ok(Ok(output)) => of(&String::from_utf8_lossy(&output.stdout)),
        _ => of(""),
    }
}

pub(super) fn of(answer: &str) -> Check {
    match answer.trim() {
        "yes" => Check::good(CHECK, "it is synchronised"),
        "no" => Check::bad(CHECK, "it is not synchronised", HINT),
        _ => Check::attention(CHECK, "whether it is synchronised cannot be found out: timedatectl does not say", HINT),
    }
}

/// By how many seconds KMS's clock is ahead: says more than whether something synchronises.
pub(super) fn of_kms(ahead: i64) -> Check {
    let (seconds, than) = (ahead.unsigned_abs(), if ahead < 0 { "ahead of" } else { "behind" });
    match seconds {
        0..=TOLERATED => Check::good(CHECK, "it goes with KMS's"),
        _ => Check::attention(
            CHECK,
            format!("it is {seconds} seconds {than} KMS's; enclaves refuse requests beyond 60"),
            HINT,
        ),
    }
}

/// Half of what enclaves tolerate between two clocks.
const TOLERATED: u64 = 30;
const PATIENCE: Duration = Duration::from_secs(5);
