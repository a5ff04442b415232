//! An archive on its way out: records of its plan, and between them what its entries give.
//!
//! An entry was planned as exactly these bytes. One that gives fewer, more or, as far as a CRC-32
//! tells, others ends the answer with an error, before the last of its bytes has left: what
//! arrived is then never taken for whole. Read is what is asked for, when it is asked for, and no
//! more than one piece of it is here.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;

use super::plan::{Piece, Plan};
use crate::delivery::{
    Body, ByteRange, Caching, Object, ObjectMeta, OriginError, OriginFault, Pieces, Pull, Pulled,
    Spans, Validators, pulled,
};

/// Where the bytes of entries are had.
pub trait Entries: fmt::Debug + Send + Sync {
    /// Opens a part of an entry, if whoever asked for the archive may still have it: asked each
    /// time when bytes of it are about to leave. Entries are numbered as they were added.
    fn open(&self, index: usize, range: ByteRange) -> Opening<'_>;
}

/// What [`Entries::open`] promises.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Body, OriginError>> + Send + 'a>>;

/// The archive as an object. It says nothing of how far it may be kept.
pub fn object(plan: Arc<Plan>, entries: Arc<dyn Entries>) -> Object {
    let meta = ObjectMeta {
        complete_length: Some(plan.length()),
        validators: Validators { etag: plan.etag(), ..Validators::default() },
        content_type: HeaderValue::from_static("application/zip"),
        content_language: None,
        content_encoding: None,
        caching: Caching::UNSTATED,
        forwarded: HeaderMap::new(),
    };
    Object::from_pieces(meta, Box::new(Archive { plan, entries }))
}

#[derive(Debug)]
struct Archive {
    plan: Arc<Plan>,
    entries: Arc<dyn Entries>,
}

impl Pieces for Archive {
    fn into_spans(self: Box<Self>, spans: &Spans) -> Pulled {
        let Self { plan, entries } = *self;
        let mut left = spans.as_slice().to_vec();
        left.reverse();
        let reader = Reader { plan, entries, left, reading: None, within: None };
        pulled(reader)
    }
}

/// What is still to be read.
struct Reader {
    plan: Arc<Plan>,
    entries: Arc<dyn Entries>,
    /// The last begins with the next byte.
    left: Vec<ByteRange>,
    reading: Option<Entry>,
    /// Bytes that are read of an entry at once.
    within: Option<usize>,
}

/// A part of an entry.
struct Entry {
    body: Body,
    /// Bytes that it still owes; never none.
    owed: u64,
    check: Check,
}

/// What is known of its bytes.
enum Check {
    /// Their CRC-32 so far, and what it is to be: all of it is read.
    Crc32(crc32fast::Hasher, u32),
    /// Nothing: it is a part.
    None,
}

impl Pull for Reader {
    fn keep_pieces_within(&mut self, bytes: usize) {
        self.within = Some(bytes);
        if let Some(entry) = &mut self.reading {
            entry.body.keep_pieces_within(bytes);
        }
    }

    async fn next(&mut self) -> Option<Result<Bytes, OriginError>> {
        let span = *self.left.last()?;
        let bytes = match &mut self.reading {
            Some(entry) => entry.next().await,
            None => match self.plan.piece(span) {
                Some(Piece::Bytes(bytes)) => Ok(bytes),
                Some(Piece::Entry { index, range }) => match self.open(index, range).await {
                    Ok(entry) => self.reading.insert(entry).next().await,
                    Err(error) => Err(error),
                },
                None => Err(OriginFault::BodyBroken.into()),
            },
        };
        if let Ok(bytes) = &bytes {
            self.book(span, bytes.len() as u64);
        }
        Some(bytes)
    }
}

impl Reader {
    async fn open(&mut self, index: usize, range: ByteRange) -> Result<Entry, OriginError> {
        let mut body = self.entries.open(index, range).await?;
        if let Some(bytes) = self.within {
            body.keep_pieces_within(bytes);
        }
        let check = match self.plan.expected(index) {
            Some((size, crc32)) if size == range.length() => {
                Check::Crc32(crc32fast::Hasher::new(), crc32)
            }
            Some(_) | None => Check::None,
        };
        Ok(Entry { body, owed: range.length(), check })
    }

    fn book(&mut self, span: ByteRange, length: u64) {
        self.left.pop();
        self.left.extend(ByteRange::new(span.first().saturating_add(length), span.last()));
        self.reading = self.reading.take().filter(|entry| entry.owed > 0);
    }
}

impl Entry {
    async fn next(&mut self) -> Result<Bytes, OriginError> {
        let bytes = self.some().await?.ok_or(OriginFault::BodyBroken)?;
        let owed = self.owed.checked_sub(bytes.len() as u64);
        self.owed = owed.ok_or(OriginFault::BodyOverlong)?;
        if let Check::Crc32(sum, _) = &mut self.check {
            sum.update(&bytes);
        }
        if self.owed == 0 {
            self.settle().await?;
        }
        Ok(bytes)
    }

    /// Its next bytes, of which there are some; none at its end.
    async fn some(&mut self) -> Result<Option<Bytes>, OriginError> {
        while let Some(frame) = self.body.frame().await {
            // Bodies of objects have no trailers.
            let bytes = frame?.into_data().unwrap_or_default();
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Was this the end, and were these the bytes?
    async fn settle(&mut self) -> Result<(), OriginError> {
        if self.some().await?.is_some() {
            return Err(OriginFault::BodyOverlong.into());
        }
        match std::mem::replace(&mut self.check, Check::None) {
            Check::Crc32(sum, expected) if sum.clone().finalize() != expected => {
                Err(OriginFault::NotAsRegistered.into())
            }
            Check::Crc32(..) | Check::None => Ok(()),
        }
    }
}
