//! Operators that candle has not, or has slowly, on the CPU. Layers choose them where the tensor
//! lies on the CPU in f32; on other devices they compose candle's own.

mod group_norm;

pub(super) use group_norm::GroupNormOp;
