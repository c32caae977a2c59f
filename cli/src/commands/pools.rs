use std::fmt;

use clap::Args;
use cloister_client::pools::{Counts, Pool, Pools};
use serde::Serialize;

use crate::{
    context::Connection,
    failure::Failure,
    output::{Lines, Output},
};

/// `cloister pools`.
///
/// What the host that answers keeps ready for signatures, and how that did since it was started. Every host has pools of its own: --url
/// asks another one. Nobody signs these numbers.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let pools = arguments.connection.attest().await?.pools().await?;
    output.answer(&PoolsView { pools, simulated: arguments.connection.is_simulated()? });
    Ok(())
}

#[derive(Serialize)]
struct PoolsView {
    #[serde(flatten)]
    pools: Pools,
    simulated: bool,
}

impl fmt::Display for PoolsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pools { commitments, presignatures } = &self.pools;
        let lines = Lines::new()
            .line("commitments", counts(commitments))
            .line("presignatures", counts(&presignatures.counts))
            .simulated(self.simulated);
        write!(f, "{lines}")?;
        presignatures.pools.iter().try_for_each(|pool| write!(f, "\n{}", one(pool)))
    }
}

fn counts(Counts { hits, misses, refills, expiries }: &Counts) -> String {
    format!("hits {hits}, misses {misses}, refills {refills}, expiries {expiries}")
}

fn one(Pool { key, path, signers, ready, target }: &Pool) -> String {
    let path: String = path.iter().map(|step| format!("/{step}")).collect();
    let signers: Vec<_> = signers.iter().map(ToString::to_string).collect();
    format!("key {key} m{path}, signers {}: {ready} of {target} ready", signers.join(", "))
}
