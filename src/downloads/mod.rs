//! Getting models from the network: what there is to get, asking what it consists of, fetching it so that a
//! cut, a kill or a lie of the server never leaves half a model where a whole one is looked for.
//!
//! Used by `jobs` (threads around it) and the command line. With `engine/remote` the only room that names a
//! network client: `ureq`, because it blocks, as all our threads do, needs no runtime, speaks TLS without the
//! system's libraries, and leaves ranges, redirects and retries to us, which `hf-hub` would not. Nothing here
//! is called unless somebody asked for a model, and the licence is shown before the first byte of it.
//!
//! The path of a model: [`Source`] (what was asked for) → [`ask()`] → [`Parcel`] (files, sizes, licence) →
//! [`fetch()`] → a folder or file in the models folder.

mod address;
mod ask;
mod client;
mod error;
mod fetch;
mod hub;
mod list;
mod meter;
mod parcel;
mod source;
mod stream;
mod transfer;
mod work;

pub use ask::ask;
pub use client::{Client, Options, Pace, Token};
pub use error::DownloadError;
pub use fetch::fetch;
pub use list::{Kind, Offer, Picture, offers};
pub use meter::Progress;
pub use parcel::{Parcel, RemoteFile, Shape};
pub use source::Source;
pub use work::{Unfinished, forget, unfinished};

/// How a download is watched and stopped.
pub trait Watch {
    /// True once it is to stop. Asked at least every tenth of a second.
    fn is_stopped(&self) -> bool;

    /// Says how far it is. Called a few times a second.
    fn progress(&mut self, progress: &Progress);
}
