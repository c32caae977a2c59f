//! The simulated signer as a process of its own.

fn main() -> anyhow::Result<()> {
    cloister_simulator::signer::run(std::env::args_os())
}
