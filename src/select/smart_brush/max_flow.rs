//! The cheapest cut of a grid into inside and outside, by the greatest flow between the two: two trees grow
//! from both ends, flow goes where they meet, and what it tears off is adopted again (Boykov & Kolmogorov,
//! “An Experimental Comparison of Min-Cut/Max-Flow Algorithms for Energy Minimization in Vision”, IEEE Trans.
//! PAMI 26, 2004, section 3).

use std::collections::VecDeque;

/// Steps to the eight neighbours of a pixel. The way back of number `k` is number `k ^ 1`.
pub(super) const STEPS: [(i32, i32); 8] = [
    (1, 0),
    (-1, 0),
    (0, 1),
    (0, -1),
    (1, 1),
    (-1, -1),
    (1, -1),
    (-1, 1),
];
/// There is no neighbour.
pub(super) const NOBODY: u32 = u32::MAX;

/// Nodes with up to eight neighbours each, what it costs to tell two neighbours apart, and what it costs to
/// put a node outside or inside.
#[derive(Debug, Default)]
pub(super) struct Grid {
    neighbours: Vec<[u32; 8]>,
    /// What can still flow to each neighbour.
    residual: Vec<[i32; 8]>,
    /// What can still flow from the inside's end, or, negative, to the outside's.
    terminal: Vec<i32>,
}

impl Grid {
    /// Room for so many nodes.
    pub(super) fn with_capacity(nodes: usize) -> Self {
        Self {
            neighbours: Vec::with_capacity(nodes),
            residual: Vec::with_capacity(nodes),
            terminal: Vec::with_capacity(nodes),
        }
    }

    /// A node more. It costs `outside` to put it outside, `inside` to put it inside; neighbours are told by
    /// [`STEPS`], with what it costs to part from each. They must say the same of this node.
    pub(super) fn push(
        &mut self,
        (inside, outside): (i32, i32),
        neighbours: [u32; 8],
        costs: [i32; 8],
    ) {
        self.terminal.push(outside - inside);
        self.neighbours.push(neighbours);
        self.residual.push(costs);
    }

    /// For each node whether it is inside in the cheapest cut.
    pub(super) fn cut(self) -> Vec<bool> {
        let mut flow = Flow::new(self);
        flow.run();
        flow.tree.into_iter().map(|tree| tree == INSIDE).collect()
    }
}

/// Which tree a node is in.
type Tree = u8;
const FREE: Tree = 0;
const INSIDE: Tree = 1;
const OUTSIDE: Tree = 2;

/// Who a node hangs on: a neighbour by its number, or one of these.
type Parent = u8;
const END: Parent = 8;
const NONE: Parent = 9;
const ORPHAN: Parent = 10;

struct Flow {
    grid: Grid,
    tree: Vec<Tree>,
    parent: Vec<Parent>,
    /// How far the end of the tree was, when that was looked at last.
    distance: Vec<u32>,
    looked_at: Vec<u32>,
    now: u32,
    active: VecDeque<u32>,
    is_active: Vec<bool>,
    orphans: VecDeque<u32>,
}

fn of<T: Copy + Default>(list: &[T], node: u32) -> T {
    list.get(node as usize).copied().unwrap_or_default()
}

fn set<T>(list: &mut [T], node: u32, value: T) {
    if let Some(slot) = list.get_mut(node as usize) {
        *slot = value;
    }
}

impl Flow {
    fn new(grid: Grid) -> Self {
        let count = grid.terminal.len();
        let mut flow = Self {
            tree: vec![FREE; count],
            parent: vec![NONE; count],
            distance: vec![0; count],
            looked_at: vec![0; count],
            now: 0,
            active: VecDeque::new(),
            is_active: vec![false; count],
            orphans: VecDeque::new(),
            grid,
        };
        for node in 0..count as u32 {
            let tree = match of(&flow.grid.terminal, node) {
                0 => continue,
                more if more > 0 => INSIDE,
                _ => OUTSIDE,
            };
            set(&mut flow.tree, node, tree);
            set(&mut flow.parent, node, END);
            set(&mut flow.distance, node, 1);
            flow.activate(node);
        }
        flow
    }

    fn run(&mut self) {
        while let Some(node) = self.active.pop_front() {
            set(&mut self.is_active, node, false);
            while of(&self.tree, node) != FREE {
                let Some(meeting) = self.grow(node) else {
                    break;
                };
                self.now += 1;
                self.augment(meeting);
                while let Some(orphan) = self.orphans.pop_front() {
                    self.adopt(orphan);
                }
            }
        }
    }

    fn activate(&mut self, node: u32) {
        if !of(&self.is_active, node) {
            set(&mut self.is_active, node, true);
            self.active.push_back(node);
        }
    }

    fn neighbour(&self, node: u32, step: u8) -> u32 {
        let steps = self.grid.neighbours.get(node as usize);
        let found = steps.and_then(|steps| steps.get(usize::from(step)));
        found.copied().unwrap_or(NOBODY)
    }

    fn residual(&self, node: u32, step: u8) -> i32 {
        let steps = self.grid.residual.get(node as usize);
        let found = steps.and_then(|steps| steps.get(usize::from(step)));
        found.copied().unwrap_or(0)
    }

    /// What can flow in the sense of a tree from a node to its neighbour: away from the inside's end, towards
    /// the outside's.
    fn onward(&self, tree: Tree, node: u32, step: u8, neighbour: u32) -> i32 {
        if tree == INSIDE {
            self.residual(node, step)
        } else {
            self.residual(neighbour, step ^ 1)
        }
    }

    /// Takes free neighbours into the tree of a node. Where the other tree is met: the node of the inside
    /// there, and the step to that of the outside.
    fn grow(&mut self, node: u32) -> Option<(u32, u8)> {
        let tree = of(&self.tree, node);
        for step in 0..8 {
            let next = self.neighbour(node, step);
            if next == NOBODY || self.onward(tree, node, step, next) == 0 {
                continue;
            }
            let (distance, looked_at) = (of(&self.distance, node), of(&self.looked_at, node));
            let theirs = of(&self.tree, next);
            if theirs == FREE {
                set(&mut self.tree, next, tree);
                self.hang(next, step ^ 1, distance + 1, looked_at);
                self.activate(next);
            } else if theirs != tree {
                return Some(if tree == INSIDE {
                    (node, step)
                } else {
                    (next, step ^ 1)
                });
            } else if of(&self.looked_at, next) <= looked_at
                && of(&self.distance, next) > distance + 1
            {
                // A shorter way to the end.
                self.hang(next, step ^ 1, distance + 1, looked_at);
            }
        }
        None
    }

    fn hang(&mut self, node: u32, on: Parent, distance: u32, looked_at: u32) {
        set(&mut self.parent, node, on);
        set(&mut self.distance, node, distance);
        set(&mut self.looked_at, node, looked_at);
    }

    /// Sends as much as can flow from end to end over a meeting of the trees.
    fn augment(&mut self, (inner, step): (u32, u8)) {
        let outer = self.neighbour(inner, step);
        let mut most = self.residual(inner, step);
        for (tree, mut node) in [(INSIDE, inner), (OUTSIDE, outer)] {
            while let Some((parent, up)) = self.up(node) {
                most = most.min(self.onward(tree, parent, up ^ 1, node));
                node = parent;
            }
            most = most.min(of(&self.grid.terminal, node).abs());
        }
        self.send(inner, step, outer, most);
        for (tree, mut node) in [(INSIDE, inner), (OUTSIDE, outer)] {
            while let Some((parent, up)) = self.up(node) {
                if tree == INSIDE {
                    self.send(parent, up ^ 1, node, most);
                } else {
                    self.send(node, up, parent, most);
                }
                if self.onward(tree, parent, up ^ 1, node) == 0 {
                    self.tear_off(node);
                }
                node = parent;
            }
            let left = of(&self.grid.terminal, node);
            let left = if tree == INSIDE {
                left - most
            } else {
                left + most
            };
            set(&mut self.grid.terminal, node, left);
            if left == 0 {
                self.tear_off(node);
            }
        }
    }

    /// The node that a node hangs on, and the step there; `None` at an end.
    fn up(&self, node: u32) -> Option<(u32, u8)> {
        let up = self
            .parent
            .get(node as usize)
            .copied()
            .filter(|up| *up < END)?;
        Some((self.neighbour(node, up), up))
    }

    fn send(&mut self, from: u32, step: u8, to: u32, amount: i32) {
        for (node, step, change) in [(from, step, -amount), (to, step ^ 1, amount)] {
            let steps = self.grid.residual.get_mut(node as usize);
            if let Some(residual) = steps.and_then(|steps| steps.get_mut(usize::from(step))) {
                *residual += change;
            }
        }
    }

    fn tear_off(&mut self, node: u32) {
        set(&mut self.parent, node, ORPHAN);
        self.orphans.push_front(node);
    }

    /// Hangs an orphan on the neighbour that is nearest to the end of its tree, or sets it free.
    fn adopt(&mut self, orphan: u32) {
        let tree = of(&self.tree, orphan);
        let mut best: Option<(u32, u8)> = None;
        for step in 0..8 {
            let next = self.neighbour(orphan, step);
            let is_possible = next != NOBODY
                && of(&self.tree, next) == tree
                && self.onward(tree, next, step ^ 1, orphan) > 0;
            if is_possible
                && let Some(distance) = self.distance_to_end(next)
                && best.is_none_or(|(least, _)| distance < least)
            {
                best = Some((distance, step));
            }
        }
        if let Some((distance, step)) = best {
            self.hang(orphan, step, distance + 1, self.now);
            return;
        }
        for step in 0..8 {
            let next = self.neighbour(orphan, step);
            if next == NOBODY || of(&self.tree, next) != tree {
                continue;
            }
            if self.onward(tree, next, step ^ 1, orphan) > 0 {
                self.activate(next);
            }
            if of(&self.parent, next) == step ^ 1 {
                set(&mut self.parent, next, ORPHAN);
                self.orphans.push_back(next);
            }
        }
        set(&mut self.tree, orphan, FREE);
        set(&mut self.parent, orphan, NONE);
    }

    /// How far the end of its tree is from a node; `None` where it hangs on an orphan. What is found is kept
    /// for this round.
    fn distance_to_end(&mut self, node: u32) -> Option<u32> {
        let (mut at, mut count) = (node, 0);
        let from_here = loop {
            if of(&self.looked_at, at) == self.now {
                break of(&self.distance, at);
            }
            match self.parent.get(at as usize).copied() {
                Some(END) => {
                    set(&mut self.distance, at, 1);
                    set(&mut self.looked_at, at, self.now);
                    break 1;
                }
                Some(up) if up < END => {
                    count += 1;
                    at = self.neighbour(at, up);
                }
                _ => return None,
            }
        };
        let mut distance = from_here + count;
        let found = distance;
        let mut at = node;
        while of(&self.looked_at, at) != self.now {
            set(&mut self.distance, at, distance);
            set(&mut self.looked_at, at, self.now);
            distance -= 1;
            let Some((parent, _)) = self.up(at) else {
                break;
            };
            at = parent;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
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

    fn cut(
        size: (i32, i32),
        terminals: &[(i32, i32)],
        pairs: &dyn Fn(usize, usize) -> i32,
    ) -> Vec<bool> {
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
        grid.cut()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn no_other_division_costs_less(
            (width, height, terminals) in (1i32..5, 1i32..4).prop_flat_map(|(w, h)| {
                let ends = (0i32..30, 0i32..30);
                (Just(w), Just(h), prop::collection::vec(ends, (w * h) as usize))
            }),
            weights in prop::collection::vec(0i32..25, 256),
        ) {
            let pairs = |a: usize, b: usize| weights[(a * 16 + b) % 256];
            let size = (width, height);
            let found = cut(size, &terminals, &pairs);
            let cost_found = cost(size, &terminals, &pairs, &|node| found[node]);
            let least = (0..1u32 << terminals.len())
                .map(|bits| cost(size, &terminals, &pairs, &|node| bits >> node & 1 == 1))
                .min()
                .unwrap();
            prop_assert_eq!(cost_found, least);
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
        let found = cut((width, height), &terminals, &pairs);
        assert!(found[0] && !found[found.len() - 1]);
        let inside = found.iter().filter(|is| **is).count();
        let free = (0..found.len()).filter(|node| !is_wall(*node)).count();
        assert!(inside.abs_diff(free / 2) < 60, "{inside} of {free}");
        let cost = cost((width, height), &terminals, &pairs, &|node| found[node]);
        assert_eq!(cost, 3);
    }
}
