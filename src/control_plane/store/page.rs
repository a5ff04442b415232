//! Lists in pages, by the key of the last item: pages stay right while items come and go.

/// Most items of one page.
pub const PAGE_LIMIT: u16 = 1_000;

/// In which order a list comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListOrder {
    /// What came last first.
    NewestFirst,
    /// What came first first.
    #[default]
    OldestFirst,
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// Items behind this key; from the start, if there is none.
    pub after: Option<K>,
    /// How many at most. At least one and at most [`PAGE_LIMIT`] are given.
    pub limit: u16,
}

impl<K> Page<K> {
    /// The first `limit` items.
    pub const fn first(limit: u16) -> Self {
        Self { after: None, limit }
    }

    /// The `limit` items behind that key.
    pub const fn after(key: K, limit: u16) -> Self {
        Self { after: Some(key), limit }
    }

    /// One more than what is asked for, so that it shows whether there is more.
    pub(super) fn probe(&self) -> i64 {
        i64::from(self.limit.clamp(1, PAGE_LIMIT)) + 1
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T, K> {
    /// The items, in the order of their keys.
    pub items: Vec<T>,
    /// The key to go on behind; none at the end.
    pub next: Option<K>,
}

impl<T, K> Listed<T, K> {
    /// The page of a list that was read as a whole, in the order of its keys.
    pub fn page_of(mut items: Vec<T>, page: &Page<K>, key: impl Fn(&T) -> K) -> Self
    where
        K: PartialOrd,
    {
        if let Some(after) = &page.after {
            items.retain(|item| key(item) > *after);
        }
        Self::cut(items, page, key)
    }

    pub(super) fn cut(mut items: Vec<T>, page: &Page<K>, key: impl Fn(&T) -> K) -> Self {
        let most = usize::from(page.limit.clamp(1, PAGE_LIMIT));
        let has_more = items.len() > most;
        items.truncate(most);
        let next = if has_more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// Which revision a caller means to change (`If-Match`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whichever it is.
    Any,
    /// This one; another one is [`super::StoreErrorKind::Stale`].
    Revision(u64),
}

/// The revision of what is made and removed, and never changed.
pub const ONLY_REVISION: u64 = 1;

impl Expected {
    /// The revision that is expected, or this one where any is.
    #[must_use]
    pub const fn or_revision(self, revision: u64) -> Self {
        match self {
            Self::Any => Self::Revision(revision),
            Self::Revision(_) => self,
        }
    }

    /// Refuses another revision.
    pub fn meet(self, revision: u64) -> Result<(), super::StoreError> {
        match self {
            Self::Any => Ok(()),
            Self::Revision(expected) if expected == revision => Ok(()),
            Self::Revision(_) => Err(super::StoreErrorKind::Stale.into()),
        }
    }
}
