//! What the API says of presignatures that a host keeps ready.

use std::time::{Duration, Instant};

use cloister_client::pools::{Counts, Pools};
use cloister_tests::stage::Stage;

use crate::{ecdsa_key, settle_unbarred};

/// One presignature for each set of signers, thrown away after five seconds.
const OPTIONS: [&str; 8] = [
    "--presignatures-low",
    "1",
    "--presignatures-high",
    "1",
    "--presignatures-refill",
    "0",
    "--presignatures-life",
    "5",
];

/// Looks until it is so.
fn await_pools(stage: &mut Stage, what: &str, is_so: impl Fn(&Pools) -> bool) -> Counts {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let pools = stage.pools();
        if is_so(&pools) {
            return pools.presignatures.counts;
        }
        assert!(Instant::now() < deadline, "{what}: {pools:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn hits_misses_refills_and_expiries_are_counted_and_an_empty_pool_costs_only_time() {
    let mut stage = Stage::open_with(2, 3, &OPTIONS);
    let key = ecdsa_key(&mut stage);
    let none = stage.pools();
    assert_eq!(none.presignatures.counts, Counts { hits: 0, misses: 0, refills: 0, expiries: 0 });
    assert!(none.presignatures.pools.is_empty());

    stage.sign_text(&key, "with an empty pool").expect("a signature");
    assert_eq!(stage.pools().presignatures.counts.misses, 1);
    let is_full = |pools: &Pools| pools.presignatures.pools.iter().any(|pool| pool.ready == 1 && pool.target == 1);
    let refilled = await_pools(&mut stage, "no pool is filled", is_full);
    assert!(refilled.refills >= 2, "one that was waited for, and one ahead");
    let expired = await_pools(&mut stage, "nothing expires", |pools| pools.presignatures.counts.expiries > 0);

    // It may be too old again before it is asked for: then that was a miss, and the pool is filled once more.
    let deadline = Instant::now() + Duration::from_secs(120);
    while stage.pools().presignatures.counts.hits == 0 {
        assert!(Instant::now() < deadline, "no hit: {:?}", stage.pools());
        stage.sign_text(&key, "with a full pool, or an empty one").expect("a signature");
        let _full = await_pools(&mut stage, "no pool is filled", is_full);
    }
    let after = stage.pools();
    assert!(after.presignatures.counts.misses > expired.misses, "what had expired was not given out: {after:?}");
    let pool = &after.presignatures.pools[0];
    assert!(pool.key == key.id().to_string() && pool.path.is_empty() && pool.signers.len() == 2, "{pool:?}");
    settle_unbarred(&mut stage, &key);
}
