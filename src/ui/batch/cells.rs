//! Cells of the grids: small pictures with a line or two below. Only the lines of a grid that are seen are
//! laid out, and only what is seen is asked for and kept on the graphics card.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, ColorImage, CornerRadius, FontId, Id, Mesh, Rect, Response, Role, Sense,
    Stroke, StrokeKind, TextureHandle, TextureId, TextureOptions, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::card::cards;
use super::words::Standing;
use crate::editor::{Look, LookId, LookOf, OpenBatch};
use crate::raster::sheet::SheetTile;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::state::BatchTextures;
use crate::ui::theme::{self, Tokens, size, space, text_size};
use crate::ui::widgets;

/// Texels that are sent to the graphics card in one frame; one picture is sent at least.
const MOST_SENT: u64 = 110_000;
/// Frames for which a picture that is not drawn stays there.
const KEPT_FRAMES: u64 = 120;
/// Height of the words of a cell, in points.
const WORDS: f32 = 44.0;
/// Between the border of a cell and what is in it, in points.
const PAD: f32 = space::S - 2.0;
/// Lines of a grid below the last one seen that are read ahead.
const LINES_AHEAD: usize = 2;

/// To be called once a frame, before anything is drawn.
pub(super) fn begin_frame(textures: &mut BatchTextures) {
    textures.frame += 1;
    textures.sent = (0, 0);
    let frame = textures.frame;
    textures
        .known
        .retain(|_, (.., drawn)| frame - *drawn < KEPT_FRAMES);
}

/// The texture of a look; `None` where it is not there yet.
fn texture(
    ui: &Ui,
    textures: &mut BatchTextures,
    id: LookId,
    tile: &Arc<SheetTile>,
) -> Option<TextureHandle> {
    let frame = textures.frame;
    if let Some((old, texture, drawn)) = textures.known.get_mut(&id)
        && Arc::ptr_eq(old, tile)
    {
        *drawn = frame;
        return Some(texture.clone());
    }
    let texels = tile.pixels.len() as u64;
    let (count, sent) = &mut textures.sent;
    if *count > 0 && *sent + texels > MOST_SENT {
        // The next frame sends more, so that none takes long.
        ui.ctx().request_repaint();
        return None;
    }
    *count += 1;
    *sent += texels;
    let size = [tile.extent.width as usize, tile.extent.height as usize];
    let image = ColorImage::from_rgba_unmultiplied(size, tile.pixels.as_flattened());
    let texture = ui
        .ctx()
        .load_texture("batch", image, TextureOptions::LINEAR);
    textures
        .known
        .insert(id, (Arc::clone(tile), texture.clone(), frame));
    Some(texture)
}

/// Sends what is not seen yet, as far as there is room for it in this frame: it is there when it comes into sight.
fn send_ahead(ui: &Ui, textures: &mut BatchTextures, batch: &OpenBatch, ahead: &[LookId]) {
    for id in ahead {
        if let Look::Tile(tile) = batch.look(*id)
            && texture(ui, textures, *id, tile).is_none()
        {
            return;
        }
    }
}

/// The squares that show through what is cut out, as one small texture that is repeated.
fn checker(ui: &Ui, textures: &mut BatchTextures) -> TextureId {
    let is_dark = ui.visuals().dark_mode;
    if let Some((of_dark, texture)) = &textures.checker
        && *of_dark == is_dark
    {
        return texture.id();
    }
    let [a, b] = theme::tokens(ui).checker;
    let image = ColorImage::new([2, 2], vec![a, b, b, a]);
    let texture = ui
        .ctx()
        .load_texture("batch checker", image, TextureOptions::NEAREST_REPEAT);
    let id = texture.id();
    textures.checker = Some((is_dark, texture));
    id
}

/// What is seen in the place of a look.
enum Shown {
    /// A sign stands for one that is not there.
    Sign(icons::Icon, Color32),
    /// It waits for its turn to be sent to the graphics card.
    Nothing,
    Picture {
        texture: TextureHandle,
        /// In the middle of its place.
        inside: Rect,
        is_cut_out: bool,
    },
}

impl Shown {
    fn of(
        ui: &Ui,
        textures: &mut BatchTextures,
        batch: &OpenBatch,
        (id, place): (LookId, Rect),
    ) -> Self {
        let t = theme::tokens(ui);
        let mut shown = id;
        // While the large one is read the small one stands for it.
        if id.is_large && matches!(batch.look(id), Look::Unread) {
            shown.is_large = false;
        }
        let tile = match batch.look(shown) {
            Look::Tile(tile) => tile,
            Look::Unread => return Self::Sign(icons::PICTURE, t.line),
            Look::None => return Self::Sign(icons::PUT_NOTHING, t.disabled),
        };
        let Some(texture) = texture(ui, textures, shown, tile) else {
            return Self::Nothing;
        };
        let extent = vec2(tile.extent.width as f32, tile.extent.height as f32);
        let scale = (place.size() / extent).min_elem();
        // Small pictures are not blown up out of shape.
        let scale = scale.min(if id.is_large { 4.0 } else { 2.0 });
        Self::Picture {
            texture,
            inside: Rect::from_center_size(place.center(), extent * scale),
            is_cut_out: id.of == LookOf::Cutout,
        }
    }

    /// The squares that show through, where it is cut out.
    fn squares_ui(&self, ui: &Ui, textures: &mut BatchTextures) {
        let Self::Picture {
            inside,
            is_cut_out: true,
            ..
        } = self
        else {
            return;
        };
        let mut mesh = Mesh::with_texture(checker(ui, textures));
        let uv = Rect::from_min_size(pos2(0.0, 0.0), inside.size() / (2.0 * size::CHECKER));
        mesh.add_rect_with_uv(*inside, uv, Color32::WHITE);
        ui.painter().add(mesh);
    }

    /// Where the picture lies.
    fn picture_ui(&self, ui: &Ui, dimmed: bool) -> Option<Rect> {
        let Self::Picture {
            texture, inside, ..
        } = self
        else {
            return None;
        };
        let tint = if dimmed {
            theme::faded(Color32::WHITE, 0.3)
        } else {
            Color32::WHITE
        };
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), *inside, uv, tint);
        Some(*inside)
    }

    fn sign_ui(&self, ui: &Ui, place: Rect) {
        if let Self::Sign(sign, ink) = self {
            let font = FontId::new(text_size::ICON + 4.0, theme::icon_family());
            let middle = Align2::CENTER_CENTER;
            ui.painter()
                .text(place.center(), middle, sign.0, font, *ink);
        }
    }
}

/// Draws a look in the middle of its place; where it lies. A sign stands for one that is not there.
pub(super) fn look_ui(
    ui: &Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    (id, place): (LookId, Rect),
    dimmed: bool,
) -> Option<Rect> {
    let textures = &mut desk.state.batch.textures;
    let shown = Shown::of(ui, textures, batch, (id, place));
    shown.squares_ui(ui, textures);
    shown.sign_ui(ui, place);
    shown.picture_ui(ui, dimmed)
}

/// What a cell shows.
pub(super) struct Cell<'a> {
    /// The picture's place in the batch.
    pub(super) picture: usize,
    /// What of it is seen, side by side.
    pub(super) of: &'a [LookOf],
    /// What it is called.
    pub(super) name: String,
    /// How it stands.
    pub(super) standing: Standing,
    /// It is left out.
    pub(super) dimmed: bool,
    /// It is the one that buttons and keys mean.
    pub(super) selected: bool,
}

/// A cell in its place.
struct Placed<'a> {
    cell: Cell<'a>,
    rect: Rect,
    response: Response,
}

impl<'a> Placed<'a> {
    fn new(ui: &mut Ui, cell: Cell<'a>, whole: Vec2) -> Self {
        let (rect, response) = ui.allocate_exact_size(whole, Sense::click());
        let said = || format!("{}, {}", cell.name, cell.standing.text);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, cell.selected, said()));
        Self {
            cell,
            rect,
            response,
        }
    }

    /// True where it is one as most are.
    fn is_plain(&self) -> bool {
        let response = &self.response;
        !(self.cell.selected || response.hovered() || response.has_focus())
    }

    fn ground_ui(&self, ui: &Ui, t: &Tokens) {
        let corners = CornerRadius::same(theme::RADIUS_CARD);
        let (selected, response) = (self.cell.selected, &self.response);
        let fill = match (selected, response.hovered()) {
            (true, _) => t.selected,
            (false, true) => t.hover,
            (false, false) => t.raised,
        };
        let outline = match (selected, response.has_focus()) {
            (true, _) => Stroke::new(2.0, t.accent),
            (false, true) => Stroke::new(2.0, t.text),
            (false, false) => Stroke::new(1.0, t.line),
        };
        ui.painter()
            .rect(self.rect, corners, fill, outline, StrokeKind::Inside);
    }

    /// What of the picture is seen, and where.
    fn places(&self) -> impl Iterator<Item = (LookId, Rect)> {
        let pictures = Rect::from_min_max(
            self.rect.min,
            pos2(self.rect.max.x, self.rect.max.y - WORDS),
        )
        .shrink(PAD);
        let count = self.cell.of.len() as f32;
        let width = (pictures.width() - (count - 1.0) * space::XS) / count;
        let size = vec2(width, pictures.height());
        let at = self.cell.picture;
        self.cell.of.iter().enumerate().map(move |(place, of)| {
            let left = pictures.left() + place as f32 * (width + space::XS);
            let id = LookId {
                at,
                of: *of,
                is_large: false,
            };
            (id, Rect::from_min_size(pos2(left, pictures.top()), size))
        })
    }
}

/// Draws cells, all of one kind after another: what is alike goes to the graphics card together, and each change
/// costs more than what is drawn.
fn cells_ui(ui: &Ui, desk: &mut Desk<'_>, batch: &OpenBatch, cells: &[Placed<'_>]) {
    let t = theme::tokens(ui);
    let textures = &mut desk.state.batch.textures;
    let (plain, other): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| cell.is_plain());
    let places = plain.into_iter().map(|cell| cell.rect);
    ui.painter().add(cards(ui, textures, t, places));
    for cell in other {
        cell.ground_ui(ui, t);
    }
    let shown: Vec<(Shown, Rect, bool)> = cells
        .iter()
        .flat_map(|cell| cell.places().map(move |place| (place, cell.cell.dimmed)))
        .map(|(place, dimmed)| (Shown::of(ui, textures, batch, place), place.1, dimmed))
        .collect();
    for (shown, ..) in &shown {
        shown.squares_ui(ui, textures);
    }
    for (shown, _, dimmed) in &shown {
        shown.picture_ui(ui, *dimmed);
    }
    for (shown, place, _) in &shown {
        shown.sign_ui(ui, *place);
    }
    for cell in cells {
        words_ui(ui, &cell.cell, cell.rect, t);
    }
}

fn words_ui(ui: &Ui, cell: &Cell<'_>, rect: Rect, t: &Tokens) {
    let painter = ui.painter();
    let room = rect.width() - 2.0 * (PAD + 2.0);
    let font = FontId::proportional(text_size::SMALL + 0.5);
    let name = widgets::one_line(painter, &cell.name, font, t.text, room);
    let mut at = pos2(rect.left() + PAD + 2.0, rect.bottom() - WORDS + 2.0);
    painter.galley(at, name, t.text);
    at.y += 18.0;
    let mut room = room;
    if let Some(icon) = cell.standing.icon {
        let font = FontId::new(text_size::SMALL, theme::icon_family());
        let drawn = painter.text(
            at + vec2(0.0, 1.0),
            Align2::LEFT_TOP,
            icon.0,
            font,
            cell.standing.ink,
        );
        at.x += drawn.width() + space::XS;
        room -= drawn.width() + space::XS;
    }
    let font = FontId::proportional(text_size::SMALL);
    let words = widgets::one_line(painter, &cell.standing.text, font, cell.standing.ink, room);
    painter.galley(at, words, cell.standing.ink);
}

/// How a grid is laid out.
pub(super) struct Grid<'a> {
    /// Tells it from other grids.
    pub(super) name: &'static str,
    /// The pictures, by their places in the batch.
    pub(super) items: &'a [usize],
    /// What of each is seen.
    pub(super) of: &'a [LookOf],
    /// Least width of a cell, and the height of its pictures, in points.
    pub(super) cell: Vec2,
}

/// What was done in a grid.
#[derive(Debug, Default)]
pub(super) struct InGrid {
    /// The picture that was pressed twice.
    pub(super) opened: Option<usize>,
    /// What is seen, and a little more.
    pub(super) wanted: Vec<LookId>,
}

/// Draws the lines of a grid that are seen. `cell` says of a picture how it stands.
pub(super) fn grid_ui<'a>(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    grid: &Grid<'a>,
    cell: impl Fn(&Desk<'_>, usize) -> Option<Cell<'a>>,
) -> InGrid {
    let gap = space::M;
    let width = ui.available_width() - space::M;
    let columns = ((width + gap) / (grid.cell.x + gap)).floor().max(1.0) as usize;
    let cell_width = ((width + gap) / columns as f32 - gap).floor();
    let whole = vec2(cell_width, grid.cell.y + WORDS);
    let lines = grid.items.len().div_ceil(columns);
    desk.state.batch.columns = columns;
    let mut done = InGrid::default();
    ui.spacing_mut().item_spacing = Vec2::splat(gap);
    let mut area = egui::ScrollArea::vertical()
        .id_salt(grid.name)
        .auto_shrink(false);
    if std::mem::take(&mut desk.state.batch.scroll_to) {
        area = scrolled_to(ui, desk, area, grid, (columns, whole.y + gap));
    }
    let out = area.show_rows(ui, whole.y, lines, |ui, seen: Range<usize>| {
        let (mut cells, mut in_sight) = (Vec::new(), 0);
        let last = (seen.end + LINES_AHEAD).min(lines);
        for line in seen.start..last {
            let from = line * columns;
            let items = grid.items.get(from..(from + columns).min(grid.items.len()));
            let items = items.unwrap_or_default();
            let looks = items.iter().flat_map(|at| {
                grid.of.iter().map(|of| LookId {
                    at: *at,
                    of: *of,
                    is_large: false,
                })
            });
            done.wanted.extend(looks);
            if line >= seen.end {
                continue;
            }
            in_sight = done.wanted.len();
            ui.horizontal(|ui| {
                for at in items {
                    let Some(cell) = cell(desk, *at) else {
                        continue;
                    };
                    let placed = ui.push_id(at, |ui| Placed::new(ui, cell, whole)).inner;
                    if placed.response.clicked() {
                        desk.state.batch.selected = Some(*at);
                    }
                    if placed.response.double_clicked() {
                        done.opened = Some(*at);
                    }
                    cells.push(placed);
                }
            });
        }
        cells_ui(ui, desk, batch, &cells);
        let ahead = done.wanted.get(in_sight..).unwrap_or_default();
        send_ahead(ui, &mut desk.state.batch.textures, batch, ahead);
    });
    ui.data_mut(|data| {
        data.insert_temp(
            offset_id(grid.name),
            (out.state.clamped_offset().y, out.inner_rect.height()),
        )
    });
    done
}

fn offset_id(name: &'static str) -> Id {
    Id::unique(("batch grid", name))
}

/// The area so scrolled that the selected picture is seen.
fn scrolled_to(
    ui: &Ui,
    desk: &Desk<'_>,
    area: egui::ScrollArea,
    grid: &Grid<'_>,
    (columns, height): (usize, f32),
) -> egui::ScrollArea {
    let selected = desk.state.batch.selected;
    let place = grid.items.iter().position(|at| Some(*at) == selected);
    let known: Option<(f32, f32)> = ui.data(|data| data.get_temp(offset_id(grid.name)));
    let (Some(place), Some((offset, room))) = (place, known) else {
        return area;
    };
    let top = (place / columns) as f32 * height;
    let least = top + height - room;
    area.vertical_scroll_offset(offset.clamp(least.min(top), top))
}
