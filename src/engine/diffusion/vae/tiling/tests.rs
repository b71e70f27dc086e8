use super::*;

#[test]
fn small_pictures_are_not_cut() {
    assert_eq!(TilePlan::new(64, 64, 64 * 64), None);
    assert!(TilePlan::new(64, 65, 64 * 64).is_some());
}

#[test]
fn tiles_cover_everything_and_overlap() {
    for (height, width, budget) in [
        (96, 96, 4096),
        (200, 30, 4096),
        (17, 3000, 2048),
        (40, 40, 1),
    ] {
        let plan = TilePlan::new(height, width, budget).unwrap();
        for (tiles, length) in [(&plan.rows, height), (&plan.columns, width)] {
            assert_eq!(tiles[0].start, 0);
            assert_eq!(end(tiles), length);
            for pair in tiles.windows(2) {
                let overlap = pair[0].end - pair[1].start;
                assert!(4 * overlap >= pair[0].len(), "{tiles:?}");
            }
        }
        let largest = plan.rows[0].len() * plan.columns[0].len();
        assert!(
            largest <= (budget / 2).max(MIN_TILE * MIN_TILE),
            "{largest} of {budget}"
        );
    }
}

#[test]
fn tiles_of_one_picture_join_to_it_exactly_enough() {
    let (height, width, scale) = (37, 50, 3);
    let at = |channel: usize, y: usize, x: usize| {
        (channel * 7 + y * 3) as f32 + (x as f32 * 0.3).sin() * 40.0
    };
    let part = |y: Range<usize>, x: Range<usize>| {
        let mut values = Vec::new();
        for channel in 0..2 {
            for y in y.start * scale..y.end * scale {
                values.extend((x.start * scale..x.end * scale).map(|x| at(channel, y, x)));
            }
        }
        let shape = (1, 2, y.len() * scale, x.len() * scale);
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    let plan = TilePlan::new(height, width, 700).unwrap();
    assert!(plan.count() > 4);
    let joined = plan.run(scale, |y, x| Ok(part(y, x))).unwrap();
    let whole = part(0..height, 0..width);
    let worst = (joined - whole)
        .unwrap()
        .abs()
        .unwrap()
        .max_all()
        .unwrap()
        .to_scalar::<f32>()
        .unwrap();
    assert!(worst < 1e-4, "{worst}");
}

/// What makes seams invisible: a tile's weight goes to nearly nothing towards a border inside the
/// picture, in even small steps.
#[test]
fn blend_weights_fade_where_tiles_end() {
    let tiles = spread(100, 32);
    for (index, weight) in blend_weights(&tiles, 4).iter().enumerate() {
        let is_first = index == 0;
        let is_last = index + 1 == tiles.len();
        assert!(is_first || weight[0] < 0.05, "{}", weight[0]);
        assert!(is_last || weight[weight.len() - 1] < 0.05);
        for pair in weight.windows(2) {
            assert!((pair[0] - pair[1]).abs() < 0.05);
        }
    }
}
