//! [`Doubt`]: how much a selected mask wants a look.

use serde::{Deserialize, Serialize};

use crate::raster::Mask;

/// What is suspicious about a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Less than 1 % of the picture is selected.
    Small,
    /// More than 90 % of it is.
    Large,
    /// It touches three borders or all.
    Borders,
    /// More than one of its pieces has above 10 % of it.
    Pieces,
}

impl Flag {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Small, Self::Large, Self::Borders, Self::Pieces];

    /// Its name in tables.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::Borders => "borders",
            Self::Pieces => "pieces",
        }
    }
}

/// How much a mask wants a look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Doubt {
    /// Area that is neither selected nor not (10 to 90 %) over the area that is rather selected than
    /// not; 0 where nothing is.
    pub score: f64,
    /// Share of the picture that is rather selected than not.
    pub share: f64,
    /// What is suspicious.
    pub flags: Vec<Flag>,
}

/// From here on a pixel is rather selected than not.
const SELECTED: u8 = 128;
/// Longer side of the grid on which pieces are told apart.
const GRID: u32 = 256;

impl Doubt {
    /// Of the mask of what was looked for.
    pub fn of(mask: &Mask) -> Self {
        let extent = mask.extent();
        let (mut selected, mut between) = (0u64, 0u64);
        let mut borders = [false; 4];
        let step = extent.width.max(extent.height).div_ceil(GRID).max(1);
        let columns = extent.width.div_ceil(step) as usize;
        let mut grid = Vec::new();
        let mut row = Vec::with_capacity(extent.width as usize);
        for y in 0..extent.height {
            row.clear();
            mask.visit_row(y, 0..extent.width, |_, values| {
                row.extend_from_slice(values);
            });
            let is_in = |value: &u8| *value >= SELECTED;
            selected += row.iter().filter(|value| is_in(value)).count() as u64;
            // 10 and 90 % of 255.
            between += row
                .iter()
                .filter(|value| (26..=229).contains(*value))
                .count() as u64;
            let any = row.iter().any(is_in);
            borders = [
                borders[0] || y == 0 && any,
                borders[1] || y + 1 == extent.height && any,
                borders[2] || row.first().is_some_and(is_in),
                borders[3] || row.last().is_some_and(is_in),
            ];
            if y % step == 0 {
                grid.extend(row.iter().step_by(step as usize).map(is_in));
            }
        }
        let share = selected as f64 / (extent.area() as f64).max(1.0);
        let touched = borders.into_iter().filter(|is_touched| *is_touched).count();
        let flags = [
            (Flag::Small, share < 0.01),
            (Flag::Large, share > 0.9),
            (Flag::Borders, touched >= 3),
            (Flag::Pieces, large_pieces(grid, columns) > 1),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(flag, is_so)| is_so.then_some(flag));
        Self {
            score: if selected == 0 {
                0.0
            } else {
                between as f64 / selected as f64
            },
            share,
            flags: flags.collect(),
        }
    }

    /// The flags of those names.
    pub fn flags_of(ids: &str) -> Vec<Flag> {
        let of_id = |id: &str| Flag::ALL.into_iter().find(|flag| flag.id() == id);
        ids.split_whitespace().filter_map(of_id).collect()
    }

    /// The names of its flags.
    pub fn flag_ids(&self) -> String {
        let ids: Vec<&str> = self.flags.iter().map(|flag| flag.id()).collect();
        ids.join(" ")
    }
}

/// How many connected pieces (by their sides) hold more than a tenth of all.
fn large_pieces(mut grid: Vec<bool>, columns: usize) -> usize {
    let all = grid.iter().filter(|cell| **cell).count();
    let mut large = 0;
    let mut open = Vec::new();
    for start in 0..grid.len() {
        let mut size = 0;
        open.push(start);
        while let Some(at) = open.pop() {
            match grid.get_mut(at) {
                Some(cell) if *cell => *cell = false,
                _ => continue,
            }
            size += 1;
            open.extend([at.wrapping_sub(columns), at + columns]);
            if at % columns > 0 {
                open.push(at - 1);
            }
            if (at + 1) % columns > 0 {
                open.push(at + 1);
            }
        }
        large += usize::from(size * 10 > all);
    }
    large
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Extent, Rect};
    use crate::raster::Tiled;

    fn doubt(rects: &[(Rect, u8)]) -> Doubt {
        let mut mask = Tiled::filled(Extent::new(1000, 600), 0);
        for (rect, value) in rects {
            mask.update(*rect, |_, _| *value);
        }
        Doubt::of(&mask)
    }

    #[test]
    fn doubt_is_the_soft_area_over_the_selected_one() {
        let doubt = doubt(&[
            (Rect::new(100, 100, 400, 300), 255),
            (Rect::new(100, 400, 400, 30), 100),
        ]);
        assert!((doubt.score - 0.1).abs() < 1e-9, "{doubt:?}");
        assert!((doubt.share - 0.2).abs() < 1e-9);
        assert_eq!(doubt.flags, []);
    }

    #[test]
    fn what_is_suspicious_is_flagged() {
        assert_eq!(
            doubt(&[(Rect::new(5, 5, 50, 50), 255)]).flags,
            [Flag::Small]
        );
        assert_eq!(
            doubt(&[(Rect::new(0, 0, 1000, 560), 255)]).flags,
            [Flag::Large, Flag::Borders]
        );
        let two = [
            (Rect::new(100, 100, 200, 200), 255),
            (Rect::new(600, 100, 100, 100), 255),
        ];
        assert_eq!(doubt(&two).flags, [Flag::Pieces]);
        let crumb = [two[0], (Rect::new(600, 100, 40, 40), 255)];
        assert_eq!(doubt(&crumb).flags, []);
        let empty = doubt(&[]);
        assert_eq!((empty.score, empty.flags), (0.0, vec![Flag::Small]));
    }
}
