//! What a path means: the `/public|/private` asset URL grammar and its vocabulary.

mod ids;
mod kind;
mod path;

pub use ids::{ChannelId, NotAVideoId, OriginKey, PATH_ESCAPES, TenantId, VideoId};
pub use kind::{AssetType, AssetTypeSet, Visibility};
pub use path::{AssetParameters, AssetPath, AssetRejection, AssetResource, SubtitleFormat};
