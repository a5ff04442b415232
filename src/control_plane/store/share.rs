//! Shares: what is said of each, its addresses and its recipients.

use std::num::NonZeroU32;

use serde_json::Map;

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, Page};
use super::share_event::Happened;
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    ContentId, PasswordHash, Share, ShareAddress, ShareDraft, ShareEventKind, ShareId, ShareItem,
    ShareRecipient, WebhookEvent,
};

/// Shares that are forgotten at a time, with all that is of them.
const FORGOTTEN_AT_ONCE: u64 = 20;

/// Which of a tenant's shares; none of a field is all.
#[derive(Clone, Debug, Default)]
pub struct ShareFilter {
    /// Those that were made then or later.
    pub created_since: Option<UnixSeconds>,
    /// Those of somebody, by their id.
    pub creator: Option<Box<str>>,
    /// Those in which a content is.
    pub content: Option<ContentId>,
    /// Those that are open, or are not, at that time.
    pub state: Option<(ShareState, UnixSeconds)>,
}

wire_names! {
    /// Is a share open?
    ShareState {
        /// It is.
        Open = "open",
        /// It has ended.
        Over = "over",
    }
}

/// What an address opens, or is the first thing to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressed {
    /// The share.
    pub share: Share,
    /// Whose address it is, where it is a recipient's.
    pub recipient: Option<ShareRecipient>,
}

/// A download that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareBegun {
    /// Which of the share's it is, from 1.
    pub download: u64,
    /// Its place in the share's history.
    pub event: u64,
}

/// The columns of a share, and what comes behind them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT share.id, share.tenant, share.title, share.message, share.context, \
             share.delivery, share.information, share.download, share.download_limit, \
             share.terms, share.language, share.logo, share.creator, share.creator_name, \
             share.folder, share.items, share.password, share.password_version, \
             share.terms_version, share.link_epoch, share.classifications, share.created_at, \
             share.expires_at, share.downloads, share.notices, share.revision, own.address \
             FROM share JOIN share_address AS own \
             ON own.share = share.id AND own.recipient = 0 ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Share, StoreError> {
    let limit = row.number_opt::<u32>("download_limit")?.and_then(NonZeroU32::new);
    let classifications = match row.text_opt::<Box<str>>("classifications")? {
        Some(_) => Some(row.json("classifications")?),
        None => None,
    };
    Ok(Share {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        address: row.text("address")?,
        draft: ShareDraft {
            title: row.text("title")?,
            message: row.text("message")?,
            context: row.text_opt("context")?,
            delivery: row.text("delivery")?,
            information: row.text("information")?,
            download: row.text("download")?,
            download_limit: limit,
            terms: row.text_opt("terms")?,
            language: row.text_opt("language")?,
            logo: row.text("logo")?,
            notices: row.text("notices")?,
        },
        creator: row.text("creator")?,
        creator_name: row.text("creator_name")?,
        folder: row.number_opt("folder")?,
        items: row.number("items")?,
        password: row.text_opt("password")?,
        password_version: row.number("password_version")?,
        terms_version: row.number("terms_version")?,
        link_epoch: row.number("link_epoch")?,
        classifications,
        created_at: row.number("created_at")?,
        expires_at: row.number_opt("expires_at")?,
        downloads: row.number("downloads")?,
        revision: row.number("revision")?,
    })
}

fn read_recipient(row: &Row) -> Result<ShareRecipient, StoreError> {
    Ok(ShareRecipient {
        number: row.number("number")?,
        address: row.text("address")?,
        name: row.text("name")?,
        email: row.text_opt("email")?,
        expires_at: row.number_opt("expires_at")?,
        revoked_at: row.number_opt("revoked_at")?,
        link_epoch: row.number("link_epoch")?,
    })
}

/// What may be said anew of a share, in the order of [`CHANGED`].
fn changed(share: &Share) -> Result<Vec<Value>, StoreError> {
    let ShareDraft {
        title,
        message,
        context,
        delivery,
        information,
        download,
        download_limit,
        terms,
        language,
        logo,
        notices,
    } = &share.draft;
    let classifications = match &share.classifications {
        Some(names) => Value::json(names)?,
        None => Value::from(None::<&str>),
    };
    Ok(vec![
        title.into(),
        message.into(),
        context.as_deref().into(),
        delivery.wire_name().into(),
        information.wire_name().into(),
        download.wire_name().into(),
        download_limit.map(NonZeroU32::get).into(),
        terms.as_deref().into(),
        language.as_deref().into(),
        logo.wire_name().into(),
        share.password.as_ref().map(PasswordHash::as_str).into(),
        share.password_version.into(),
        share.terms_version.into(),
        share.link_epoch.into(),
        classifications,
        share.expires_at.into(),
        notices.wire_name().into(),
    ])
}

impl View {
    /// The share of that id.
    pub async fn share(&mut self, id: &ShareId) -> Result<Share, StoreError> {
        let statement = Statement::new(select!("WHERE share.id = $1"));
        let share = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(Some(share.tenant))?;
        Ok(share)
    }

    /// What an address is of.
    pub async fn share_addressed(
        &mut self,
        address: &ShareAddress,
    ) -> Result<Addressed, StoreError> {
        let statement =
            Statement::new("SELECT share, recipient FROM share_address WHERE address = $1");
        let row = self.found(statement.bind(address.expose())).await?;
        let share = self.share(&row.text("share")?).await?;
        let recipient = match row.number::<u64>("recipient")? {
            0 => None,
            number => Some(self.share_recipient(&share.id, number).await?),
        };
        Ok(Addressed { share, recipient })
    }

    /// A tenant's shares, the newest first.
    pub async fn share_list(
        &mut self,
        tenant: TenantId,
        filter: &ShareFilter,
        page: &Page<ShareId>,
    ) -> Result<Listed<Share, ShareId>, StoreError> {
        self.reach(Some(tenant))?;
        let ShareFilter { created_since, creator, content, state } = filter;
        let of = |wanted| state.filter(|(state, _)| *state == wanted).map(|(_, now)| now);
        let statement = Statement::new(select!(
            "WHERE share.tenant = $1 AND ($2 IS NULL OR share.id < $2) \
             AND ($3 IS NULL OR share.created_at >= $3) AND ($4 IS NULL OR share.creator = $4) \
             AND ($5 IS NULL OR EXISTS (SELECT 1 FROM share_item WHERE share_item.share = share.id \
             AND share_item.content = $5 AND share_item.removed_at IS NULL)) \
             AND ($6 IS NULL OR share.expires_at IS NULL OR share.expires_at >= $6) \
             AND ($7 IS NULL OR share.expires_at < $7) ORDER BY share.id DESC LIMIT $8"
        ))
        .bind(tenant)
        .bind(page.after.as_ref().map(ShareId::as_str))
        .bind(*created_since)
        .bind(creator.as_deref())
        .bind(content.as_ref().map(ContentId::as_str))
        .bind(of(ShareState::Open))
        .bind(of(ShareState::Over))
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let shares = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(shares, page, |share: &Share| share.id.clone()))
    }

    /// Shares that end after `now` and until `soon`, of whose end nobody was warned; those alone that
    /// were made for longer than `shortest` seconds.
    pub async fn share_list_ending(
        &mut self,
        now: UnixSeconds,
        soon: UnixSeconds,
        shortest: u64,
        most: u64,
    ) -> Result<Vec<Share>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(select!(
            "WHERE share.expires_at > $1 AND share.expires_at <= $2 \
             AND share.expires_at - share.created_at > $3 \
             AND (share.warned_for IS NULL OR share.warned_for <> share.expires_at) \
             ORDER BY share.expires_at LIMIT $4"
        ));
        let statement = statement.bind(now).bind(soon).bind(shortest).bind(most);
        self.connection().rows(statement).await?.iter().map(read).collect()
    }

    /// A share's recipients, by number.
    pub async fn share_recipient_list(
        &mut self,
        id: &ShareId,
    ) -> Result<Vec<ShareRecipient>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT share_recipient.number, name, email, expires_at, revoked_at, link_epoch, \
             address \
             FROM share_recipient \
             JOIN share_address ON share_address.share = share_recipient.share \
             AND share_address.recipient = share_recipient.number \
             WHERE share_recipient.share = $1 ORDER BY share_recipient.number",
        );
        let rows = self.connection().rows(statement.bind(id.as_str())).await?;
        rows.iter().map(read_recipient).collect()
    }

    /// A share's recipient of that number.
    pub async fn share_recipient(
        &mut self,
        id: &ShareId,
        number: u64,
    ) -> Result<ShareRecipient, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT share_recipient.number, name, email, expires_at, revoked_at, link_epoch, \
             address \
             FROM share_recipient \
             JOIN share_address ON share_address.share = share_recipient.share \
             AND share_address.recipient = share_recipient.number \
             WHERE share_recipient.share = $1 AND share_recipient.number = $2",
        );
        read_recipient(&self.found(statement.bind(id.as_str()).bind(number)).await?)
    }
}

impl Change {
    /// Makes a share of these items, with these recipients.
    pub async fn share_create(
        &mut self,
        share: &Share,
        items: &[ShareItem],
        recipients: &[ShareRecipient],
    ) -> Result<(), StoreError> {
        self.view().reach(Some(share.tenant))?;
        let mut row = vec![
            share.id.as_str().into(),
            share.tenant.into(),
            (&share.creator).into(),
            (&share.creator_name).into(),
            share.folder.into(),
            share.items.into(),
            share.created_at.into(),
            share.downloads.into(),
            0_u64.into(),
            share.revision.into(),
        ];
        row.extend(changed(share)?);
        let columns: Vec<&str> = MADE.iter().chain(CHANGED).copied().collect();
        self.view().connection().insert_all("share", &columns, vec![row]).await?;
        self.share_items_create(&share.id, items).await?;
        let id = || Value::from(share.id.as_str());
        let own = vec![share.address.expose().into(), id(), 0_u64.into()];
        let theirs =
            recipients.iter().map(|it| vec![it.address.expose().into(), id(), it.number.into()]);
        let addresses = std::iter::once(own).chain(theirs).collect();
        let columns = &["address", "share", "recipient"];
        self.view().connection().insert_all("share_address", columns, addresses).await?;
        let rows = recipients.iter().map(|it| {
            let email = it.email.as_deref().into();
            let (ends, revoked) = (it.expires_at.into(), it.revoked_at.into());
            let epoch = it.link_epoch.into();
            vec![id(), it.number.into(), (&it.name).into(), email, ends, revoked, epoch]
        });
        let columns =
            &["share", "number", "name", "email", "expires_at", "revoked_at", "link_epoch"];
        let rows = rows.collect();
        self.view().connection().insert_all("share_recipient", columns, rows).await?;
        self.note("share.create", Some(share.tenant), share.id.as_str(), None, Some(share));
        Ok(())
    }

    /// Puts another state of a share in the place of the one that was read: what may be said of it,
    /// its password, its end and its versions. Gives it with its revision.
    pub async fn share_replace(
        &mut self,
        before: &Share,
        expected: Expected,
        after: Share,
    ) -> Result<Share, StoreError> {
        expected.meet(before.revision)?;
        self.view().reach(Some(before.tenant))?;
        let mut statement = Statement::new(
            "UPDATE share SET title = $1, message = $2, context = $3, delivery = $4, \
             information = $5, download = $6, download_limit = $7, terms = $8, language = $9, \
             logo = $10, password = $11, password_version = $12, terms_version = $13, \
             link_epoch = $14, classifications = $15, expires_at = $16, notices = $17, \
             noticed_at = CASE WHEN notices = $17 THEN noticed_at ELSE NULL END, \
             revision = revision + 1 \
             WHERE id = $18 AND revision = $19 RETURNING revision, downloads, items",
        );
        for value in changed(&after)? {
            statement = statement.bind(value);
        }
        let statement = statement.bind(before.id.as_str()).bind(before.revision);
        let row = self.view().connection().row(statement).await?.ok_or(StoreErrorKind::Stale)?;
        let after = Share {
            revision: row.number("revision")?,
            downloads: row.number("downloads")?,
            items: row.number("items")?,
            ..after
        };
        let (tenant, id) = (Some(before.tenant), before.id.as_str());
        self.note("share.update", tenant, id, Some(before), Some(&after));
        Ok(after)
    }

    /// Puts another end, and the epoch of the links that they are given, in the place of those of a
    /// recipient that were read.
    pub async fn share_recipient_move(
        &mut self,
        share: &Share,
        before: &ShareRecipient,
        after: ShareRecipient,
    ) -> Result<ShareRecipient, StoreError> {
        self.view().reach(Some(share.tenant))?;
        let statement = Statement::new(
            "UPDATE share_recipient SET expires_at = $1, link_epoch = $2 \
             WHERE share = $3 AND number = $4 AND link_epoch = $5 AND revoked_at IS NULL",
        );
        let statement = statement.bind(after.expires_at).bind(after.link_epoch);
        let statement = statement.bind(share.id.as_str()).bind(before.number);
        let statement = statement.bind(before.link_epoch);
        if self.view().connection().execute(statement).await? == 0 {
            return Err(StoreErrorKind::Stale.into());
        }
        let said = |it: &ShareRecipient| serde_json::json!({ "recipient": it.number, "expires_at": it.expires_at });
        let (tenant, id) = (Some(share.tenant), share.id.as_str());
        let (was, is) = (said(before), said(&after));
        self.note("share.recipient_update", tenant, id, Some(&was), Some(&is));
        Ok(after)
    }

    /// Closes a recipient's address. One that is closed stays so.
    pub async fn share_recipient_revoke(
        &mut self,
        share: &Share,
        number: u64,
    ) -> Result<ShareRecipient, StoreError> {
        let before = self.view().share_recipient(&share.id, number).await?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let now = self.now();
        let statement = Statement::new(
            "UPDATE share_recipient SET revoked_at = $1 WHERE share = $2 AND number = $3",
        );
        let statement = statement.bind(now).bind(share.id.as_str()).bind(number);
        self.view().connection().execute(statement).await?;
        let said = serde_json::json!({ "recipient": number });
        let (tenant, id) = (Some(share.tenant), share.id.as_str());
        self.note("share.recipient_revoke", tenant, id, Some(&said), None);
        Ok(ShareRecipient { revoked_at: Some(now), ..before })
    }

    /// Removes a share, with its history.
    pub async fn share_remove(
        &mut self,
        id: &ShareId,
        expected: Expected,
    ) -> Result<Share, StoreError> {
        let before = self.view().share(id).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM share WHERE id = $1 AND revision = $2");
        let statement = statement.bind(id.as_str()).bind(before.revision);
        if self.view().connection().execute(statement).await? == 0 {
            return Err(StoreErrorKind::Stale.into());
        }
        self.note("share.remove", Some(before.tenant), id.as_str(), Some(&before), None);
        let data = Map::from_iter([
            ("tenant".to_owned(), before.tenant.0.into()),
            ("share".to_owned(), id.as_str().into()),
            ("actor".to_owned(), self.view().caller().actor().to_string().into()),
        ]);
        self.webhook_tell(before.tenant, WebhookEvent::ShareDeleted, &data).await?;
        Ok(before)
    }

    /// Begins a download of a share whose links are of that epoch, if its limit has one left: of any
    /// number at once, at any number of control planes, no more are begun. Gives none where there is
    /// none left, or either epoch is over, or the recipient's address is closed.
    pub async fn share_download_begin(
        &mut self,
        share: &Share,
        recipient: Option<&ShareRecipient>,
        happened: Happened,
    ) -> Result<Option<ShareBegun>, StoreError> {
        self.view().reach(Some(share.tenant))?;
        let statement = Statement::new(
            "UPDATE share SET downloads = downloads + 1, events = events + 1 \
             WHERE id = $1 AND link_epoch = $2 AND download = $3 \
             AND (expires_at IS NULL OR expires_at >= $4) \
             AND (download_limit IS NULL OR downloads < download_limit) \
             RETURNING downloads, events",
        )
        .bind(share.id.as_str())
        .bind(share.link_epoch)
        .bind(share.draft.download.wire_name())
        .bind(self.now());
        let Some(row) = self.view().connection().row(statement).await? else { return Ok(None) };
        // Asked now that the share is this change's: what was waited for is seen.
        if let Some(seen) = recipient {
            let now = self.now();
            match self.view().share_recipient(&share.id, seen.number).await {
                Ok(now_is) if now_is.link_epoch == seen.link_epoch && !now_is.is_over(now) => {}
                Ok(_) => return Ok(None),
                Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let (download, event): (u64, u64) = (row.number("downloads")?, row.number("events")?);
        let recipient = recipient.map(|it| it.number);
        let mut happened = Happened { kind: ShareEventKind::Downloaded, recipient, ..happened };
        happened.detail.insert("download".to_owned(), download.into());
        self.share_event_write(share.tenant, &share.id, event, &happened).await?;
        Ok(Some(ShareBegun { download, event }))
    }

    /// The share, which nobody else changes until this change ends: what is closed of it is what it
    /// has by then.
    pub async fn share_lock(&mut self, id: &ShareId) -> Result<Share, StoreError> {
        let statement = Statement::new("UPDATE share SET revision = revision WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.view().share(id).await
    }

    /// Notes that whoever made a share is told of its first visitor. Gives whether they were not yet: of
    /// any number of visitors at once, one is the first.
    pub async fn share_noticed(&mut self, id: &ShareId) -> Result<bool, StoreError> {
        self.view().share(id).await?;
        let statement =
            Statement::new("UPDATE share SET noticed_at = $2 WHERE id = $1 AND noticed_at IS NULL");
        let statement = statement.bind(id.as_str()).bind(self.now());
        Ok(self.view().connection().execute(statement).await? > 0)
    }

    /// Notes that whoever made a share is warned of its end. Gives whether they were not yet, and it
    /// ends then still.
    pub async fn share_warned(&mut self, share: &Share) -> Result<bool, StoreError> {
        self.view().reach(Some(share.tenant))?;
        let statement = Statement::new(
            "UPDATE share SET warned_for = expires_at WHERE id = $1 AND expires_at = $2 \
             AND (warned_for IS NULL OR warned_for <> expires_at)",
        );
        let statement = statement.bind(share.id.as_str()).bind(share.expires_at);
        Ok(self.view().connection().execute(statement).await? > 0)
    }

    /// Removes shares that ended before that, some at a time. Gives how many.
    pub async fn share_forget(&mut self, before: UnixSeconds) -> Result<usize, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(select!("WHERE share.expires_at < $1 LIMIT $2"));
        let statement = statement.bind(before).bind(FORGOTTEN_AT_ONCE);
        let rows = self.view().connection().rows(statement).await?;
        for row in &rows {
            let share = read(row)?;
            self.share_remove(&share.id, Expected::Any).await?;
        }
        Ok(rows.len())
    }
}

/// The columns of a new share that stay what they are, or are counted.
const MADE: &[&str] = &[
    "id",
    "tenant",
    "creator",
    "creator_name",
    "folder",
    "items",
    "created_at",
    "downloads",
    "events",
    "revision",
];

/// The columns of what may be said anew.
const CHANGED: &[&str] = &[
    "title",
    "message",
    "context",
    "delivery",
    "information",
    "download",
    "download_limit",
    "terms",
    "language",
    "logo",
    "password",
    "password_version",
    "terms_version",
    "link_epoch",
    "classifications",
    "expires_at",
    "notices",
];
