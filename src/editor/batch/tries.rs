//! [`Tries`]: a few pictures at several strengths, side by side.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::picture::BatchPicture;
use crate::bulk::{ReportRow, State};
use crate::plan::Strength;

/// One try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TryTile {
    /// Of which picture.
    pub picture: String,
    /// At which strength.
    pub strength: Option<f64>,
    /// What should be there.
    pub prompt: String,
    /// Its file below the folder of the tries, or why there is none.
    pub result: Result<String, String>,
}

/// A few pictures at several strengths.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tries {
    /// Their names.
    pub pictures: Vec<String>,
    /// The strengths, from low to high.
    pub strengths: Vec<Strength>,
    /// What has come, picture by picture.
    pub tiles: Vec<TryTile>,
}

impl Tries {
    /// Pictures that are tried.
    pub const MOST: usize = 3;

    pub(super) fn take(&mut self, rows: Vec<ReportRow>) {
        let tiles = rows.into_iter().map(|row| TryTile {
            result: match row.state {
                Some(State::Done | State::Kept) => Ok(row.output),
                _ => Err(row.message),
            },
            picture: row.picture,
            strength: row.strength,
            prompt: row.prompt,
        });
        self.tiles.extend(tiles);
        let place = |name: &str| self.pictures.iter().position(|picture| picture == name);
        let mut tiles = std::mem::take(&mut self.tiles);
        tiles.sort_by(|a, b| {
            let strength = |tile: &TryTile| tile.strength.unwrap_or_default();
            (place(&a.picture), &a.prompt)
                .cmp(&(place(&b.picture), &b.prompt))
                .then(strength(a).total_cmp(&strength(b)))
        });
        self.tiles = tiles;
    }
}

/// A few pictures that stand for all: from the beginning, the middle and the end of those that are run.
pub(super) fn few_of(pictures: &[Arc<BatchPicture>]) -> Vec<usize> {
    let is_run = |picture: &Arc<BatchPicture>| picture.may_run() && !picture.wants_a_look();
    let run: Vec<usize> = (0..pictures.len())
        .filter(|at| pictures.get(*at).is_some_and(is_run))
        .collect();
    let places = [0, run.len() / 2, run.len().saturating_sub(1)];
    let mut few: Vec<usize> = places
        .into_iter()
        .filter_map(|at| run.get(at).copied())
        .collect();
    few.dedup();
    few
}
