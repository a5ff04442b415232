//! What may be done, by whom: the rules between the APIs and the store.
//!
//! Every API dialect and every page calls these and none touches the store. One file a noun, named
//! as in `record` and `store`; each adds its methods to [`Services`], and each of them takes its
//! [`Caller`](super::Caller) and asks for a scope before anything else.
//!
//! **Invariants.** Nobody gives more than they have: an application or a person is made, and a
//! right over a folder given, only within the scopes and the reach of whoever does it.
//!
//! Not here: who a caller is (`account`), and how answers are spelt (`api`).

mod application;
mod archive;
mod archive_channel;
mod archive_criteria;
mod archive_handing;
mod archive_opening;
mod archive_plan;
mod archive_reading;
mod audit;
mod backtrace;
mod blocklist;
mod catalog_scan;
mod chapter;
mod classification;
mod connector;
mod connector_address;
mod content;
mod content_draft;
mod content_import;
mod content_link;
mod context;
mod copy_issue;
mod desk;
mod download;
mod download_event;
mod download_link;
mod edge;
mod error;
mod file;
mod file_draft;
mod folder;
mod folder_right;
mod fraud_event;
mod idempotency;
mod letter;
mod letter_sending;
mod likeness;
mod link_claim;
mod mail_server;
mod object_key;
mod path_override;
mod person;
mod pipeline;
mod purge;
mod rendition;
mod reseal;
mod revocation;
mod right;
mod share;
mod share_access;
mod share_archiving;
mod share_changing;
mod share_copying;
mod share_giving;
mod share_letter;
mod share_making;
mod share_marks;
mod share_qr;
mod share_recipient;
mod share_rendition;
mod share_sent;
mod share_showing;
mod sharing;
mod sharing_palette;
mod sharing_policy;
mod signed_cookie;
mod signing_key;
mod source;
mod tenant;
mod trace;
mod turns;
mod upload;
mod upload_bytes;
mod upload_clearing;
mod upload_completion;
mod upload_version;
mod version;
mod webhook;

pub use super::mail::MailStep;
pub use super::store::{
    AuditFilter, BacktraceRange, ContentFilter, DownloadFilter, Expected, FileDirection, FileOrder,
    FileRange, FolderFilter, FraudFilter, LetterFilter, LinkFilter, ListOrder, Listed,
    MetadataFilter, ONLY_REVISION, Once, Page, RevisedKey, ShareFilter, ShareState, Store,
};
pub use super::upload::{
    Appended, BodyEnd, BrokenOff, ByteSource, Checksum, ChecksumAlgorithm, Staging,
};
pub use application::{IssuedSecret, NewSecret, SecretForm};
pub use archive_channel::{Channel, Channels};
pub use archive_criteria::{Combined, ContentCriteria, Described, FieldCriterion, TagCriterion};
pub use archive_handing::ArchiveAsk;
pub use archive_opening::OpenArchive;
pub use archive_plan::{ArchiveOrder, FolderDepth};
pub use catalog_scan::{CatalogScan, ScanDraft, ScanStep, ScannedFile};
pub use connector_address::{
    AddressPart, AddressState, Clash, ConnectorAddress, ConnectorContent, Standing, example_address,
};
pub use content_import::{ContentImports, Imported};
pub use copy_issue::{ImageMarks, TagOrigin};
pub use desk::Services;
pub use download::Download;
pub use download_link::{FileChoice, LinkOrder, OrderedLink, OrderedLinks, Shown};
pub use edge::Issued;
pub use error::{
    Invalid, OriginalRefusal, RenditionRefusal, ServiceError, ShareRefusal, UploadRefusal,
};
pub use file::{FileTable, FilesOf};
pub use likeness::{AlikeCopy, ComparingTurn, Comparison, PictureOriginal};
pub use mail_server::{MailPassword, MailTrial};
pub use path_override::{
    OverrideDifference, OverrideProposal, OverrideStanding, Shrinking, TypeStanding,
};
pub use person::PersonPassword;
pub use pipeline::KnownOrigins;
pub use reseal::{ResealError, Resealed};
pub use share::ShareKeys;
pub use share_access::{ShareAccess, ShareStanding};
pub use share_archiving::{ShareArchiveOrder, ShareForm};
pub use share_changing::{PasswordChange, ShareRevision};
pub use share_copying::ShareCopy;
pub use share_giving::{FileUse, ShareTicket};
pub use share_making::{
    OnForbidden, ShareExpiry, ShareOf, ShareOrder, SharePassword, ShareSending,
};
pub use share_rendition::{FormatTicket, PreviewSize, ShareVisit};
pub use share_sent::CountedBody;
pub use share_showing::{Beside, CompleteInformation, ShownFile, ShownItem};
pub use sharing::{LARGEST_LOGO, bytes_name};
pub use sharing_palette::PagePalette;
pub use signing_key::{HEAD_START, LONGEST_LINK, NewKey};
pub use source::{
    IssuedTicket, Original, ShownTicket, SourceAsk, SourceVersion, Sources, SourcesInForce,
};
pub use trace::{
    CompareWith, Inspecting, Inspection, LARGEST_TRACED, NotInspected, Traced, TracedTag,
};
pub use upload::{NewUpload, OpenUpload, Received, UploadLimits, UploadWay, Uploads};
pub use version::OfContent;
pub use webhook::{NewWebhook, NewWebhookSecret, SECRETS_OVERLAP, WebhookMessage};
