mod apply;
mod check;
mod difference;
mod explain;
mod ruling;
mod show;
pub(super) mod source;
mod test;

use clap::Subcommand;

use super::operator;
use crate::{failure::Failure, output::Output};

/// `cloister policy`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Read a policy file, and say what is in it or where it is wrong. Needs no group.
    #[command(after_help = "A policy file, in full: docs/policy.md. A small one:

  [tenant.treasury.members]
  alice = { ed25519 = \"3f1c...\" }
  [tenant.treasury.limits.daily]
  network = \"ethereum:1\"
  asset = \"native\"
  most = \"10 ether\"
  window = \"24h\"
  per = \"tenant\"
  [[tenant.treasury.rules]]
  name = \"payouts\"
  requesters = [\"alice\"]
  payloads = [\"ethereum:1\"]
  effects = { every = [{ kind = \"transfer\", assets = [\"native\"] }] }
  within = [\"daily\"]
  then = \"allow\"

The first rule that fits a request decides; what none fits is refused.")]
    Check(check::Check),
    /// Show the policy in force as a policy file.
    #[command(after_help = "Examples:
  cloister policy show
  cloister policy show --out policy.toml
  cloister policy show --tenant treasury --json
  cloister policy show --version policy.cbor")]
    Show(show::Show),
    /// Say what differs between two policies, thing by thing.
    ///
    /// Each is a policy file, a signed policy (the folder's policy.cbor) or a draft. With one, the policy in force is compared with what
    /// `policy apply` would make of it.
    #[command(after_help = "Examples:
  cloister policy diff policy.toml
  cloister policy diff old.toml new.toml
  cloister policy diff cloister-sim/policy.cbor draft.json")]
    Diff(difference::Diff),
    /// Say which rule decides a request, and which condition of each earlier rule does not hold.
    ///
    /// Nothing is signed and nobody is asked. Limits are taken as if nothing had been spent: only signers know what they have counted.
    #[command(after_help = "Examples:
  cloister policy explain --requester alice --key hot-1 --chain ethereum unsigned.json
  cloister policy explain --policy policy.toml --key-file hot-1.json --requester alice --chain ethereum unsigned.json
  cloister policy explain --policy policy.toml --key-file hot-1.json --request request.cbor
  cloister policy explain --session bot.session --key hot-1 --chain ethereum unsigned.json

A key file is what `cloister key show NAME --json` wrote. With --policy and --key-file nothing is asked of any group.")]
    Explain(explain::Explain),
    /// Run a file of requests against a policy file, and compare what it makes of each with what is expected. Needs no group.
    #[command(after_help = "Example:
  cloister policy test policy.toml cases.toml

A file of cases:

  [keys.hot-1]                        # as cloister key show hot-1 --json has it
  scheme = \"secp256k1-ecdsa\"
  public_key = \"024bc2...\"
  [[cases]]
  name = \"a small payout\"
  requester = \"alice\"
  key = \"hot-1\"
  pay = { network = \"ethereum:1\", to = \"0x9d8A...\", amount = \"1 ether\" }
  decides = \"payouts\"                 # the rule; or refused = \"limit_reached\"
  [[cases]]
  name = \"one more, an hour later\"
  after = \"1h\"
  requester = \"alice\"
  key = \"hot-1\"
  chain = \"ethereum\"
  file = \"unsigned.json\"
  refused = \"limit_reached\"

Cases run in order, and what a rule lets through counts in its limits. docs/policy.md has every field.")]
    Test(test::Test),
    /// Sign a draft of the next policy, which `policy apply --draft` wrote: `operator sign`, for policies alone.
    #[command(after_help = "Example:
  cloister policy apply policy.toml --draft draft.json
  cloister policy sign draft.json --key alice.key
  cloister policy sign draft.json --key bob.key
  cloister operator submit draft.json")]
    Sign(operator::Sign),
    /// Put a policy file into force: signs the next version with the operators' keys.
    ///
    /// The tenants that the file has take the place of those of the same names; others stay as they are. Safe to repeat, and has to be
    /// repeated if it failed at some signers. With --draft, operators sign elsewhere: `cloister operator sign`, `cloister operator submit`.
    #[command(after_help = "Examples:
  cloister policy apply policy.toml
  cloister policy apply policy.toml --draft draft.json
  cloister policy apply everything.toml --all --operator-key alice.key --operator-key bob.key")]
    Apply(apply::Apply),
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Check(check) => check.run(output),
        Command::Show(show) => show.run(output).await,
        Command::Diff(diff) => diff.run(output).await,
        Command::Explain(explain) => explain.run(output).await,
        Command::Test(test) => test.run(output),
        Command::Sign(sign) => sign.run_for_policy(output),
        Command::Apply(apply) => apply.run(output).await,
    }
}
