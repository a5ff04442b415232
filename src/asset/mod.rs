//! What a path means: the `/public|/private` asset URL grammar, that of connectors under `/dl`, and
//! their vocabulary.

mod connector_path;
mod ids;
mod kind;
mod path;
mod wire_name;

pub use connector_path::{ConnectorPath, LONGEST_ADDRESSED_NAME, METADATA_MARK, NameSegments};
pub use ids::{
    ChannelId, ContentId, NotAContentId, NotAVideoId, OriginKey, PATH_ESCAPES, TenantId, VideoId,
};
pub use kind::{AssetType, AssetTypeSet, Visibility};
pub use path::{AssetParameters, AssetPath, AssetRejection, AssetResource, SubtitleFormat};
pub(crate) use wire_name::wire_names;
