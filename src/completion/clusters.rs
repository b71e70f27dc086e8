//! Holes that lie far apart are filled one after the other, each with its own surroundings.

use crate::geometry::{Extent, Rect};

/// Side of the squares by which holes are told apart.
const CELL_PX: u32 = 32;

/// Boxes of those parts of the hole that lie more than about a square apart. `rect` says where
/// `inside`, row-major, lies.
pub(super) fn clusters(rect: Rect, inside: &[bool]) -> Vec<Rect> {
    let cells = Extent::new(rect.width.div_ceil(CELL_PX), rect.height.div_ceil(CELL_PX));
    let mut boxes = vec![Rect::default(); cells.len()];
    for (y, row) in inside.chunks_exact(rect.width.max(1) as usize).enumerate() {
        for (column, part) in row.chunks(CELL_PX as usize).enumerate() {
            let (Some(first), Some(last)) =
                (part.iter().position(|i| *i), part.iter().rposition(|i| *i))
            else {
                continue;
            };
            let left = column as i32 * CELL_PX as i32;
            let run = Rect::from_borders(
                rect.x + left + first as i32,
                rect.y + y as i32,
                rect.x + left + last as i32 + 1,
                rect.y + y as i32 + 1,
            );
            let cell = y / CELL_PX as usize * cells.width as usize + column;
            if let Some(bounds) = boxes.get_mut(cell) {
                *bounds = bounds.union(run);
            }
        }
    }
    let mut found = Vec::new();
    for start in 0..boxes.len() {
        let mut open = vec![start];
        let mut bounds = Rect::default();
        while let Some(cell) = open.pop() {
            let Some(taken) = boxes.get_mut(cell).map(std::mem::take) else {
                continue;
            };
            if taken.is_empty() {
                continue;
            }
            bounds = bounds.union(taken);
            let (x, y) = (cell as u32 % cells.width, cell as u32 / cells.width);
            for y in y.saturating_sub(1)..(y + 2).min(cells.height) {
                for x in x.saturating_sub(1)..(x + 2).min(cells.width) {
                    open.push((y * cells.width + x) as usize);
                }
            }
        }
        if !bounds.is_empty() {
            found.push(bounds);
        }
    }
    merged(found)
}

/// Boxes that meet become one.
fn merged(mut boxes: Vec<Rect>) -> Vec<Rect> {
    loop {
        let meeting = boxes.iter().enumerate().find_map(|(i, one)| {
            let others = boxes.iter().enumerate().skip(i + 1);
            let mut meeting = others.filter(|(_, other)| !one.intersect(**other).is_empty());
            meeting.next().map(|(j, other)| (i, j, one.union(*other)))
        });
        let Some((i, j, union)) = meeting else {
            return boxes;
        };
        boxes.swap_remove(j);
        if let Some(one) = boxes.get_mut(i) {
            *one = union;
        }
    }
}
