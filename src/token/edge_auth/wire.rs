//! Text to fields: bounded, total, and free of any cryptography.

use crate::clock::UnixSeconds;
use crate::target::cut;
use crate::token::{Claims, MalformedToken, Scope};

/// Bytes of the longest tag, SHA-256's.
const MAX_MAC_BYTES: usize = 32;

/// A token's text taken apart. Nothing in it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnverifiedToken<'t> {
    /// The fields before `hmac`, as received: what was signed.
    body: &'t str,
    claims: Claims<'t>,
    mac: [u8; MAX_MAC_BYTES],
    mac_len: usize,
}

impl<'t> UnverifiedToken<'t> {
    /// Takes a text apart. Fields may stand in any order, `hmac` last; unknown fields are signed
    /// and otherwise ignored.
    pub fn parse(text: &'t str, field_delimiter: &str) -> Result<Self, MalformedToken> {
        let mut ip = None;
        let mut start = None;
        let mut expiry = None;
        let mut acl = None;
        let mut id = None;
        let mut payload = None;
        let mut rest = Some(text);
        let mut consumed = 0_usize;
        while let Some(remaining) = rest {
            let split = match field_delimiter.as_bytes() {
                [one] if one.is_ascii() => cut(remaining, *one),
                _ => remaining.split_once(field_delimiter),
            };
            let (field, next) = match split {
                Some((field, next)) => (field, Some(next)),
                None => (remaining, None),
            };
            if field.is_empty() {
                return Err(MalformedToken::EmptyField);
            }
            let (name, value) = cut(field, b'=').ok_or(MalformedToken::FieldWithoutValue)?;
            let seen = match name {
                "ip" => ip.replace(value).is_some(),
                "st" => start.replace(seconds(value)?).is_some(),
                "exp" => expiry.replace(seconds(value)?).is_some(),
                "acl" => acl.replace(value).is_some(),
                "id" => id.replace(value).is_some(),
                "data" => payload.replace(value).is_some(),
                "url" | "salt" => return Err(MalformedToken::ForbiddenField),
                "hmac" => {
                    if next.is_some() {
                        return Err(MalformedToken::FieldAfterMac);
                    }
                    let body_len = consumed.saturating_sub(field_delimiter.len());
                    let body = text.get(..body_len).unwrap_or_default();
                    let (mac, mac_len) = decode_mac(value)?;
                    let expiry = expiry.ok_or(MalformedToken::MissingExpiry)?;
                    let scope = acl.map_or(Scope::SignedUrl, Scope::Acl);
                    let claims = Claims { start, expiry, scope, ip, id, payload };
                    return Ok(Self { body, claims, mac, mac_len });
                }
                _ => false,
            };
            if seen {
                return Err(MalformedToken::DuplicateField);
            }
            consumed += field.len() + field_delimiter.len();
            rest = next;
        }
        Err(MalformedToken::MissingMac)
    }

    /// What was signed, before the parts that are not sent.
    pub fn body(&self) -> &'t str {
        self.body
    }

    /// What the token says.
    pub fn claims(&self) -> &Claims<'t> {
        &self.claims
    }

    /// The tag it shows.
    pub(super) fn mac(&self) -> &[u8] {
        self.mac.get(..self.mac_len).unwrap_or_default()
    }
}

/// Decimal digits only: no sign, no space, no exponent.
fn seconds(value: &str) -> Result<UnixSeconds, MalformedToken> {
    if value.is_empty() || !value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(MalformedToken::Number);
    }
    value.parse().map(UnixSeconds::new).map_err(|_| MalformedToken::Number)
}

/// Hexadecimal digits of either case (ours are lower).
fn decode_mac(hex: &str) -> Result<([u8; MAX_MAC_BYTES], usize), MalformedToken> {
    let (pairs, odd) = hex.as_bytes().as_chunks::<2>();
    if !odd.is_empty() || pairs.is_empty() {
        return Err(MalformedToken::Mac);
    }
    let mut mac = [0; MAX_MAC_BYTES];
    for (index, [high, low]) in pairs.iter().enumerate() {
        let byte = mac.get_mut(index).ok_or(MalformedToken::Mac)?;
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Ok((mac, pairs.len()))
}

fn nibble(digit: u8) -> Result<u8, MalformedToken> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(MalformedToken::Mac),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<UnverifiedToken<'_>, MalformedToken> {
        UnverifiedToken::parse(text, "~")
    }

    #[test]
    fn all_fields_in_any_order() {
        let text =
            "data=t=ag_01~id=s1~acl=/private/*~exp=20~unknown=x~st=10~ip=192.168.2.1~hmac=00FF";
        let token = parse(text).unwrap();
        assert_eq!(
            *token.claims(),
            Claims {
                start: Some(UnixSeconds::new(10)),
                expiry: UnixSeconds::new(20),
                scope: Scope::Acl("/private/*"),
                ip: Some("192.168.2.1"),
                id: Some("s1"),
                payload: Some("t=ag_01"),
            }
        );
        assert_eq!(token.body(), text.strip_suffix("~hmac=00FF").unwrap());
        assert_eq!(token.mac(), [0x00, 0xff]);
        assert_eq!(parse("exp=1~hmac=00").unwrap().claims().scope, Scope::SignedUrl);
    }

    #[test]
    fn one_vector_a_rejection() {
        use MalformedToken as M;
        for (text, expected) in [
            ("", M::EmptyField),
            ("~exp=1~hmac=00", M::EmptyField),
            ("exp=1~~hmac=00", M::EmptyField),
            ("exp=1~hmac=00~", M::FieldAfterMac),
            ("exp=1~hmac=00~acl=/*", M::FieldAfterMac),
            ("exp~hmac=00", M::FieldWithoutValue),
            ("exp=1", M::MissingMac),
            ("acl=/*~hmac=00", M::MissingExpiry),
            ("hmac=00", M::MissingExpiry),
            ("exp=1~exp=1~hmac=00", M::DuplicateField),
            ("exp=1~acl=/a~id=x~acl=/*~hmac=00", M::DuplicateField),
            ("exp=1~url=/f~acl=/*~hmac=00", M::ForbiddenField),
            ("exp=1~salt=x~hmac=00", M::ForbiddenField),
            ("exp=~hmac=00", M::Number),
            ("exp=+1~hmac=00", M::Number),
            ("exp=-1~hmac=00", M::Number),
            ("exp=1e9~hmac=00", M::Number),
            ("exp=1.0~hmac=00", M::Number),
            ("exp=99999999999999999999~hmac=00", M::Number),
            ("st= 1~exp=1~hmac=00", M::Number),
            ("exp=1~hmac=", M::Mac),
            ("exp=1~hmac=0", M::Mac),
            ("exp=1~hmac=0g", M::Mac),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        let long = format!("exp=1~hmac={}", "00".repeat(33));
        assert_eq!(parse(&long), Err(M::Mac));
    }

    #[test]
    fn custom_delimiters() {
        let token = UnverifiedToken::parse("exp=1||acl=/a||hmac=00", "||").unwrap();
        assert_eq!(token.body(), "exp=1||acl=/a");
    }

    proptest! {
        #[test]
        fn never_panics_and_body_is_a_prefix(text in "([a-z]{0,4}[=~]{0,2}[0-9]{0,2}){0,8}") {
            if let Ok(token) = parse(&text) {
                prop_assert!(text.starts_with(token.body()));
            }
        }
    }
}
