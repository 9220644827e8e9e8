//! What a column may hold: how a domain type is stored, and how it enters a row's MAC. Domain types
//! know nothing of the database, so the mapping stands here.

use domain::enc::Enc;
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A type that one column holds.
pub(crate) trait Column: Sized {
    /// What the drivers encode and decode.
    type Raw;

    fn raw(&self) -> Self::Raw;
    fn parse(raw: Self::Raw) -> Result<Self, BoxError>;
    /// Adds the value to a row's MAC input.
    fn enter(&self, enc: Enc) -> Enc;
}

pub(crate) fn raw<C: Column>(value: &C) -> C::Raw {
    value.raw()
}

/// An enumeration or a parsed text, stored by its `Display` and read by its `FromStr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Code<T>(pub T);

macro_rules! plain {
    ($($type:ty, |$value:ident, $enc:ident| $enter:expr;)+) => {$(
        impl Column for $type {
            type Raw = $type;

            fn raw(&self) -> Self::Raw {
                self.clone()
            }

            fn parse(raw: Self::Raw) -> Result<Self, BoxError> {
                Ok(raw)
            }

            fn enter(&self, $enc: Enc) -> Enc {
                let $value = self;
                $enter
            }
        }
    )+};
}

plain! {
    Uuid, |value, enc| enc.uuid(*value);
    String, |value, enc| enc.text(value);
    i64, |value, enc| enc.bytes(value.to_be_bytes());
    bool, |value, enc| enc.bool(*value);
    Vec<u8>, |value, enc| enc.bytes(value);
}

macro_rules! ids {
    ($($id:ident)+) => {$(
        impl Column for domain::id::$id {
            type Raw = Uuid;

            fn raw(&self) -> Uuid {
                self.uuid()
            }

            fn parse(raw: Uuid) -> Result<Self, BoxError> {
                Ok(Self::new(raw))
            }

            fn enter(&self, enc: Enc) -> Enc {
                enc.uuid(self.uuid())
            }
        }
    )+};
}

ids! {
    PersonId PartnerId ServiceId EnvironmentId PolicyId CredentialId SessionId CeremonyId
    PersonLinkId RequestId RevisionId ReviewId GrantId DecisionId KeyId DeliveryId GatewayId
    MailId ProposalId RoleId OverlayId NarrowingId
}

impl Column for &str {
    type Raw = String;

    fn raw(&self) -> String {
        (*self).to_owned()
    }

    fn parse(_: String) -> Result<Self, BoxError> {
        Err("a borrowed text is only ever bound".into())
    }

    fn enter(&self, enc: Enc) -> Enc {
        enc.text(self)
    }
}

impl Column for Timestamp {
    type Raw = i64;

    fn raw(&self) -> i64 {
        self.micros()
    }

    fn parse(raw: i64) -> Result<Self, BoxError> {
        Ok(Self::from_micros(raw))
    }

    fn enter(&self, enc: Enc) -> Enc {
        enc.time(*self)
    }
}

impl<const N: usize> Column for [u8; N] {
    type Raw = Vec<u8>;

    fn raw(&self) -> Vec<u8> {
        self.to_vec()
    }

    fn parse(raw: Vec<u8>) -> Result<Self, BoxError> {
        Ok(Self::try_from(raw.as_slice())?)
    }

    fn enter(&self, enc: Enc) -> Enc {
        enc.bytes(self)
    }
}

impl<C: Column> Column for Option<C> {
    type Raw = Option<C::Raw>;

    fn raw(&self) -> Self::Raw {
        self.as_ref().map(C::raw)
    }

    fn parse(raw: Self::Raw) -> Result<Self, BoxError> {
        raw.map(C::parse).transpose()
    }

    fn enter(&self, enc: Enc) -> Enc {
        match self {
            Some(value) => enc.option(Some(value.enter(Enc::list()).finish())),
            None => enc.option(None::<&[u8]>),
        }
    }
}

/// A column that a migration added to a sealed table which has rows. While it holds the default (off,
/// or nothing), it does not enter the row's MAC, and so the older rows keep theirs; an entered one is
/// a field more, so neither passes for the other. Only the last column of a row can be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added<T>(pub T);

impl<C: Column + Default + PartialEq> Column for Added<C> {
    type Raw = C::Raw;

    fn raw(&self) -> C::Raw {
        self.0.raw()
    }

    fn parse(raw: C::Raw) -> Result<Self, BoxError> {
        C::parse(raw).map(Self)
    }

    fn enter(&self, enc: Enc) -> Enc {
        if self.0 == C::default() {
            enc
        } else {
            self.0.enter(enc)
        }
    }
}

impl<T> Column for Code<T>
where
    T: std::fmt::Display + std::str::FromStr<Err: Into<BoxError>>,
{
    type Raw = String;

    fn raw(&self) -> String {
        self.0.to_string()
    }

    fn parse(raw: String) -> Result<Self, BoxError> {
        raw.parse().map(Self).map_err(Into::into)
    }

    fn enter(&self, enc: Enc) -> Enc {
        enc.text(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_added_column_that_holds_the_default_leaves_the_mac_of_older_rows_as_it_was() {
        let older = || Enc::new("latchkey/row/v1").text("edge");
        let unchanged = older().finish();
        assert_eq!(Added(false).enter(older()).finish(), unchanged);
        assert_eq!(Added(None::<i64>).enter(older()).finish(), unchanged);
        assert_ne!(Added(true).enter(older()).finish(), unchanged);
        assert_ne!(Added(Some(0_i64)).enter(older()).finish(), unchanged);
    }
}
