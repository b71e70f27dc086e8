//! The picture and everything drawn over it.

mod textures;
mod view_transform;
