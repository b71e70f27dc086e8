//! The one integration binary: linking candle and egui once is slow enough.

mod architecture;
mod texts;
