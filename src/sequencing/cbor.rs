//! Maps of CBOR with integer keys, as tokens and pace information are written.

use std::collections::BTreeSet;

use coset::CborSerializable;
use coset::cbor::value::{Integer, Value};

/// The most fields of a map that anybody reads here.
const MOST_FIELDS: usize = 64;

/// A map that is none of those read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFields {
    Malformed,
    Repeated,
}

/// The fields of a map with integer keys. Those with keys of text are nobody's here, and left out.
#[derive(Debug)]
pub(super) struct Fields(Vec<(Integer, Value)>);

impl Fields {
    /// Takes a map apart. A key that is there twice is refused: readers would differ on it.
    pub(super) fn of(value: Value) -> Result<Self, NotFields> {
        let Value::Map(entries) = value else { return Err(NotFields::Malformed) };
        if entries.len() > MOST_FIELDS {
            return Err(NotFields::Malformed);
        }
        let (mut numbers, mut texts) = (BTreeSet::new(), BTreeSet::new());
        let mut fields = Vec::new();
        for (key, value) in entries {
            let new = if let Value::Integer(key) = key {
                fields.push((key, value));
                numbers.insert(i128::from(key))
            } else {
                texts.insert(key.into_text().map_err(|_| NotFields::Malformed)?)
            };
            if !new {
                return Err(NotFields::Repeated);
            }
        }
        Ok(Self(fields))
    }

    /// Takes the value of a key out.
    pub(super) fn take(&mut self, key: u16) -> Option<Value> {
        let at = self.0.iter().position(|(own, _)| *own == Integer::from(key))?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Reads one item, and nothing after it.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    Value::from_slice(bytes).ok()
}

/// A map written as RFC 8949, 4.2, wants it: the keys ascending, everything as short as can be.
pub(super) fn map(mut fields: Vec<(u16, Value)>) -> Value {
    fields.sort_by_key(|(key, _)| *key);
    Value::Map(fields.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// A number without sign, within the range of its type.
pub(super) fn unsigned<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(u64::try_from(value.as_integer()?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        for (hex, expected) in [
            ("a201010201", Ok(())),
            ("a201010102", Err(NotFields::Repeated)),
            // The same number, once written longer.
            ("a20101180102", Err(NotFields::Repeated)),
            ("a2616101616102", Err(NotFields::Repeated)),
            ("a2616101616202", Ok(())),
            ("a1410101", Err(NotFields::Malformed)),
            ("80", Err(NotFields::Malformed)),
        ] {
            let value = read(&hex::decode(hex).unwrap()).unwrap();
            assert_eq!(Fields::of(value).map(drop), expected, "{hex}");
        }
    }

    #[test]
    fn what_follows_an_item_is_refused() {
        assert_eq!(read(&[1]), Some(Value::from(1)));
        assert_eq!(read(&[1, 1]), None);
    }

    /// Heads that announce more than there is: nothing is set aside for it.
    #[test]
    fn announced_lengths_are_not_believed() {
        for hex in ["9bffffffffffffffff", "5b7fffffffffffffff00", "bb00ffffffffffffff01", "7bffff"]
        {
            assert_eq!(read(&hex::decode(hex).unwrap()), None, "{hex}");
        }
        assert_eq!(read(&[0x81; 12_000]), None, "nested deeper than anybody writes");
        assert_eq!(read(&[0xc1; 12_000]), None);
        assert_eq!(read(&[0x9f; 12_000]), None);
    }

    #[test]
    fn maps_are_written_in_the_one_order() {
        let written = map(vec![(300, 1.into()), (4, 2.into()), (24, 3.into())]).to_vec().unwrap();
        assert_eq!(hex::encode(written), "a3040218180319012c01");
    }
}
