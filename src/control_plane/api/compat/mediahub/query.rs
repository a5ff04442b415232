//! The parameters of a request, each of which may be there once (requirement G21). What is not known
//! is passed over.

use std::net::IpAddr;
use std::num::NonZeroU16;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::clock::UnixSeconds;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::segment::number;

/// See the module.
pub(super) struct MediaQuery(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for MediaQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(parts.uri.query().unwrap_or_default()))
    }
}

impl MediaQuery {
    pub(super) fn of(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A parameter; an empty one is one that is not there.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() {
            return Err(refused(name, "is there twice"));
        }
        let value = value.filter(|value| !value.is_empty());
        if value.is_some_and(|value| value.chars().any(char::is_control)) {
            return Err(refused(name, "has control characters"));
        }
        Ok(value)
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<Option<Flag>, Problem> {
        self.read(name, "is true or false", |text| match text {
            "true" | "True" | "TRUE" | "1" => Some(Flag::Yes),
            "false" | "False" | "FALSE" | "0" => Some(Flag::No),
            _ => None,
        })
    }

    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        self.read(name, "is a decimal number", number)
    }

    /// An instant, in seconds since 1970.
    pub(super) fn instant(&self, name: &'static str) -> Result<Option<UnixSeconds>, Problem> {
        Ok(self.number(name)?.map(UnixSeconds::new))
    }

    pub(super) fn count(&self, name: &'static str) -> Result<Option<NonZeroU16>, Problem> {
        self.read(name, "is a number from 1 to 65535", |text| {
            NonZeroU16::new(u16::try_from(number(text)?).ok()?)
        })
    }

    /// An address: 32 bits as a number (requirement E13), in one of its spellings, or a network.
    pub(super) fn addresses(&self, name: &'static str) -> Result<Option<IpNet>, Problem> {
        let expected = "is an address: a number up to 4294967295, 192.0.2.1, 2001:db8::1 or a CIDR";
        self.read(name, expected, |text| {
            if let Some(bits) = number(text) {
                return Some(IpNet::from(IpAddr::V4(u32::try_from(bits).ok()?.into())));
            }
            match text.parse::<IpAddr>() {
                Ok(address) => Some(IpNet::from(address.to_canonical())),
                Err(_) => text.parse::<IpNet>().ok().map(|network| network.trunc()),
            }
        })
    }

    fn read<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let text = self.text(name)?;
        text.map(|text| parse(text).ok_or_else(|| refused(name, expected))).transpose()
    }
}

/// What a parameter says that is true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    No,
    Yes,
}

/// What is wrong with a parameter.
pub(super) fn refused(name: &'static str, detail: &str) -> Problem {
    Problem::invalid(format!("/{name}"), format!("{name} {detail}"))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn an_address_is_a_number_a_text_or_a_network() {
        let read = |text: &str| MediaQuery::of(&format!("ip={text}")).addresses("ip").ok();
        for (text, expected) in [
            // Requirement E13's own example: 192.168.2.1.
            ("3232236033", "192.168.2.1/32"),
            ("0", "0.0.0.0/32"),
            ("4294967295", "255.255.255.255/32"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("192.0.2.7%2F24", "192.0.2.0/24"),
            ("2001:db8::%2F32", "2001:db8::/32"),
        ] {
            assert_eq!(read(text), Some(Some(expected.parse().unwrap())), "{text}");
        }
        for text in ["4294967296", "-1", "01", "192.0.2", "192.0.2.1%2F33", "x", "1.2.3.4.5"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(""), Some(None));
    }

    #[test]
    fn a_parameter_is_there_once() {
        let query = MediaQuery::of("ip=1&i%70=1&a=true&b=maybe&c=0&d=65536&e=%00");
        assert!(query.addresses("ip").is_err());
        assert_eq!(query.flag("a").unwrap(), Some(Flag::Yes));
        assert!(query.flag("b").is_err());
        assert_eq!(query.flag("c").unwrap(), Some(Flag::No));
        assert!(query.count("c").is_err() && query.count("d").is_err());
        assert!(query.text("e").is_err());
        assert_eq!(query.text("f").unwrap(), None);
    }
}
