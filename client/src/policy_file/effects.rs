//! What a payload has to do for a rule to fit.

use cloister_wire::policy::{AssetName, Counterparty, EffectKind, Effects, Pattern, Quantifier};
use serde::{Deserialize, Serialize};

use super::{
    amount::{Amount, Coin},
    function::FunctionEntry,
    rule::list,
    text::Text,
};

/// `{ every = [pattern] }` or `{ some = [pattern] }`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectsForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<Vec<PatternForm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    some: Option<Vec<PatternForm>>,
}

/// `{ kind = "transfer", assets = ["native"], to = ["list:exchanges"], most = "1 ether" }`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternForm {
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assets: Option<Vec<Text<AssetName>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Vec<Text<Counterparty>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    most: Option<Text<Amount>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    functions: Option<Vec<FunctionEntry>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Transfer,
    Allowance,
    Operator,
    Call,
    Creation,
    Delegation,
    Agreement,
    Stake,
    TokenAccount,
    Anything,
}

impl EffectsForm {
    pub(super) fn read(self, coin: Option<Coin>) -> Result<Effects, String> {
        let (quantifier, patterns) = match (self.every, self.some) {
            (Some(patterns), None) => (Quantifier::Every, patterns),
            (None, Some(patterns)) => (Quantifier::Some, patterns),
            (Some(_), Some(_)) | (None, None) => return Err("effects: either every or some".to_owned()),
        };
        let patterns = patterns.into_iter().map(|pattern| pattern.read(coin)).collect::<Result<Vec<_>, _>>()?;
        Ok(Effects { quantifier, patterns: list("effects", patterns)? })
    }

    pub(super) fn of(effects: &Effects, coin: Option<Coin>) -> Self {
        let patterns = effects.patterns.iter().map(|pattern| PatternForm::of(pattern, coin)).collect();
        match effects.quantifier {
            Quantifier::Every => Self { every: Some(patterns), some: None },
            Quantifier::Some => Self { every: None, some: Some(patterns) },
        }
    }
}

impl PatternForm {
    fn read(self, coin: Option<Coin>) -> Result<Pattern, String> {
        let native = self.assets.as_ref().is_some_and(|assets| assets.iter().all(|asset| asset.0 == AssetName::Native));
        let coin = coin.filter(|_| native);
        let most = self.most.map(|most| most.0.of(coin).map_err(|why| format!("effects, most: {why}"))).transpose()?;
        Ok(Pattern {
            kind: self.kind.into(),
            assets: self.assets.map(|all| list("assets", all.into_iter().map(|one| one.0).collect())).transpose()?,
            with: self.to.map(|all| list("to", all.into_iter().map(|one| one.0).collect())).transpose()?,
            most,
            functions: self
                .functions
                .map(|all| list("functions", all.into_iter().map(|one| one.0).collect()))
                .transpose()?,
        })
    }

    fn of(pattern: &Pattern, coin: Option<Coin>) -> Self {
        let native =
            pattern.assets.as_ref().is_some_and(|assets| assets.iter().all(|asset| *asset == AssetName::Native));
        let coin = coin.filter(|_| native);
        Self {
            kind: pattern.kind.into(),
            assets: pattern.assets.as_ref().map(|all| all.iter().cloned().map(Text).collect()),
            to: pattern.with.as_ref().map(|all| all.iter().cloned().map(Text).collect()),
            most: pattern.most.map(|most| Text(Amount::shown(most, coin))),
            functions: pattern.functions.as_ref().map(|all| all.iter().cloned().map(FunctionEntry).collect()),
        }
    }
}

macro_rules! kinds {
    ($($kind:ident)+) => {
        impl From<Kind> for EffectKind {
            fn from(kind: Kind) -> Self {
                match kind { $(Kind::$kind => Self::$kind,)+ }
            }
        }

        impl From<EffectKind> for Kind {
            fn from(kind: EffectKind) -> Self {
                match kind { $(EffectKind::$kind => Self::$kind,)+ }
            }
        }
    };
}

kinds!(Transfer Allowance Operator Call Creation Delegation Agreement Stake TokenAccount Anything);
