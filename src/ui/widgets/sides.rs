//! What stands at the right of a line, drawn from left to right all the same: in the order in which
//! things are drawn, Tab goes through them.

use eframe::egui::{Layout, Rect, Ui, UiBuilder, pos2};

/// Draws `left` in what `right` leaves of the line, and `right` at its end. How wide that is it learns in
/// the first frame, which is drawn twice. Both are given `context`.
pub(crate) fn sides<C: ?Sized, R>(
    ui: &mut Ui,
    context: &mut C,
    left: impl FnOnce(&mut Ui, &mut C),
    right: impl FnOnce(&mut Ui, &mut C) -> R,
) -> R {
    let rest = ui.available_rect_before_wrap();
    let id = ui.next_auto_id().with("right side");
    let known: Option<f32> = ui.data(|data| data.get_temp(id));
    let width = known.unwrap_or_default().min(rest.width());
    let edge = rest.right() - width;
    let gap = ui.spacing().item_spacing.x;
    let align = ui.layout().vertical_align();
    let within = |rect: Rect| {
        let builder = UiBuilder::new().max_rect(rect);
        builder.layout(Layout::left_to_right(align))
    };
    let left_room = rest.with_max_x((edge - gap).max(rest.left()));
    ui.scope_builder(within(left_room), |ui| left(ui, context));
    let right_room = Rect::from_min_max(pos2(edge, rest.top()), rest.max);
    let drawn = ui.scope_builder(within(right_room), |ui| right(ui, context));
    let now = drawn.response.rect.width();
    if known.is_none_or(|known| (known - now).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(id, now));
        ui.ctx()
            .request_discard("a side of a line has another width");
    }
    drawn.inner
}

/// The same with nothing at the left.
pub(crate) fn at_right<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    sides(ui, &mut (), |_, ()| {}, |ui, ()| contents(ui))
}
