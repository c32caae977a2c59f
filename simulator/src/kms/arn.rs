//! Names of keys and of callers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not {1}")]
pub struct BadName(String, &'static str);

/// An AWS region such as `eu-central-1`: at most 32 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl FromStr for Region {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let good = (1..=32).contains(&text.len()) && text.bytes().all(plain);
        good.then(|| Self(text.into())).ok_or_else(|| BadName(text.into(), "a region"))
    }
}

/// An AWS account: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl FromStr for AccountId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let good = text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit());
        good.then(|| Self(text.into())).ok_or_else(|| BadName(text.into(), "an account id of twelve digits"))
    }
}

/// The full name of a key: `arn:aws:kms:REGION:ACCOUNT:key/UUID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyArn {
    region: Region,
    account: AccountId,
    id: Uuid,
}

impl KeyArn {
    /// The name of the key `id` in this region and account.
    pub fn new(region: Region, account: AccountId, id: Uuid) -> Self {
        Self { region, account, id }
    }

    /// The key's id alone, unique over regions and accounts.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The account that owns the key.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The region in which the key lives.
    pub fn region(&self) -> &Region {
        &self.region
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:kms:{}:{}:key/{}", self.region, self.account, self.id)
    }
}

impl FromStr for KeyArn {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let parse = || {
            let (region, rest) = text.strip_prefix("arn:aws:kms:")?.split_once(':')?;
            let (account, id) = rest.split_once(":key/")?;
            Some(Self::new(region.parse().ok()?, account.parse().ok()?, Uuid::parse_str(id).ok()?))
        };
        // Uuid reads other spellings too; only the one that we print is a name.
        parse().filter(|arn| arn.to_string() == text).ok_or_else(|| BadName(text.into(), "a key ARN"))
    }
}

/// A caller: `arn:aws:iam::ACCOUNT:user/NAME` or `…:role/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalArn {
    account: AccountId,
    name: String,
}

impl PrincipalArn {
    /// The role `name` of this account.
    pub fn role(account: AccountId, name: &str) -> Self {
        Self { account, name: format!("role/{name}") }
    }

    /// The caller's account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
}

impl fmt::Display for PrincipalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:iam::{}:{}", self.account, self.name)
    }
}

impl FromStr for PrincipalArn {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&c);
        let parse = || {
            let (account, name) = text.strip_prefix("arn:aws:iam::")?.split_once(':')?;
            let bare = name.strip_prefix("user/").or_else(|| name.strip_prefix("role/"))?;
            let good = (1..=512).contains(&bare.len()) && bare.bytes().all(plain);
            good.then_some(Self { account: account.parse().ok()?, name: name.into() })
        };
        parse().ok_or_else(|| BadName(text.into(), "the ARN of a user or role"))
    }
}

/// Names travel as text in JSON, and are parsed on the way in.
macro_rules! as_text {
    ($($name:ty),*) => { $(
        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    )* };
}
as_text!(Region, AccountId, KeyArn, PrincipalArn);

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_the_names_it_prints() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(key.parse::<KeyArn>().unwrap().to_string(), key);
        let role = "arn:aws:iam::111122223333:role/cloister/host-1";
        assert_eq!(role.parse::<PrincipalArn>().unwrap().to_string(), role);
    }

    #[test]
    fn refuses_names_of_anything_else() {
        for text in [
            "arn:aws:kms:eu-central-1:111122223333:alias/signer",
            "arn:aws:kms:eu-central-1:11112222333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/1234ABCD-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            assert!(text.parse::<KeyArn>().is_err(), "{text}");
        }
        for text in
            ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/", "arn:aws:iam::111122223333:role/*"]
        {
            assert!(text.parse::<PrincipalArn>().is_err(), "{text}");
        }
    }
}
