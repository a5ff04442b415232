//! The page of a share, at `/s/` of a tenant's sites: for people outside, who were given its address.
//!
//! | place | owns |
//! |---|---|
//! | `pages` | what the pages work with, and every route |
//! | `frame`, `guest` | what goes around a page; who visits, and what they stand before |
//! | `gate` | the password and the terms |
//! | `gallery`, `paging` | what is shared, and the ways between its pages |
//! | `item`, `preview`, `picture` | one of it; how it is shown; which of its files shows it |
//! | `download`, `format` | what is saved: one file, or several as a zip; a picture in another format |
//! | `brand` | the tenant's logo, colours, privacy policy and footer |
//! | `look`, `refusal` | styles and the script; what is shown instead of a page |
//!
//! A request comes from the door of an edge, with its [`Visitor`](crate::visitor::Visitor) among its
//! extensions, its target and `Host` as the visitor's. Pages are rendered here, whole, and work without
//! the script.
//!
//! **Invariants.** Whether anything is shown is decided in one place, which every route asks
//! (`share_access` of `service`); the bytes are had by ordinary links that it signs, or as an archive
//! that it hands over. Nothing changes by `GET` or `HEAD`. A page of a share that is not open says
//! nothing of it, not even its title. No page loads anything of a third party, holds a script or a
//! style of its own, or is stored anywhere; a value is text in it, never markup.
//!
//! Not here: who may see a share (`service`), and how a request comes in (`data_plane`).

mod brand;
mod download;
mod format;
mod frame;
mod gallery;
mod gate;
mod guest;
mod item;
mod look;
mod pages;
mod paging;
mod picture;
mod preview;
mod refusal;

pub(in crate::control_plane) use pages::router;
