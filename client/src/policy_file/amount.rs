//! Amounts: whole numbers of the smallest unit, or exact decimal numbers of a larger one.

use cloister_chains::U256;
use cloister_wire::{ids::Quantity, policy::Permission};

use super::text::Written;

/// An amount as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    number: U256,
    unit: Option<Unit>,
}

/// A unit's name, whose coin it is of, and how many decimal places it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unit {
    name: &'static str,
    coin: Coin,
    places: usize,
}

/// Whose own coin an amount is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coin {
    Ethereum,
    Bitcoin,
    Solana,
}

/// For each coin the largest first.
const UNITS: [Unit; 7] = [
    Unit { name: "ether", coin: Coin::Ethereum, places: 18 },
    Unit { name: "gwei", coin: Coin::Ethereum, places: 9 },
    Unit { name: "wei", coin: Coin::Ethereum, places: 0 },
    Unit { name: "btc", coin: Coin::Bitcoin, places: 8 },
    Unit { name: "sat", coin: Coin::Bitcoin, places: 0 },
    Unit { name: "sol", coin: Coin::Solana, places: 9 },
    Unit { name: "lamports", coin: Coin::Solana, places: 0 },
];

/// More decimal places than this are not shown: a smaller unit says it better.
const SHOWN_PLACES: usize = 6;

impl Amount {
    /// The number, if its unit is one of this coin or it has none.
    pub(crate) fn of(self, coin: Option<Coin>) -> Result<Quantity, String> {
        match (self.unit, coin) {
            (Some(unit), None) => Err(format!(
                "an amount in {} has to be of one chain's own coin: give a whole number of the smallest unit",
                unit.name
            )),
            (Some(unit), Some(coin)) if unit.coin != coin => {
                Err(format!("{} is no unit of {coin:?}'s coin", unit.name))
            }
            (Some(_) | None, _) => Ok(Quantity::from_be_bytes(self.number.to_be_bytes())),
        }
    }

    /// An amount as it is shown: in the largest unit of the coin in which it is short.
    pub(crate) fn shown(quantity: Quantity, coin: Option<Coin>) -> Self {
        let number = U256::from(quantity.to_be_bytes());
        let short = |unit: &&Unit| {
            Some(unit.coin) == coin && unit.places > 0 && places(&decimal(number, unit.places)) <= SHOWN_PLACES
        };
        let unit = if number == U256::ZERO { None } else { UNITS.iter().find(short).copied() };
        Self { number, unit }
    }
}

/// The coin that all of these payloads are about, if there is one.
pub(crate) fn coin(payloads: Option<&[Permission]>) -> Option<Coin> {
    let coin = |payload: &Permission| match payload {
        Permission::Bitcoin { .. } => Some(Coin::Bitcoin),
        Permission::Solana => Some(Coin::Solana),
        Permission::Ethereum { .. }
        | Permission::EthereumMessage
        | Permission::TypedData { .. }
        | Permission::Authorization { .. }
        | Permission::UserOperation { .. } => Some(Coin::Ethereum),
        Permission::Message | Permission::Cosmos { .. } => None,
    };
    let (first, rest) = payloads?.split_first()?;
    let first = coin(first)?;
    rest.iter().all(|other| coin(other) == Some(first)).then_some(first)
}

impl Written for Amount {
    const WHAT: &'static str = "an amount, such as \"1.5 ether\", \"50000 sat\" or \"1000000\"";
    const NUMBER: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {}", Self::WHAT);
        let Some((number, unit)) = text.split_once(' ') else {
            return Ok(Self { number: text.parse().map_err(|_| wrong())?, unit: None });
        };
        let unit = UNITS.iter().find(|known| known.name == unit).ok_or_else(|| {
            let names: Vec<_> = UNITS.iter().map(|unit| unit.name).collect();
            format!("the units are {}", names.join(", "))
        })?;
        let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(rest) || whole.is_empty() || number.ends_with('.') {
            return Err(wrong());
        }
        if rest.len() > unit.places {
            return Err(format!("{} has {} decimal places", unit.name, unit.places));
        }
        let padded = format!("{whole}{rest}{}", "0".repeat(unit.places - rest.len()));
        let all = padded.trim_start_matches('0');
        let number = if all.is_empty() { U256::ZERO } else { all.parse().map_err(|_| "too large".to_owned())? };
        Ok(Self { number, unit: Some(*unit) })
    }

    fn write(&self) -> String {
        match self.unit {
            Some(unit) => format!("{} {}", decimal(self.number, unit.places), unit.name),
            None => self.number.to_string(),
        }
    }
}

/// The number with so many decimal places, without zeros at the end.
fn decimal(number: U256, places: usize) -> String {
    let digits = format!("{number:0>width$}", number = number.to_string(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
}

fn places(decimal: &str) -> usize {
    decimal.split_once('.').map_or(0, |(_, rest)| rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> String {
        Amount::read(text).unwrap().number.to_string()
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(number("1.5 ether"), "1500000000000000000");
        assert_eq!(number("0.000000000000000001 ether"), "1");
        assert_eq!((number("0 ether"), number("0.0 ether"), number("7")), ("0".into(), "0".into(), "7".into()));
        assert_eq!(
            (number("0.5 gwei"), number("21 btc"), number("2.000000001 sol")),
            ("500000000".into(), "2100000000".into(), "2000000001".into())
        );
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "1,5 ether",
            "-1",
            "+1",
            "1.5",
            "1. ether",
            ".5 ether",
            "1 eth",
            "1 Ether",
            "1  ether",
            "1ether",
            "0.1 wei",
            "0.123456789 btc",
            "1e18",
            "0x10",
            "01",
        ] {
            assert!(Amount::read(text).is_err(), "{text}");
        }
        assert!(Amount::read(&format!("{} ether", "9".repeat(70))).is_err());
    }

    #[test]
    fn a_unit_of_another_coin_is_refused() {
        let ether = Amount::read("1 ether").unwrap();
        assert!(ether.of(Some(Coin::Ethereum)).is_ok());
        assert!(ether.of(Some(Coin::Bitcoin)).is_err() && ether.of(None).is_err());
        assert!(Amount::read("1").unwrap().of(None).is_ok());
    }

    #[test]
    fn amounts_are_shown_in_the_unit_in_which_they_are_short() {
        let shown = |number: u64, coin| {
            let quantity = Quantity::from_be_bytes(U256::from(number).to_be_bytes());
            Amount::shown(quantity, coin).write()
        };
        assert_eq!(shown(10_000_000_000_000_000, Some(Coin::Ethereum)), "0.01 ether");
        assert_eq!(shown(5_000_000_000, Some(Coin::Ethereum)), "5 gwei");
        assert_eq!(shown(12_345_678_901, Some(Coin::Ethereum)), "12345678901");
        assert_eq!(shown(0, Some(Coin::Ethereum)), "0");
        assert_eq!(shown(50_000, Some(Coin::Bitcoin)), "0.0005 btc");
        assert_eq!(shown(50_000, None), "50000");
    }
}
