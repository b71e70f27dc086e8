//! The controls that egui lacks, in the look of `theme`.

mod buttons;
mod fields;
mod rows;
mod sides;
mod thumbnail;
mod wheel;

pub(super) use buttons::{
    action_button, action_button_small, chevron, chip, chip_row, fit_menu, focus_ring, icon_button,
    icon_button_small, link_button, menu_item, menu_line, primary_button, quiet_button,
};
pub(super) use fields::{Number, choice, number, resets};
pub(super) use rows::{
    card, heading, hint, icon_label, key_cap, on_one_line, one_line, row, section,
};
pub(super) use sides::{at_right, sides};
pub(super) use thumbnail::{FileCard, file_card, thumbnail};
pub(super) use wheel::{follow_wheel, wheel_notches};
