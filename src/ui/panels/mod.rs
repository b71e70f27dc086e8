//! Everything around the canvas. Panels read the editor and send commands; none changes anything.

mod background;
mod generate;
mod layers;
mod loras;
mod models;
mod more;
mod prompt;
mod results;
mod results_grid;
mod served;
mod settings;
mod status;
mod strength;
mod tabs;
mod told;
mod tool_column;
mod top_bar;
mod welcome;

pub(super) use generate::stop;
pub(super) use layers::layer_action;
pub(super) use results::{results_height, results_ui};
pub(super) use results_grid::results_grid_ui;
pub(super) use settings::settings_ui;
pub(super) use status::status_ui;
pub(super) use tool_column::tool_column_ui;
pub(super) use top_bar::top_bar_ui;
pub(super) use welcome::welcome_ui;
