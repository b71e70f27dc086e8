//! Everything around the canvas. Panels read the editor and send commands; none changes anything.

mod generate;
mod layers;
mod more;
mod prompt;
mod results;
mod settings;
mod status;
mod strength;
mod tool_column;
mod top_bar;
mod welcome;

pub use generate::progress_text;
pub use results::{HEIGHT as RESULTS_HEIGHT, has_results, results_ui};
pub use settings::settings_ui;
pub use status::status_ui;
pub use tool_column::tool_column_ui;
pub use top_bar::top_bar_ui;
pub use welcome::welcome_ui;
