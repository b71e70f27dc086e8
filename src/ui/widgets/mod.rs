//! The controls that egui lacks, in the look of `theme`.

mod buttons;
mod fields;
mod rows;

pub use buttons::{
    action_button, chip, icon_button, link_button, menu_item, primary_button, quiet_button,
};
pub use fields::{Number, choice, number};
pub use rows::{card, heading, hint, icon_label, section};
