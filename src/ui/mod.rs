//! The window: egui draws, [`Editor`](crate::editor::Editor) decides.
//!
//! Every frame reads the editor, draws, and collects commands; only `app` hands them over. Panels
//! never see `&mut Editor`. Never names candle, the engine's insides or a thread.

mod actions;
mod app;
mod arrangement;
mod background;
mod batch;
mod brush;
mod canvas;
mod clipboard;
mod context;
mod dialogs;
mod file_purpose;
mod fonts;
mod frame_times;
mod icons;
mod keys;
mod leaving;
mod mask_view;
mod motion;
mod options;
mod other_engines;
mod panels;
mod perform;
mod placement;
mod result_thumb;
mod results;
mod room;
mod run_texts;
mod selecting;
mod show_in_folder;
mod state;
mod tasks;
mod theme;
mod toasts;
mod view_transform;
mod widgets;
mod window;

pub use actions::{Action, Group};
pub use app::App;
pub use options::WindowOptions;
pub use state::Tool;
pub use window::{WindowError, run};
