//! Picture files: the only place that reads or writes them.

mod error;

pub use error::PictureError;
