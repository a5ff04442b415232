//! What a path means: the `/public|/private` asset URL grammar and its vocabulary.

mod ids;
mod kind;
mod path;
mod wire_name;

pub use ids::{
    ChannelId, ContentId, NotAContentId, NotAVideoId, OriginKey, PATH_ESCAPES, TenantId, VideoId,
};
pub use kind::{AssetType, AssetTypeSet, Visibility};
pub use path::{AssetParameters, AssetPath, AssetRejection, AssetResource, SubtitleFormat};
pub(crate) use wire_name::wire_names;
