use super::*;
use proptest::prelude::*;

/// What a division costs.
fn cost(
    (width, height): (i32, i32),
    terminals: &[(i32, i32)],
    pairs: &dyn Fn(usize, usize) -> i32,
    is_inside: &dyn Fn(usize) -> bool,
) -> i64 {
    let mut sum = 0i64;
    for (node, (inside, outside)) in terminals.iter().enumerate() {
        sum += i64::from(if is_inside(node) { *inside } else { *outside });
        let (x, y) = (node as i32 % width, node as i32 / width);
        for (dx, dy) in STEPS {
            let (x, y) = (x + dx, y + dy);
            if (0..width).contains(&x) && (0..height).contains(&y) {
                let next = (y * width + x) as usize;
                if next > node && is_inside(node) != is_inside(next) {
                    sum += i64::from(pairs(node, next));
                }
            }
        }
    }
    sum
}

fn grid(size: (i32, i32), terminals: &[(i32, i32)], pairs: &dyn Fn(usize, usize) -> i32) -> Grid {
    let (width, height) = size;
    let mut grid = Grid::with_capacity(terminals.len());
    for (node, ends) in terminals.iter().enumerate() {
        let (mut neighbours, mut costs) = ([NOBODY; 8], [0; 8]);
        let (x, y) = (node as i32 % width, node as i32 / width);
        for (step, (dx, dy)) in STEPS.into_iter().enumerate() {
            let (x, y) = (x + dx, y + dy);
            if (0..width).contains(&x) && (0..height).contains(&y) {
                let next = (y * width + x) as usize;
                neighbours[step] = next as u32;
                costs[step] = pairs(node.min(next), node.max(next));
            }
        }
        grid.push(*ends, neighbours, costs);
    }
    grid
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_other_division_costs_less(
        (width, height, rounds) in (1i32..5, 1i32..4).prop_flat_map(|(w, h)| {
            let ends = prop::collection::vec((0i32..30, 0i32..30), (w * h) as usize);
            (Just(w), Just(h), prop::collection::vec(ends, 3))
        }),
        weights in prop::collection::vec(0i32..25, 256),
    ) {
        let pairs = |a: usize, b: usize| weights[(a * 16 + b) % 256];
        let size = (width, height);
        let mut grid = grid(size, &rounds[0], &pairs);
        // The later rounds begin with what flowed in those before.
        for (round, terminals) in rounds.iter().enumerate() {
            if let Some(before) = round.checked_sub(1).map(|before| &rounds[before]) {
                for (node, (old, new)) in before.iter().zip(terminals).enumerate() {
                    grid.add(node, (new.1 - new.0) - (old.1 - old.0));
                }
            }
            let found = grid.cut();
            let cost_found = cost(size, terminals, &pairs, &|node| found[node]);
            let least = (0..1u32 << terminals.len())
                .map(|bits| cost(size, terminals, &pairs, &|node| bits >> node & 1 == 1))
                .min()
                .unwrap();
            prop_assert_eq!(cost_found, least);
        }
    }
}

#[test]
fn a_long_way_round_is_found_and_torn_trees_are_mended() {
    // A snake: every second row is a wall but for one end.
    let (width, height) = (40, 41);
    let is_wall = |node: usize| {
        let (x, y) = (node % 40, node / 40);
        y % 2 == 1 && x != if y % 4 == 1 { 39 } else { 0 }
    };
    let mut terminals = vec![(0, 0); 40 * 41];
    terminals[0] = (0, 1000);
    *terminals.last_mut().unwrap() = (1000, 0);
    // The way is narrowest in the middle.
    let middle = 20 * 40 + 20;
    let pairs = |a: usize, b: usize| {
        let is_narrow = |node: usize| node == middle;
        match (is_wall(a) || is_wall(b), is_narrow(a) || is_narrow(b)) {
            (true, _) => 0,
            (false, true) => 3,
            (false, false) => 50,
        }
    };
    let found = grid((width, height), &terminals, &pairs).cut();
    assert!(found[0] && !found[found.len() - 1]);
    let inside = found.iter().filter(|is| **is).count();
    let free = (0..found.len()).filter(|node| !is_wall(*node)).count();
    assert!(inside.abs_diff(free / 2) < 60, "{inside} of {free}");
    let cost = cost((width, height), &terminals, &pairs, &|node| found[node]);
    assert_eq!(cost, 3);
}
