//! The run that benches of the engine measure: that of `overpaint bench`.

use std::error::Error;

use overpaint::catalog::{self, ModelRef};
use overpaint::cli::bench_request;
use overpaint::geometry::Extent;
use overpaint::plan::{EditRequest, Seed};

/// A small photograph with its middle painted, by the built-in model.
pub(crate) fn request(seed: u64) -> Result<EditRequest, Box<dyn Error>> {
    let card = catalog::open(&ModelRef::BuiltIn)?;
    let mut request = bench_request(&card, Extent::new(403, 297), 0)?;
    request.settings.seed = Seed(seed);
    Ok(request)
}
