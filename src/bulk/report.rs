//! The report of a batch: a row for each result, and for each picture that has none.

use serde::Serialize;

/// What became of a picture or a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Made now.
    Done,
    /// Made before; left as it is.
    Kept,
    /// Not run: its mask wants a look.
    Look,
    /// Not run: its reviewer said so.
    Skipped,
    /// It failed.
    Failed,
    /// Not come to: the batch was stopped, or asked for masks only.
    Open,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportRow {
    /// The picture.
    pub picture: String,
    /// What became of it.
    pub state: Option<State>,
    /// The result's file; empty where there is none.
    pub output: String,
    /// What should be there.
    pub prompt: String,
    /// Denoising strength.
    pub strength: Option<f64>,
    /// Seed of the noise.
    pub seed: Option<u64>,
    /// Share of the picture that is selected.
    pub share: Option<f64>,
    /// How much the mask wants a look.
    pub doubt: Option<f64>,
    /// What is suspicious about it.
    pub flags: String,
    /// What it took.
    pub seconds: Option<f64>,
    /// What computed it, such as `cpu avx512` or `ComfyUI studio`.
    pub engine: String,
    /// Why there is no result, or what is worth knowing.
    pub message: String,
}

impl ReportRow {
    /// A row that says only what became of a picture.
    pub fn of(picture: String, state: State, message: String) -> Self {
        Self {
            picture,
            state: Some(state),
            output: String::new(),
            prompt: String::new(),
            strength: None,
            seed: None,
            share: None,
            doubt: None,
            flags: String::new(),
            seconds: None,
            engine: String::new(),
            message,
        }
    }
}

/// The rows as a table (CSV, UTF-8, columns named in the first line).
pub fn report_csv(rows: &[ReportRow]) -> Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}
