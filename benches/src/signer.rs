//! The signer whose memory is measured.

fn main() -> anyhow::Result<()> {
    cloister_simulator::signer::run(std::env::args_os())
}
