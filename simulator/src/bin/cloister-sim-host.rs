//! The host of a simulated signer as a process of its own.

fn main() -> anyhow::Result<()> {
    cloister_simulator::group::run_host(std::env::args_os())
}
