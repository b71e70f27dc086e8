//! The networks against onnxruntime's answers (`tests/golden/vision.py`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::inputs::Square;
use super::*;
use crate::engine::nn::goldens::Watch;
use crate::geometry::{Extent, Rect};
use crate::raster::file;

/// What is said about a face.
#[derive(Deserialize)]
struct Expected {
    score: f64,
    centre: (f64, f64),
    size: (f64, f64),
    flag: f32,
    points: BTreeMap<usize, (f32, f32)>,
}

fn golden(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data/vision");
    PathBuf::from(folder).join(name)
}

fn pixels(name: &str) -> RgbF32 {
    let picture = file::load(&golden(name)).unwrap().picture;
    let extent = picture.extent();
    let pixels = picture.pixels.crop_f32(Rect::of(extent));
    RgbF32 {
        extent,
        pixels: pixels.into_iter().map(|[r, g, b, _]| [r, g, b]).collect(),
    }
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(golden("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn check_subject(vision: &mut BuiltInVision, name: &str) {
    let map = vision
        .subject(&pixels(&format!("{name}.320.jpg")), &mut Watch::default())
        .unwrap();
    let wanted = pixels(&format!("{name}.320.mask.png"));
    assert_eq!(map.extent, wanted.extent);
    let differences = map.likelihood.iter().zip(&wanted.pixels);
    let sum: f64 = differences
        .map(|(got, [wanted, ..])| f64::from((got - wanted).abs()))
        .sum();
    let mean = sum / map.likelihood.len() as f64;
    println!("{name}: {mean:.5}");
    assert!(mean <= 0.005, "{name}: {mean}");
}

#[test]
fn subjects_are_seen_as_the_reference_sees_them() {
    let mut vision = BuiltInVision::default();
    for name in ["astronaut", "camera", "chelsea", "coffee", "hopper"] {
        check_subject(&mut vision, name);
    }
}

#[test]
fn boxes_and_points_of_faces_are_those_of_the_reference() {
    let watch = &mut Watch::default();
    let detector = load(BLAZEFACE, watch, FaceDetector::load).unwrap();
    let mesh = load(FACEMESH, watch, FaceMesh::load).unwrap();
    for (name, expected) in expected() {
        let picture = pixels(&format!("{name}.128.jpg"));
        let square = Square::around(picture.extent);
        let found = detector.faces_in(&picture, square, watch).unwrap();
        let best = found
            .into_iter()
            .max_by(|a, b| a.score.total_cmp(&b.score))
            .unwrap();
        assert!(
            (f64::from(best.score) - expected.score).abs() < 0.01,
            "{name}"
        );
        let far = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs().max((b - d).abs());
        assert!(far(best.centre, expected.centre) < 0.3, "{name} {best:?}");
        assert!(far(best.size, expected.size) < 0.3, "{name} {best:?}");
        let answer = mesh
            .answer(&pixels(&format!("{name}.192.jpg")), watch)
            .unwrap();
        assert!((answer.flag - expected.flag).abs() < 0.3, "{name}");
        assert_eq!(answer.points.len(), crate::select::FACE_POINTS);
        if expected.flag < 0.0 {
            // No face, so nobody asks where its points are.
            continue;
        }
        let mut most = 0f32;
        for (number, (x, y)) in expected.points {
            let point = answer.points[number];
            most = most.max((point.x - x).abs()).max((point.y - y).abs());
        }
        println!("{name}: {most} px");
        assert!(most <= 0.1, "{name}: {most} px");
    }
}

#[test]
fn faces_of_people_are_found_and_a_cat_is_none() {
    let mut vision = BuiltInVision::default();
    let mut count = |name: &str| {
        let picture = pixels(&format!("{name}.320.jpg"));
        vision.faces(&picture, &mut Watch::default()).unwrap().len()
    };
    assert_eq!(
        ["astronaut", "hopper", "camera", "chelsea", "coffee"].map(&mut count),
        [1, 1, 1, 0, 0]
    );
}

#[test]
fn looking_can_be_stopped() {
    let mut vision = BuiltInVision::default();
    let picture = RgbF32::filled(Extent::new(32, 32), [0.5; 3]);
    for cancel_at in [0, 150, 250] {
        let mut watch = Watch {
            cancel_at: Some(cancel_at),
            ..Watch::default()
        };
        let stopped = vision.subject(&picture, &mut watch);
        assert_eq!(stopped, Err(EngineError::Cancelled), "{cancel_at}");
    }
}
