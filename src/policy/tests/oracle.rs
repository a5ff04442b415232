//! What the contract says of a case, read off its text and not off the code: part 3 steps 5 to 7,
//! and requirements G10, G11 and G15. It works on the description of a case, never on a request.

use super::scenery::{AssetCase, Owner};
use crate::asset::{AssetType, Visibility};
use crate::policy::DenialCode;

/// What the override table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    Nothing,
    /// "all assets of the VM public" (D19).
    Vm,
    /// The asset's type, or another, of the whole VM (D21).
    VmType(Types),
    /// "all assets of the video public" (D24).
    Video,
    /// Types of the video (D25).
    VideoType(Types),
    /// Attachments of the channel (D22).
    ChannelAttachments,
    /// Everything of another video.
    OtherVideo,
    /// Everything of another tenant.
    OtherTenant,
}

/// Which types a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Types {
    ThisOne,
    AllOthers,
}

impl Opened {
    pub(super) const ALL: &'static [Self] = &[
        Self::Nothing,
        Self::Vm,
        Self::VmType(Types::ThisOne),
        Self::VmType(Types::AllOthers),
        Self::Video,
        Self::VideoType(Types::ThisOne),
        Self::VideoType(Types::AllOthers),
        Self::ChannelAttachments,
        Self::OtherVideo,
        Self::OtherTenant,
    ];
}

/// What the catalog says of an asset's owner, and of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// No such id; another tenant has one like it.
    Unknown,
    /// Not published.
    Unpublished,
    /// Not published, and in a period in which it would be.
    UnpublishedInAPeriod,
    /// From the next second on.
    NotYet,
    /// Up to this second.
    Over,
    /// Published, and nothing is handed out.
    WithoutAVersion,
    /// Published, and this file is not there.
    WithoutTheFile,
    /// For this very second.
    InAPeriod,
    /// Always.
    Published,
}

impl Entered {
    pub(super) const ALL: &'static [Self] = &[
        Self::Unknown,
        Self::Unpublished,
        Self::UnpublishedInAPeriod,
        Self::NotYet,
        Self::Over,
        Self::WithoutAVersion,
        Self::WithoutTheFile,
        Self::InAPeriod,
        Self::Published,
    ];
}

/// The visibility in force where a site has a catalog, and whether there is a file: "unpublished
/// never on /public, even under a public override" (G16), and unknown ids like it (G15). A folder
/// is not published: it is there, with its attachments, or not.
pub(super) fn in_catalog(
    entered: Entered,
    asset: &AssetCase,
    by_overrides: Visibility,
) -> (Visibility, bool) {
    let of_folder = asset.owner == Owner::Channel;
    match entered {
        Entered::Unknown => (Visibility::Private, false),
        Entered::Unpublished | Entered::UnpublishedInAPeriod | Entered::NotYet | Entered::Over => {
            if of_folder {
                (by_overrides, true)
            } else {
                (Visibility::Private, false)
            }
        }
        Entered::WithoutAVersion => (by_overrides, of_folder),
        Entered::WithoutTheFile => (by_overrides, false),
        Entered::InAPeriod | Entered::Published => (by_overrides, true),
    }
}

/// One token, by what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Not of the grammar.
    Garbage,
    /// Signed by a key that the site does not have.
    ForeignKey,
    /// Starts tomorrow.
    TooEarly,
    /// Ended a second ago.
    Expired,
    /// Lives longer than the site allows.
    TooLong,
    /// Covers another path.
    OtherPath,
    /// Signed over another URL, which it does not name.
    OtherUrl,
    /// Bound to another address.
    OtherAddress,
    /// Its id is on the list.
    Revoked,
    /// Covers the path by its ACL.
    ValidAcl,
    /// Signed over this very URL.
    ValidUrl,
    /// By the second key of the ring.
    ValidOldKey,
    /// Bound to the client, alive for its last second.
    ValidToTheSecond,
}

impl Shown {
    pub(super) const ALL: &'static [Self] = &[
        Self::Garbage,
        Self::ForeignKey,
        Self::TooEarly,
        Self::Expired,
        Self::TooLong,
        Self::OtherPath,
        Self::OtherUrl,
        Self::OtherAddress,
        Self::Revoked,
        Self::ValidAcl,
        Self::ValidUrl,
        Self::ValidOldKey,
        Self::ValidToTheSecond,
    ];

    /// The refusal, or how many seconds it has left and whose key it is of.
    ///
    /// Step 7 names the checks in order: "found, parsed, MAC in constant time, start, expiry,
    /// lifetime, scope, address, id not revoked". A URL token's scope is in what was signed.
    pub(super) const fn verdict(self) -> Result<(u64, &'static str), DenialCode> {
        Err(match self {
            Self::Garbage => DenialCode::TokenMalformed,
            Self::ForeignKey | Self::OtherUrl => DenialCode::TokenSignature,
            Self::TooEarly => DenialCode::TokenNotYetValid,
            Self::Expired => DenialCode::TokenExpired,
            Self::TooLong => DenialCode::TokenLifetime,
            Self::OtherPath => DenialCode::TokenScope,
            Self::OtherAddress => DenialCode::TokenIp,
            Self::Revoked => DenialCode::TokenRevoked,
            Self::ValidAcl | Self::ValidUrl => return Ok((60, "new")),
            Self::ValidOldKey => return Ok((60, "old")),
            Self::ValidToTheSecond => return Ok((0, "new")),
        })
    }
}

/// How the order of step 7 ranks refusals: later is further.
const ORDER: &[DenialCode] = &[
    DenialCode::TokenMissing,
    DenialCode::TokenMalformed,
    DenialCode::TokenSignature,
    DenialCode::TokenNotYetValid,
    DenialCode::TokenExpired,
    DenialCode::TokenLifetime,
    DenialCode::TokenScope,
    DenialCode::TokenIp,
    DenialCode::TokenRevoked,
];

/// Is the asset public? "overrides only open: public ⇔ VM public ∨ type in VM types ∨ video
/// public ∨ type in video types ∨ channel ATTACHMENT" (G11).
pub(super) fn visibility(opened: Opened, asset: &AssetCase) -> Visibility {
    let of_video = asset.owner == Owner::Video;
    let public = match opened {
        Opened::Vm | Opened::VmType(Types::ThisOne) => true,
        Opened::Video | Opened::VideoType(Types::ThisOne) => of_video,
        Opened::ChannelAttachments => !of_video && asset.kind == AssetType::Attachment,
        Opened::Nothing
        | Opened::VmType(Types::AllOthers)
        | Opened::VideoType(Types::AllOthers)
        | Opened::OtherVideo
        | Opened::OtherTenant => false,
    };
    if public { Visibility::Public } else { Visibility::Private }
}

/// Step 7 for tokens in the order in which they are tried: the first valid one opens (which it
/// is), otherwise "the code of the candidate that got furthest is reported".
pub(super) fn token_step(tried: &[Shown]) -> Result<(u64, &'static str), DenialCode> {
    let mut furthest = DenialCode::TokenMissing;
    for shown in tried {
        match shown.verdict() {
            Ok(valid) => return Ok(valid),
            Err(code) => {
                if rank(code) > rank(furthest) {
                    furthest = code;
                }
            }
        }
    }
    Err(furthest)
}

fn rank(code: DenialCode) -> usize {
    ORDER.iter().position(|it| *it == code).expect("every token refusal has its rank")
}
