//! Lists that lose most of what they had: a download that broke off, a script that wrote a file anew
//! and died. What is noticed by itself is not believed then; what somebody orders is.

/// Entries from which on a list does not lose more than half of them by mistake.
const LARGE: usize = 20;

/// Has whoever reloads said that it is meant?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// By SIGHUP, or a start.
    Said,
    /// A file changed, and nobody said anything.
    Unsaid,
}

/// How many entries a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entries {
    /// Which list, by the key that names its files.
    pub(super) of: &'static str,
    /// How many.
    pub(super) count: usize,
}

/// A list would lose most of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{of} would have {after} of {before} entries: send SIGHUP if that is meant")]
pub struct Shrinks {
    of: &'static str,
    before: usize,
    after: usize,
}

/// Refuses lists of which one has less than half of what it had, unless that is meant.
pub(super) fn accept(before: &[Entries], after: &[Entries], meant: Meant) -> Result<(), Shrinks> {
    if meant == Meant::Said {
        return Ok(());
    }
    for Entries { of, count: before } in before.iter().copied() {
        let after = after.iter().find(|it| it.of == of).map_or(0, |it| it.count);
        if before >= LARGE && after < before.div_ceil(2) {
            return Err(Shrinks { of, before, after });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize) -> [Entries; 1] {
        [Entries { of: "blocklists", count }]
    }

    #[test]
    fn a_large_list_keeps_half_of_its_entries_unless_it_is_said() {
        for (before, after, accepted) in [
            (0, 0, true),
            (19, 0, true),
            (20, 10, true),
            (20, 9, false),
            (21, 11, true),
            (21, 10, false),
            (1_000_000, 0, false),
            (20, 1_000_000, true),
        ] {
            let outcome = accept(&entries(before), &entries(after), Meant::Unsaid);
            assert_eq!(outcome.is_ok(), accepted, "{before} {after}");
            assert_eq!(accept(&entries(before), &entries(after), Meant::Said), Ok(()));
        }
        let gone = accept(&entries(40), &[], Meant::Unsaid).unwrap_err();
        let said = "blocklists would have 0 of 40 entries: send SIGHUP if that is meant";
        assert_eq!(gone.to_string(), said);
    }
}
