//! The window: egui draws, [`Editor`](crate::editor::Editor) decides.
//!
//! Every frame reads the editor, draws, and collects commands; only `app` hands them over. Panels
//! never see `&mut Editor`. Never names candle, the engine's insides or a thread.

mod actions;
mod canvas;
mod fonts;
mod icons;
mod theme;
