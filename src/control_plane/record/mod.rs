//! What the control plane keeps: one file a noun, and the same name in `store`.
//!
//! A record is what is true of a thing, a draft what a caller can say about one. Their JSON is what
//! the change feed and the audit log hold, and leaves secrets out. Nothing here knows how it is
//! stored, or how an API spells it.

mod access_token;
mod application;
mod archive;
mod archive_plan;
mod audit;
mod backtrace;
mod blocklist;
mod chapter;
mod classification;
mod colour;
mod connector;
mod content;
mod content_link;
mod context;
mod copy_issue;
mod download_event;
mod download_link;
mod edge;
mod feed;
mod file;
mod file_order;
mod folder;
mod folder_right;
mod idempotency;
mod identifier;
mod letter;
mod link_claim;
mod mail_server;
mod path_override;
mod person;
mod pipeline;
mod position_set;
mod revocation;
mod scope;
mod share;
mod sharing;
mod signing_key;
mod source_ticket;
mod tenant;
mod upload;
mod version;
mod webhook;

pub use access_token::{AccessToken, AccessTokenDraft, TokenUse};
pub use application::{Application, ApplicationDraft, ApplicationSecret};
pub use archive::{Archive, ArchiveDraft, ArchiveElement};
pub use archive_plan::{ArchiveDelivery, ArchivePlan, ArchivePlanEntry, Manifest};
pub use audit::{AuditEvent, ChainFault, ChainState, FIRST_AUDIT_HASH, difference};
pub use backtrace::{Backtrace, BacktraceDraft, BacktraceProblem, BacktraceState};
pub use blocklist::{BlocklistEntry, BlocklistKind};
pub use chapter::Chapter;
pub use classification::{Classification, ClassificationRight};
pub use colour::Colour;
pub use connector::{
    AddressedBy, Ambiguity, Connector, ConnectorClash, ConnectorDraft, ConnectorField,
    ConnectorKinds, ConnectorMeant, ConnectorState, HttpsRule, LONGEST_FIELD,
};
pub use content::{Content, ContentDraft, ContentImport, ContentText, Metadata};
pub use content_link::{ContentLink, ContentLinkDraft, LinkRelation};
pub use context::{Context, ContextDraft, ContextText};
pub use copy_issue::{CopyIssue, CopyTrace};
pub use download_event::{ConnectorDelivery, DownloadEventId, KeptDownload, KeptFinding};
pub use download_link::{DownloadLink, DownloadTerms, RequestDigest};
pub use edge::{Edge, EnrolmentCode};
pub use feed::{FeedEntry, FeedEvent, FeedHead, FeedPage, FeedVersion, KeptPurges, PurgedFiles};
pub use file::{Autograph, File, FileDraft, FileOwner};
pub use file_order::{frame_number, reading_order};
pub use folder::{FOLDER_DEPTH, Folder, FolderDraft};
pub use folder_right::{FolderRight, Right};
pub use idempotency::{IDEMPOTENCY_LIFETIME, IdempotencyFound, KeptAnswer};
pub(crate) use identifier::chance;
pub use identifier::{
    AccessTokenId, ApplicationId, ArchiveId, ArchivePlanId, BacktraceId, BlocklistId, ConnectorId,
    ContentId, ContentLinkId, EdgeId, EnrolmentId, LetterId, LinkId, NotAnId, PersonId,
    RevocationId, SecretHash, SecretId, ShareId, SigningKeyId, SourceTicketId, VersionId,
    WebhookId, WebhookMessageId, WebhookSecretId,
};
pub use letter::{Letter, LetterKind, LetterState};
pub use link_claim::{LinkClaim, MOST_AGAIN};
pub use mail_server::{MailSecurity, MailServer, MailServerDraft};
pub use path_override::{
    Opening, OverrideLevel, OverrideList, OverrideRevision, OverrideStep, PathOverride,
};
pub use person::{Grantee, PasswordHash, Person, PersonDraft, Role};
pub use pipeline::{Pipeline, PipelineDraft};
pub use position_set::PositionSet;
pub use revocation::{Revocation, RevocationDraft, RevokedLinks};
pub use scope::{Scope, ScopeSet};
pub use share::{
    MOST_CHOSEN, MOST_RECIPIENTS, MOST_SHARED, RecipientDraft, Share, ShareAddress, ShareDelivery,
    ShareDownloads, ShareDraft, ShareEvent, ShareEventKind, ShareInformation, ShareItem, ShareLogo,
    ShareNotices, ShareRecipient,
};
pub use sharing::{Palette, PasswordRule, SharePolicy, SharingDraft, SharingLogo, SharingSettings};
pub use signing_key::{KeyUse, SealedKey, SigningKey, SigningKeyDraft};
pub use source_ticket::{SourceDelivery, SourceTicket, SourceWay};
pub use tenant::Tenant;
pub use upload::{Upload, UploadDraft, UploadState, VersionOf, VersionStanding};
pub use version::Version;
pub use webhook::{
    AttemptFault, DeliveryState, MOST_WEBHOOKS, Webhook, WebhookAttempt, WebhookDelivery,
    WebhookDraft, WebhookEvent, WebhookPayload, WebhookSecret, WebhookState,
};

pub use crate::catalog::{
    ContentKind, ContentName, ContentNames, ContentState, FileKind, FilePlace, FileState,
    FolderState, Period, Publication,
};
