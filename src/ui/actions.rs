//! [`Action`]: everything the user can do by a button, a key or the palette, in one table.
//!
//! Toolbar, menus, tooltips, the shortcut sheet, the command palette and the key handler are all
//! made from it; none of them names a key or a text of its own.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::icons::{self, Icon};

/// Where an action is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Files and the program.
    File,
    /// What changes the mask, and undo.
    Edit,
    /// What the pointer does.
    Tool,
    /// How things are looked at.
    View,
    /// Making pictures.
    Generate,
    /// What was made.
    Result,
    /// Help and preferences.
    Help,
}

impl Group {
    /// Every group, in the order of menus.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Edit,
        Self::Tool,
        Self::Generate,
        Self::Result,
        Self::View,
        Self::Help,
    ];

    /// Its name.
    pub const fn text(self) -> &'static str {
        match self {
            Self::File => "ui-group-file",
            Self::Edit => "ui-group-edit",
            Self::Tool => "ui-group-tool",
            Self::View => "ui-group-view",
            Self::Generate => "ui-group-generate",
            Self::Result => "ui-group-result",
            Self::Help => "ui-group-help",
        }
    }

    /// Its icon in the menu.
    pub(super) const fn icon(self) -> Icon {
        match self {
            Self::File => icons::OPEN,
            Self::Edit => icons::UNDO,
            Self::Tool => icons::BRUSH,
            Self::View => icons::EYE,
            Self::Generate => icons::GENERATE,
            Self::Result => icons::ALL_RESULTS,
            Self::Help => icons::GUIDE,
        }
    }
}

const NONE: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_ALT: Modifiers = Modifiers {
    alt: true,
    ..Modifiers::COMMAND
};
const CTRL_SHIFT: Modifiers = Modifiers {
    shift: true,
    ..Modifiers::COMMAND
};

/// Declares the actions: name, group, icon, keys, and the keys of the texts.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $group:ident $icon:ident [$($modifiers:ident + $key:ident),*] $text:literal;)+) => {
        /// Something the user can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $name),+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Where it is listed.
            pub const fn group(self) -> Group {
                match self { $(Self::$name => Group::$group),+ }
            }

            /// Its icon.
            pub const fn icon(self) -> Icon {
                match self { $(Self::$name => icons::$icon),+ }
            }

            /// The key of its text: a verb.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The key of its tooltip: what it does, in one sentence.
            pub const fn tooltip(self) -> &'static str {
                match self { $(Self::$name => concat!($text, "-tip")),+ }
            }

            /// Its keys; the first is the one shown.
            pub const fn shortcuts(self) -> &'static [KeyboardShortcut] {
                match self {
                    $(Self::$name => const { &[$(KeyboardShortcut::new($modifiers, Key::$key)),*] }),+
                }
            }
        }
    };
}

actions! {
    /// Opens a picture from a file.
    Open = File OPEN [CTRL + O] "ui-open";
    /// Shows the folder that is open as a batch, or opens one.
    Batch = File BATCH [CTRL_SHIFT + O] "ui-batch";
    /// Opens the picture in the clipboard.
    Paste = File PASTE [CTRL + V] "ui-paste";
    /// Puts the picture as it is seen into the clipboard.
    Copy = Edit COPY [CTRL + C] "ui-copy";
    /// Opens the sample portrait.
    OpenSample = File PICTURE [] "ui-open-sample";
    /// What earlier sessions have left.
    Recover = File RECOVER [] "ui-recover";
    /// Opens again what was closed last.
    ReopenClosed = File REUSE [CTRL_SHIFT + T] "ui-reopen";
    /// Writes the picture to its file.
    Save = File SAVE [CTRL + S] "ui-save";
    /// Writes the picture to another file.
    SaveAs = File SAVE [CTRL_SHIFT + S] "ui-save-as";
    /// Writes every picture that is not saved to its file.
    SaveAll = File SAVE_ALL [CTRL_ALT + S] "ui-save-all";
    /// Writes a copy.
    Export = File EXPORT [CTRL + E] "ui-export";
    /// Gets a model from the network.
    GetModel = File GET_MODEL [] "ui-get-model";
    /// The servers that may run models.
    Servers = File SERVERS [] "ui-servers";
    /// Writes what is set as the recipe of a batch.
    SaveRecipe = Generate RECIPE [] "ui-save-recipe";
    /// Closes the picture.
    CloseTab = File CLOSE [CTRL + W] "ui-close-tab";
    /// Ends the program.
    Quit = File QUIT [CTRL + Q] "ui-quit";
    /// Takes the last change back.
    Undo = Edit UNDO [CTRL + Z] "ui-undo";
    /// Makes it again.
    Redo = Edit REDO [CTRL_SHIFT + Z, CTRL + Y] "ui-redo";
    /// Selects what the picture shows.
    SelectSubject = Edit SELECT_SUBJECT [NONE + W] "ui-select-subject";
    /// Selects all but that.
    SelectBackground = Edit SELECT_BACKGROUND [NONE + G] "ui-select-background";
    /// Selects the faces.
    SelectFace = Edit SELECT_FACE [NONE + F] "ui-select-face";
    /// Selects the hair.
    SelectHair = Edit SELECT_HAIR [NONE + Y] "ui-select-hair";
    /// Selects the clothes.
    SelectClothes = Edit SELECT_CLOTHES [NONE + K] "ui-select-clothes";
    /// Paints what was not painted, and the other way round.
    InvertMask = Edit INVERT [NONE + I] "ui-invert";
    /// Removes all paint.
    ClearMask = Edit CLEAR [CTRL + D] "ui-clear";
    /// Takes what the mask covers out of the picture.
    ErasePainted = Edit ERASE_PAINTED [] "ui-erase-painted";
    /// Switches between “changes” and “stays”.
    SwapMode = Edit SWAP [NONE + X] "ui-swap-mode";
    /// Moves, smooths and softens the mask's edge.
    Refine = Edit REFINE [CTRL_ALT + R] "ui-refine";
    /// Reads a mask from a picture.
    LoadMask = Edit MASK_LOAD [] "ui-load-mask";
    /// Writes the mask as a picture.
    SaveMask = Edit MASK_SAVE [] "ui-save-mask";
    /// Gives the chosen layer a name.
    RenameLayer = Edit RENAME [NONE + F2] "ui-layer-rename";
    /// Puts the chosen layer above itself once more.
    DuplicateLayer = Edit DUPLICATE [CTRL + J] "ui-layer-duplicate";
    /// Brings back what made the chosen layer, to run it again.
    RedoLayer = Edit REDO_LAYER [] "ui-layer-redo";
    /// Paints.
    Brush = Tool BRUSH [NONE + B] "ui-brush";
    /// Removes paint.
    Eraser = Tool ERASER [NONE + E] "ui-eraser";
    /// Takes what is painted over out of the picture.
    Erase = Tool ERASE [NONE + J] "ui-erase";
    /// Paints rectangles.
    Rectangle = Tool RECTANGLE [NONE + R, NONE + M] "ui-rectangle";
    /// Paints ellipses.
    Ellipse = Tool ELLIPSE [SHIFT + M] "ui-ellipse";
    /// Paints what a loop surrounds.
    Lasso = Tool LASSO [NONE + L] "ui-lasso";
    /// Paints what a line of corners surrounds.
    Polygon = Tool POLYGON [SHIFT + L] "ui-polygon";
    /// Selects what has nearly the colour that is pressed on.
    Wand = Tool WAND [NONE + U] "ui-wand";
    /// Selects the thing that is clicked on.
    ClickSelect = Tool CLICK_SELECT [NONE + O] "ui-click-select";
    /// Scribbles say what belongs to the mask.
    SmartBrush = Tool SMART_BRUSH [SHIFT + B] "ui-smart-brush";
    /// Moves the picture.
    Hand = Tool HAND [NONE + H] "ui-hand";
    /// A smaller brush.
    SmallerBrush = Tool SIZE [NONE + OpenBracket] "ui-smaller-brush";
    /// A larger brush.
    LargerBrush = Tool SIZE [NONE + CloseBracket] "ui-larger-brush";
    /// Begins another background.
    TaskBackground = Generate TASK_BACKGROUND [] "ui-task-background";
    /// Begins other hair.
    TaskHair = Generate TASK_HAIR [] "ui-task-hair";
    /// Begins other clothes.
    TaskClothes = Generate TASK_CLOTHES [] "ui-task-clothes";
    /// Begins another style.
    TaskStyle = Generate TASK_STYLE [] "ui-task-style";
    /// Begins taking something away.
    TaskRemove = Generate TASK_REMOVE [] "ui-task-remove";
    /// Puts a colour behind the subject.
    PutColour = Generate PUT_COLOUR [] "ui-put-colour";
    /// Puts a gradient behind it.
    PutGradient = Generate PUT_GRADIENT [] "ui-put-gradient";
    /// Blurs what is behind it.
    PutBlur = Generate PUT_BLUR [] "ui-put-blur";
    /// Puts another picture behind it.
    PutPicture = Generate PUT_PICTURE [] "ui-put-picture";
    /// Cuts it out.
    PutNothing = Generate PUT_NOTHING [] "ui-put-nothing";
    /// Redraws the edge between the subject and what is behind it.
    Harmonise = Generate HARMONISE [] "ui-harmonise";
    /// Says whether the mask's soft parts are see-through or change less.
    SwapMaskKind = Edit MASK_KIND [] "ui-swap-mask-kind";
    /// Runs the model.
    Generate = Generate GENERATE [CTRL + Enter] "ui-generate";
    /// Runs several strengths side by side.
    CompareStrengths = Generate COMPARE [CTRL_SHIFT + Enter] "ui-compare";
    /// Stops the run.
    Cancel = Generate CLOSE [NONE + Escape] "ui-cancel";
    /// Takes the result shown into the picture.
    Accept = Result ACCEPT [NONE + Enter] "ui-accept";
    /// Removes the result shown.
    Discard = Result DELETE [NONE + Delete] "ui-discard";
    /// Brings back what was thrown away last.
    BringBack = Result BRING_BACK [] "ui-bring-back";
    /// Takes over what the result shown was made with.
    UseSettings = Result USE_SETTINGS [] "ui-reuse-settings";
    /// Takes the seed of the result shown into the clipboard.
    CopySeed = Result COPY_SEED [] "ui-copy-seed";
    /// Runs what gave the result shown again.
    Again = Result AGAIN [CTRL + R] "ui-again";
    /// The same with another seed.
    AgainOtherSeed = Result AGAIN_OTHER_SEED [CTRL_SHIFT + R] "ui-again-other-seed";
    /// Shows the next result.
    NextResult = Result COLLAPSED [NONE + Period] "ui-next-result";
    /// Shows the result before.
    PreviousResult = Result PREVIOUS [NONE + Comma] "ui-previous-result";
    /// Brings the prompt used before back.
    PreviousPrompt = Generate UP [CTRL + ArrowUp] "ui-previous-prompt";
    /// The way back.
    NextPrompt = Generate DOWN [CTRL + ArrowDown] "ui-next-prompt";
    /// Every result, or back to the picture.
    AllResults = Result ALL_RESULTS [CTRL + G] "ui-all-results";
    /// Two results, or back to the picture.
    CompareTwo = Result COMPARE_TWO [NONE + V] "ui-compare-two";
    /// The strengths compared last, or back to the picture.
    LastComparison = Result COMPARE [NONE + C] "ui-last-comparison";
    /// Larger.
    ZoomIn = View ZOOM_IN [CTRL + Plus, CTRL + Equals] "ui-zoom-in";
    /// Smaller.
    ZoomOut = View ZOOM_OUT [CTRL + Minus] "ui-zoom-out";
    /// All of the picture.
    Fit = View FIT [CTRL + Num0] "ui-fit";
    /// Pixel for pixel.
    ActualSize = View ACTUAL_SIZE [CTRL + Num1] "ui-actual-size";
    /// Before and after with a line between.
    Split = View SPLIT [NONE + S] "ui-split";
    /// Shows or hides the mask tint.
    ToggleMask = View EYE [CTRL + H] "ui-toggle-mask";
    /// Shows the mask as a tint or as a line.
    QuickMask = View QUICK_MASK [NONE + Q] "ui-quick-mask";
    /// Shows the mask in the next way.
    NextMaskView = View MASK_VIEW [SHIFT + Q] "ui-next-mask-view";
    /// Shows or hides crop box and feather band.
    ToggleArea = View WORK_AREA [NONE + A] "ui-toggle-area";
    /// Shows or hides the panels.
    TogglePanels = View PANELS [NONE + Tab] "ui-toggle-panels";
    /// Dark or light.
    ToggleTheme = View MOON [] "ui-toggle-theme";
    /// Everything larger but the picture.
    LargerInterface = View ZOOM_IN [CTRL_ALT + Plus, CTRL_ALT + Equals] "ui-larger-interface";
    /// Everything smaller but the picture.
    SmallerInterface = View ZOOM_OUT [CTRL_ALT + Minus] "ui-smaller-interface";
    /// As large as suits the screen.
    ResetInterface = View ACTUAL_SIZE [CTRL_ALT + Num0] "ui-reset-interface";
    /// Nothing moves by itself, or little does.
    ToggleMotion = View STOP [] "ui-toggle-motion";
    /// The other language.
    ToggleLanguage = Help LANGUAGE [] "ui-toggle-language";
    /// All keys.
    Shortcuts = Help KEYBOARD [NONE + F1] "ui-shortcuts";
    /// All commands.
    Palette = Help COMMAND [CTRL_SHIFT + P] "ui-palette";
    /// What the program has said.
    Messages = Help MESSAGES [] "ui-messages";
    /// The three steps of the first start.
    Guide = Help GUIDE [] "ui-guide";
}

impl Action {
    /// True for what goes on while its key is held down; anything else is done once for each press.
    pub(super) const fn repeats(self) -> bool {
        matches!(
            self,
            Self::SmallerBrush
                | Self::LargerBrush
                | Self::Undo
                | Self::Redo
                | Self::ZoomIn
                | Self::ZoomOut
                | Self::NextResult
                | Self::PreviousResult
                | Self::NextPrompt
                | Self::PreviousPrompt
                | Self::LargerInterface
                | Self::SmallerInterface
        )
    }

    /// True for keys that are letters or signs of their own, which mean themselves while one
    /// writes.
    pub fn is_plain_key(self) -> bool {
        self.shortcuts()
            .iter()
            .any(|s| !s.modifiers.command && s.logical_key != Key::F1)
    }
}

/// Things done by holding or dragging, which are no actions but belong on the shortcut sheet:
/// the key of the keys' text and the key of what they do.
pub(super) const GESTURES: &[(&str, &str)] = &[
    ("ui-gesture-alt", "ui-gesture-alt-does"),
    ("ui-gesture-alt-right", "ui-gesture-alt-right-does"),
    ("ui-gesture-select", "ui-gesture-select-does"),
    ("ui-gesture-bend", "ui-gesture-bend-does"),
    ("ui-gesture-polygon", "ui-gesture-polygon-does"),
    ("ui-gesture-wheel", "ui-gesture-wheel-does"),
    ("ui-gesture-space", "ui-gesture-space-does"),
    ("ui-gesture-before", "ui-gesture-before-does"),
    ("ui-gesture-number", "ui-gesture-number-does"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_does_two_things() {
        let mut seen = BTreeSet::new();
        for action in Action::ALL {
            for shortcut in action.shortcuts() {
                assert!(
                    seen.insert(format!("{shortcut:?}")),
                    "{action:?}: {shortcut:?} is taken"
                );
            }
        }
    }

    #[test]
    fn an_icon_means_one_thing() {
        // The same thing in two ways, or to two things.
        let lawful: [BTreeSet<Action>; 7] = [
            [Action::Save, Action::SaveAs].into(),
            [Action::CloseTab, Action::Cancel].into(),
            [Action::SmallerBrush, Action::LargerBrush].into(),
            [Action::CompareStrengths, Action::LastComparison].into(),
            [Action::ZoomIn, Action::LargerInterface].into(),
            [Action::ZoomOut, Action::SmallerInterface].into(),
            [Action::ActualSize, Action::ResetInterface].into(),
        ];
        for action in Action::ALL {
            let same = |other: &&Action| other.icon() == action.icon();
            let same: BTreeSet<Action> = Action::ALL.iter().filter(same).copied().collect();
            assert!(same.len() == 1 || lawful.contains(&same), "{same:?}");
        }
        // Showing what the model sees cuts nothing off.
        let area = Action::ToggleArea.icon();
        let known = icons::NAMES.iter().find(|(icon, _)| *icon == area);
        assert!(known.is_some_and(|(_, name)| !name.contains("crop")));
    }

    #[test]
    fn every_group_has_an_action() {
        for group in Group::ALL {
            assert!(
                Action::ALL.iter().any(|action| action.group() == group),
                "{group:?}"
            );
        }
    }
}
