//! What is about to be signed, in plain words, by the same parsers that the signers have.

use std::fmt::Display;

use cloister_chains::{
    U256,
    bitcoin::{Psbt, ScriptKind},
    cosmos::{Coin, SignDoc},
    effect::{Effect, Party},
    ethereum::{AuthorizationRequest, Fees, Transaction, TypedData, UserOperation},
    solana,
};
use cloister_client::{Account, SigningJob, scheme::Kind, typed_data::Field};

use crate::{failure::Failure, input::Payload, network::Shown, output::Lines};

/// A line for each thing that it says.
pub(super) fn lines(job: &SigningJob, payload: &Payload, shown: Shown) -> Result<Lines, Failure> {
    let account = job.account();
    let lines = Lines::new().line("read", payload.read_as).line("key", named(account));
    let said = match job.kind() {
        Kind::Message | Kind::EthereumMessage => Ok(text(lines, job.payload())),
        Kind::Solana => solana(lines, job),
        Kind::Bitcoin => bitcoin(lines, job, shown),
        Kind::Ethereum => ethereum(lines, account, job.payload()),
        Kind::TypedData => typed_data(lines, job.payload(), &payload.fields),
        Kind::Authorization => authorization(lines, account, job.payload()),
        Kind::UserOperation => user_operation(lines, job.payload()),
        Kind::Cosmos => cosmos(lines, job.payload()),
    };
    Ok(said.map_err(cloister_client::Error::from)?)
}

fn named(account: &Account) -> String {
    let name = &account.key().body().name;
    if account.path().steps().is_empty() { name.to_string() } else { format!("{name}, child {}", account.path()) }
}

type Said = Result<Lines, cloister_chains::Rejected>;

/// Its beginning, with whatever could mislead escaped.
fn text(lines: Lines, text: &[u8]) -> Lines {
    let length = text.len();
    let Ok(text) = std::str::from_utf8(text) else {
        let beginning = text.get(..MOST / 2).unwrap_or(text);
        return lines.line(
            "bytes",
            format!("0x{}, {length} bytes, which are no text", cut(&hex::encode(beginning), length > MOST / 2)),
        );
    };
    let said: String = text.chars().take(MOST).collect();
    lines.line("text", format!("{}, {length} bytes", cut(&quoted(&said), said.len() < length)))
}

/// In quotation marks, in which no mark of the text can end it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn cut(text: &str, more: bool) -> String {
    if more { format!("{text}…") } else { text.to_owned() }
}

/// The most characters of one value.
const MOST: usize = 200;

/// The most values of one message.
const MOST_FIELDS: usize = 200;

fn solana(lines: Lines, job: &SigningJob) -> Said {
    let message = solana::Message::parse_with_tables(job.payload(), job.tables())?;
    let mut lines = lines.line("fee payer", message.fee_payer());
    for call in message.instructions() {
        let (accounts, data) = (call.accounts.len(), call.data.len());
        lines = lines.line("calls", format!("{} with {accounts} accounts and {data} bytes", call.program));
    }
    Ok(lines)
}

fn bitcoin(lines: Lines, job: &SigningJob, shown: Shown) -> Said {
    let psbt = Psbt::parse(job.payload())?;
    let (inputs, ours) = (psbt.inputs().len(), job.messages().len());
    let mut lines = lines.line("inputs", format!("{ours} of {inputs} are the key's and get signed"));
    let own = own_addresses(job.account(), shown);
    for output in psbt.outputs() {
        let script = bitcoin::Script::from_bytes(&output.script);
        let to = bitcoin::Address::from_script(script, shown.judges_network());
        let to = to.map_or_else(|_| format!("script {}", hex::encode(&output.script)), |to| to.to_string());
        let back = if own.contains(&to) { " (this key's own)" } else { "" };
        lines = lines.line("pays", format!("{} to {to}{back}", output.amount));
    }
    Ok(lines.line("fee", psbt.fee()?))
}

fn own_addresses(account: &Account, shown: Shown) -> Vec<String> {
    let kinds = [ScriptKind::P2tr, ScriptKind::P2wpkh, ScriptKind::P2shP2wpkh, ScriptKind::P2pkh];
    kinds.iter().filter_map(|kind| account.bitcoin_address(*kind, shown.network()).ok()).collect()
}

fn ethereum(lines: Lines, account: &Account, payload: &[u8]) -> Said {
    let transaction = Transaction::parse(payload)?;
    let to = transaction.to().map_or_else(|| "nobody: it creates a contract".to_owned(), |to| to.to_string());
    let gas = transaction.gas_limit();
    let lines = lines
        .line("chain id", transaction.chain_id())
        .maybe("from", account.ethereum_address().ok())
        .line("to", to)
        .line("value", ether(transaction.value()))
        .line("fee", format!("at most {}, for {gas} gas{}", ether(transaction.max_fee().into()), price(&transaction)))
        .line("nonce", transaction.nonce())
        .line("data", data(transaction.data()));
    let some = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let mut lines = lines
        .maybe("accesses", some(transaction.access_list().len(), "accounts in its access list"))
        .maybe("blobs", some(transaction.blob_hashes().len(), "blobs"));
    for authorization in transaction.authorizations() {
        let (chain, code) = (authorization.chain_id, authorization.address);
        lines =
            lines.line("authorises", format!("the code of {code} for the account that signed it, chain id {chain}"));
    }
    Ok(lines)
}

fn price(transaction: &Transaction<'_>) -> String {
    match transaction.fees() {
        Fees::GasPrice(price) => format!(" at {price} wei"),
        Fees::Dynamic { max_priority, max } | Fees::Blob { max_priority, max, .. } => {
            format!(" at up to {max} wei, of which {max_priority} for the proposer")
        }
    }
}

/// In wei, and in units of 10^18 wei, which ether and most coins of other chains have.
fn ether(wei: U256) -> String {
    const DECIMALS: usize = 18;
    let padded = format!("{wei:0>19}", wei = wei.to_string());
    let (whole, rest) = padded.split_at(padded.len() - DECIMALS);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{wei} wei ({whole}{point}{rest} ether)")
}

fn data(data: &[u8]) -> String {
    match data.split_first_chunk::<4>() {
        None if data.is_empty() => "none".to_owned(),
        None => format!("{} bytes", data.len()),
        Some((function, _)) => format!("{} bytes, beginning with 0x{}", data.len(), hex::encode(function)),
    }
}

fn typed_data(lines: Lines, payload: &[u8], fields: &[Field]) -> Said {
    let data = TypedData::parse(payload)?;
    let domain = data.domain();
    let lines = lines
        .line("type", data.primary_type())
        .maybe("application", domain.name().map(quoted))
        .maybe("version", domain.version().map(quoted))
        .maybe("chain id", domain.chain_id())
        .maybe("contract", domain.verifying_contract())
        .line("domain", format!("0x{}", hex::encode(data.domain_separator())));
    let lines = fields.iter().take(MOST_FIELDS).fold(lines, |lines, Field { path, value }| {
        let beginning: String = value.chars().take(MOST).collect();
        lines.line("says", format!("{path} = {}", cut(&beginning, beginning.len() < value.len())))
    });
    let more = fields.len().saturating_sub(MOST_FIELDS);
    Ok(lines
        .maybe("says", (more > 0).then(|| format!("and {more} values more, which are not shown: look at the file"))))
}

fn authorization(lines: Lines, account: &Account, payload: &[u8]) -> Said {
    let request = AuthorizationRequest::parse(payload)?;
    let chain =
        if request.chain_id() == U256::ZERO { "every chain".to_owned() } else { request.chain_id().to_string() };
    Ok(lines
        .line("chain id", chain)
        .maybe("account", account.ethereum_address().ok())
        .line("authorises", format!("the code of {} for this account", request.address()))
        .line("nonce", request.nonce()))
}

fn user_operation(lines: Lines, payload: &[u8]) -> Said {
    let operation = UserOperation::parse(payload)?;
    let lines = lines
        .line("chain id", operation.chain_id())
        .line("account", operation.sender())
        .line("entry point", operation.entry_point())
        .line("nonce", operation.nonce());
    let does = operation.effects().into_iter().filter(|effect| !matches!(effect, Effect::Fee { .. }));
    let lines = does.fold(lines, |lines, effect| lines.line("does", effect));
    let by = operation.paymaster().map_or_else(String::new, |paymaster| format!(", which {paymaster} pays"));
    Ok(lines.line("fee", format!("at most {}{by}", ether(operation.max_fee().into()))))
}

fn cosmos(lines: Lines, payload: &[u8]) -> Said {
    let document = SignDoc::parse(payload)?;
    let transaction = document.transaction();
    let mut lines = lines
        .line("chain id", document.chain_id())
        .line("account", format!("number {}, sequence {}", document.account_number(), transaction.sequence()))
        .line("from", transaction.sender());
    for effect in transaction.effects() {
        lines = match effect {
            Effect::Transfer { asset, from: _, to, amount } => lines.line("pays", format!("{amount} {asset} to {to}")),
            Effect::Call { contract: Party::Channel(channel), input, .. } => {
                lines.line("tells", format!("the chain behind {channel} {}", quoted(&String::from_utf8_lossy(&input))))
            }
            Effect::Fee { .. } => lines,
            effect => lines.line("does", effect),
        };
    }
    let (fee, timeout) = (transaction.fee(), transaction.timeout_height());
    Ok(lines
        .line("fee", format!("{}, for {} gas", coins(&fee.amount), fee.gas_limit))
        .maybe("memo", Some(transaction.memo()).filter(|memo| !memo.is_empty()).map(quoted))
        .maybe("until block", Some(timeout).filter(|height| *height > 0)))
}

fn coins(coins: &[Coin]) -> impl Display + use<> {
    let coins: Vec<_> = coins.iter().map(|coin| format!("{} {}", coin.amount, coin.denom)).collect();
    if coins.is_empty() { "nothing".to_owned() } else { coins.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_wei_and_ether() {
        let shown = |wei: u128| ether(U256::from(wei));
        assert_eq!(shown(0), "0 wei (0 ether)");
        assert_eq!(shown(1), "1 wei (0.000000000000000001 ether)");
        assert_eq!(shown(1_500_000_000_000_000_000), "1500000000000000000 wei (1.5 ether)");
        assert_eq!(shown(20_000_000_000_000_000_000), "20000000000000000000 wei (20 ether)");
    }

    #[test]
    fn texts_cannot_turn_the_terminal_over() {
        let said = text(Lines::new(), "pay\u{202e}\u{1b}[2J\n0".as_bytes()).to_string();
        assert!(said.contains(r#""pay\u202e\u001b[2J\n0", "#), "{said}");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hex() {
        let said = text(Lines::new(), &[0xff; 300]).to_string();
        assert!(said.contains(&format!("0x{}…, 300 bytes", "ff".repeat(100))), "{said}");
    }
}
