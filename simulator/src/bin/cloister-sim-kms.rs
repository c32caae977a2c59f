//! The KMS stand-in as a process of its own.

fn main() -> anyhow::Result<()> {
    cloister_simulator::kms::run(std::env::args_os())
}
