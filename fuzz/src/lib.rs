//! The program's rooms that read files of strangers, mounted by path from `../src`, and what the fuzz
//! targets do with them. See `../README.md`.

#![allow(dead_code, unused_imports, unfulfilled_lint_expectations, private_interfaces)]

#[path = "../../src/backdrop/mod.rs"]
pub mod backdrop;
#[path = "../../src/bulk/mod.rs"]
pub mod bulk;
#[path = "../../src/catalog/mod.rs"]
pub mod catalog;
#[path = "../../src/completion/mod.rs"]
pub mod completion;
#[path = "../../src/document/mod.rs"]
pub mod document;
pub mod engine;
#[path = "../../src/geometry.rs"]
pub mod geometry;
#[path = "../../src/plan/mod.rs"]
pub mod plan;
#[path = "../../src/project/mod.rs"]
pub mod project;
#[path = "../../src/raster/mod.rs"]
pub mod raster;
#[path = "../../src/select/mod.rs"]
pub mod select;
#[path = "../../src/text/mod.rs"]
pub mod text;

mod scratch;
pub mod targets;
