//! What the API says of itself: documents, and a page that shows them.

mod description;
mod pages;

pub use description::{Document, document};
pub(super) use pages::routes;
