//! The icons, as characters of the bundled Lucide font (ISC licence, see `assets/fonts`).
//!
//! `assets/fonts/make_fonts.py` reads this file: it keeps the glyphs named here and writes them
//! into `icons.ttf` at the code points given here.

/// One icon: a character of the icon font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icon(pub char);

macro_rules! icons {
    ($($name:ident = $glyph:literal $lucide:literal;)+) => {
        $(#[doc = concat!("Lucide “", $lucide, "”.")] pub(super) const $name: Icon = Icon($glyph);)+

        /// Every icon.
        #[cfg(test)]
        pub(super) const ALL: &[Icon] = &[$($name),+];

        /// What Lucide calls them.
        #[cfg(test)]
        pub(super) const NAMES: &[(Icon, &str)] = &[$(($name, $lucide)),+];
    };
}

icons! {
    BRUSH = '\u{e000}' "brush";
    ERASER = '\u{e001}' "eraser";
    ERASE = '\u{e06a}' "bandage";
    ERASE_PAINTED = '\u{e06b}' "image-minus";
    RECTANGLE = '\u{e002}' "square-dashed";
    LASSO = '\u{e003}' "lasso";
    ELLIPSE = '\u{e0a0}' "circle-dashed";
    POLYGON = '\u{e0a1}' "pentagon";
    WAND = '\u{e0a6}' "wand";
    SMART_BRUSH = '\u{e0a7}' "highlighter";
    REFINE = '\u{e0a8}' "sliders-horizontal";
    QUICK_MASK = '\u{e0a9}' "circle-dot-dashed";
    MASK_VIEW = '\u{e0aa}' "eclipse";
    SCRIBBLE_INSIDE = '\u{e0ab}' "circle-plus";
    SCRIBBLE_OUTSIDE = '\u{e0ac}' "circle-minus";
    COMBINE_REPLACE = '\u{e0a2}' "square";
    COMBINE_ADD = '\u{e0a3}' "squares-unite";
    COMBINE_SUBTRACT = '\u{e0a4}' "squares-subtract";
    COMBINE_INTERSECT = '\u{e0a5}' "squares-intersect";
    HAND = '\u{e004}' "hand";
    UNDO = '\u{e005}' "undo-2";
    REDO = '\u{e006}' "redo-2";
    INVERT = '\u{e007}' "contrast";
    CLEAR = '\u{e008}' "square-x";
    SWAP = '\u{e009}' "arrow-left-right";
    SIZE = '\u{e00a}' "circle-dot";
    HARDNESS = '\u{e00b}' "droplet";
    OPACITY = '\u{e00c}' "blend";
    ZOOM_IN = '\u{e00d}' "zoom-in";
    ZOOM_OUT = '\u{e00e}' "zoom-out";
    FIT = '\u{e00f}' "maximize";
    ACTUAL_SIZE = '\u{e010}' "scan";
    SPLIT = '\u{e011}' "square-split-horizontal";
    COMPARE = '\u{e012}' "layout-grid";
    LANGUAGE = '\u{e013}' "languages";
    SUN = '\u{e014}' "sun";
    MOON = '\u{e015}' "moon";
    OPEN = '\u{e017}' "folder-open";
    SAVE = '\u{e018}' "save";
    SAVE_ALL = '\u{e050}' "save-all";
    EXPORT = '\u{e019}' "download";
    PLUS = '\u{e01a}' "plus";
    CLOSE = '\u{e01b}' "x";
    EYE = '\u{e01c}' "eye";
    EYE_OFF = '\u{e01d}' "eye-off";
    DELETE = '\u{e01e}' "trash-2";
    UP = '\u{e01f}' "arrow-up";
    DOWN = '\u{e020}' "arrow-down";
    EXPANDED = '\u{e022}' "chevron-down";
    COLLAPSED = '\u{e023}' "chevron-right";
    RANDOM = '\u{e024}' "dices";
    LOCK = '\u{e025}' "lock";
    REUSE = '\u{e026}' "rotate-ccw";
    GENERATE = '\u{e027}' "sparkles";
    ACCEPT = '\u{e028}' "check";
    PASTE = '\u{e029}' "clipboard-paste";
    WARNING = '\u{e02b}' "triangle-alert";
    FAILED = '\u{e02c}' "circle-x";
    GOOD = '\u{e02d}' "circle-check";
    MENU = '\u{e02f}' "menu";
    KEYBOARD = '\u{e030}' "keyboard";
    COMMAND = '\u{e031}' "square-terminal";
    PANELS = '\u{e032}' "panel-right";
    PICTURE = '\u{e033}' "image";
    WORK_AREA = '\u{e041}' "scan-eye";
    GUIDE = '\u{e036}' "graduation-cap";
    MASK_LOAD = '\u{e038}' "image-down";
    MASK_SAVE = '\u{e039}' "image-up";
    LATER = '\u{e03a}' "list-plus";
    STOP = '\u{e03b}' "circle-stop";
    BETWEEN = '\u{e03c}' "between-horizontal-start";
    BACK = '\u{e03d}' "arrow-left";
    PREVIOUS = '\u{e042}' "chevron-left";
    MESSAGES = '\u{e043}' "bell";
    RECOVER = '\u{e044}' "archive-restore";
    COPY = '\u{e040}' "copy";
    SELECT_SUBJECT = '\u{e060}' "person-standing";
    SELECT_BACKGROUND = '\u{e061}' "mountain";
    SELECT_FACE = '\u{e062}' "smile";
    SELECT_HAIR = '\u{e063}' "scissors";
    SELECT_CLOTHES = '\u{e064}' "shirt";
    TASK_BACKGROUND = '\u{e065}' "trees";
    TASK_HAIR = '\u{e066}' "wind";
    TASK_CLOTHES = '\u{e067}' "shopping-bag";
    TASK_STYLE = '\u{e068}' "palette";
    TASK_REMOVE = '\u{e069}' "ghost";
    PUT_COLOUR = '\u{e080}' "paint-bucket";
    PUT_GRADIENT = '\u{e081}' "rainbow";
    PUT_BLUR = '\u{e082}' "aperture";
    PUT_PICTURE = '\u{e083}' "images";
    PUT_NOTHING = '\u{e084}' "image-off";
    HARMONISE = '\u{e085}' "waves";
    MASK_KIND = '\u{e086}' "layers-2";
    ALL_RESULTS = '\u{e0c0}' "gallery-thumbnails";
    COMPARE_TWO = '\u{e0c1}' "columns-2";
    USE_SETTINGS = '\u{e0c2}' "settings-2";
    AGAIN = '\u{e0c3}' "repeat";
    AGAIN_OTHER_SEED = '\u{e0c4}' "shuffle";
    COPY_SEED = '\u{e0c5}' "hash";
    BRING_BACK = '\u{e0c6}' "undo-dot";
    RENAME = '\u{e0c7}' "pencil";
    DUPLICATE = '\u{e0c8}' "copy-plus";
    REDO_LAYER = '\u{e0c9}' "refresh-cw";
    MORE = '\u{e0ca}' "ellipsis";
    CLICK_SELECT = '\u{e0d1}' "mouse-pointer-click";
    GET_MODEL = '\u{e0d0}' "cloud-download";
    SERVERS = '\u{e0d2}' "server";
    RECIPE = '\u{e090}' "scroll-text";
    BATCH = '\u{e0e0}' "folders";
    PAUSE = '\u{e0e1}' "pause";
    PLAY = '\u{e0e2}' "play";
    QUIT = '\u{e03f}' "log-out";
}
