//! Leaves of the format: values that are written as one text each.

use core::{fmt, marker::PhantomData};

use cloister_wire::{
    ids::{Hash, KeyName, LimitName, ListName, Origin, Requester, RpId, RuleName, SetName, Tenant},
    policy::Permission,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::permission;

/// What is written as one text.
pub(crate) trait Written: Sized {
    /// What is expected, for whoever wrote something else.
    const WHAT: &'static str;
    /// Whether a number without quotation marks is taken as well.
    const NUMBER: bool = false;

    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
}

/// A value in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Written> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.write())
    }
}

impl<'de, T: Written> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: Written> de::Visitor<'_> for TextVisitor<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
        T::read(text).map(Text).map_err(|why| E::custom(format!("{text:?}: {why}")))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text<T>, E> {
        if T::NUMBER {
            self.visit_str(&number.to_string())
        } else {
            Err(wrong(de::Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text<T>, E> {
        if T::NUMBER { self.visit_str(&number.to_string()) } else { Err(wrong(de::Unexpected::Signed(number), &self)) }
    }
}

fn wrong<E: de::Error>(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> E {
    E::invalid_type(found, expected)
}

macro_rules! names {
    ($($name:ty: $what:literal;)+) => {$(
        impl Written for $name {
            const WHAT: &'static str = $what;

            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|why: cloister_wire::ids::Malformed| why.to_string())
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

names! {
    Tenant: "a tenant's name";
    Requester: "a member's name";
    KeyName: "a key's name";
    SetName: "a set's name";
    RpId: "a relying party's id: a domain";
    Origin: "a page's origin: scheme and host";
    ListName: "a list's name";
    LimitName: "a limit's name";
    RuleName: "a rule's name";
}

impl Written for Permission {
    const WHAT: &'static str = "a kind of payload, such as ethereum:1";

    fn read(text: &str) -> Result<Self, String> {
        permission::parse(text).map_err(|why| why.to_string())
    }

    fn write(&self) -> String {
        permission::text(self)
    }
}

/// 32 bytes.
impl Written for Hash {
    const WHAT: &'static str = "0x and 64 hex digits";

    fn read(text: &str) -> Result<Self, String> {
        text.strip_prefix("0x").and_then(|digits| digits.parse().ok()).ok_or_else(|| format!("expected {}", Self::WHAT))
    }

    fn write(&self) -> String {
        format!("0x{self}")
    }
}

/// Reads a table as a form and takes it for what it says: an error then has the table's line.
pub(crate) fn formed<'de, D, F, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: Deserialize<'de>,
    T: TryFrom<F, Error = String>,
{
    deserializer.deserialize_map(FormVisitor(PhantomData::<(F, T)>))
}

struct FormVisitor<F, T>(PhantomData<(F, T)>);

impl<'de, F: Deserialize<'de>, T: TryFrom<F, Error = String>> de::Visitor<'de> for FormVisitor<F, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        F::deserialize(de::value::MapAccessDeserializer::new(map))?.try_into().map_err(de::Error::custom)
    }
}
