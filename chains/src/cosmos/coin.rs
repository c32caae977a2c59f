//! Coins: how much of which denomination, as the SDK's `Coins.Validate` wants them.

use super::{
    protobuf,
    unsignable::{Part, Unsignable},
};
use crate::{U256, limits};

/// Some of one denomination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coin {
    /// Its name on the chain, such as `uatom`: 3 to 128 letters, digits and `/:._-`, a letter first.
    pub denom: String,
    /// How much, in its smallest unit; never zero.
    pub amount: U256,
}

/// The coins of `part`: none of them zero, each denomination once, in ascending order.
pub(super) fn read_coins(coins: Vec<protobuf::Coin>, part: Part) -> Result<Vec<Coin>, Unsignable> {
    if coins.len() > limits::COSMOS_COINS {
        return Err(Unsignable::TooManyCoins { part, count: coins.len() });
    }
    let coins: Vec<Coin> = coins.into_iter().map(|coin| read_coin(coin, part)).collect::<Result<_, _>>()?;
    let ascending = coins.array_windows().all(|[a, b]| a.denom < b.denom);
    if ascending { Ok(coins) } else { Err(Unsignable::CoinOrder { part }) }
}

/// One coin of `part`, not zero.
pub(super) fn read_coin(coin: protobuf::Coin, part: Part) -> Result<Coin, Unsignable> {
    if !is_denom(&coin.denom) {
        return Err(Unsignable::BadDenom { part });
    }
    match coin.amount.parse() {
        Ok(amount) if amount != U256::ZERO => Ok(Coin { denom: coin.denom, amount }),
        _ => Err(Unsignable::BadAmount { part }),
    }
}

/// `[a-zA-Z][a-zA-Z0-9/:._-]{2,127}`
fn is_denom(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-".contains(&byte);
    (3..=128).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^256 - 1.
    const MOST: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    fn coins(coins: &[(&str, &str)]) -> Result<Vec<Coin>, Unsignable> {
        let coin = |&(amount, denom): &(&str, &str)| protobuf::Coin { denom: denom.into(), amount: amount.into() };
        read_coins(coins.iter().map(coin).collect(), Part::Fee)
    }

    #[test]
    fn refuses_amounts_that_are_zero_too_large_or_not_in_their_shortest_form() {
        let above = MOST.replace("9935", "9936");
        for amount in
            ["", "0", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "١", &above, &"9".repeat(10_000)]
        {
            assert_eq!(coins(&[(amount, "uatom")]), Err(Unsignable::BadAmount { part: Part::Fee }), "{amount}");
        }
    }

    #[test]
    fn refuses_what_the_sdk_does_not_call_a_denomination() {
        let [longest, longer] = [128, 129].map(|length| "a".repeat(length));
        for good in ["abc", "Abc", "a-b", "ibc/27394FB092D2ECCD", "factory/osmo1abc/x.y_z:1", &longest] {
            assert!(coins(&[("1", good)]).is_ok(), "{good}");
        }
        for bad in ["", "ab", "1bc", "/bc", "a c", "abç", "abc\n", "a+c", &longer] {
            assert_eq!(coins(&[("1", bad)]), Err(Unsignable::BadDenom { part: Part::Fee }), "{bad}");
        }
    }

    #[test]
    fn refuses_coins_out_of_order_twice_or_too_many() {
        assert!(coins(&[]).is_ok());
        assert!(coins(&[("1", "Uatom"), ("1", "atom"), ("1", "atomz")]).is_ok());
        for bad in [[("1", "bbb"), ("1", "aaa")], [("1", "aaa"), ("2", "aaa")], [("1", "aaa"), ("1", "Aaa")]] {
            assert_eq!(coins(&bad), Err(Unsignable::CoinOrder { part: Part::Fee }));
        }
        let count = limits::COSMOS_COINS + 1;
        assert_eq!(coins(&vec![("1", "aaa"); count]), Err(Unsignable::TooManyCoins { part: Part::Fee, count }));
    }
}
