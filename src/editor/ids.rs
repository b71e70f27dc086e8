//! Names of what the editor keeps beside documents.

/// Names a candidate; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CandidateId(pub u64);

/// Names a comparison; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComparisonId(pub u64);
