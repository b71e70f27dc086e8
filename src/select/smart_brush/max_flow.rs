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
    arcs: Vec<Arcs>,
    /// What can still flow from the inside's end, or, negative, to the outside's.
    terminal: Vec<i32>,
}

/// To a node's neighbours; as large as a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Arcs {
    neighbours: [u32; 8],
    /// What can still flow to each.
    residual: [i32; 8],
}

impl Grid {
    /// Room for so many nodes.
    pub(super) fn with_capacity(nodes: usize) -> Self {
        Self {
            arcs: Vec::with_capacity(nodes),
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
        self.arcs.push(Arcs {
            neighbours,
            residual: costs,
        });
    }

    /// Makes it so much dearer to put a node outside, or, negative, inside. What flows already stays, so that
    /// the next cut begins where the last one ended (Kohli & Torr, “Efficiently Solving Dynamic Markov Random
    /// Fields Using Graph Cuts”, ICCV 2005).
    pub(super) fn add(&mut self, node: usize, outside: i32) {
        if let Some(terminal) = self.terminal.get_mut(node) {
            *terminal += outside;
        }
    }

    /// For each node whether it is inside in the cheapest cut.
    pub(super) fn cut(&mut self) -> Vec<bool> {
        let mut flow = Flow::new(self);
        flow.run();
        flow.nodes.iter().map(|node| node.tree == INSIDE).collect()
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

/// A node's place in the trees; together, because a walk to the end of a tree reads all of it.
#[derive(Debug, Clone, Copy, Default)]
struct Node {
    /// Who it hangs on, where `parent` says that it is a neighbour.
    above: u32,
    /// How far the end of the tree was, when that was looked at last.
    distance: u32,
    looked_at: u32,
    parent: Parent,
    tree: Tree,
    is_active: bool,
}

struct Flow<'a> {
    grid: &'a mut Grid,
    nodes: Vec<Node>,
    now: u32,
    active: VecDeque<u32>,
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

impl<'a> Flow<'a> {
    fn new(grid: &'a mut Grid) -> Self {
        let count = grid.terminal.len();
        let mut flow = Self {
            nodes: vec![
                Node {
                    parent: NONE,
                    ..Node::default()
                };
                count
            ],
            now: 0,
            active: VecDeque::new(),
            orphans: VecDeque::new(),
            grid,
        };
        flow.send_next_door();
        for node in 0..count as u32 {
            let tree = match of(&flow.grid.terminal, node) {
                0 => continue,
                more if more > 0 => INSIDE,
                _ => OUTSIDE,
            };
            flow.change(node, |slot| {
                (slot.tree, slot.parent, slot.distance) = (tree, END, 1);
            });
            flow.activate(node);
        }
        flow
    }

    fn node(&self, node: u32) -> Node {
        self.nodes.get(node as usize).copied().unwrap_or_default()
    }

    fn change(&mut self, node: u32, change: impl FnOnce(&mut Node)) {
        if let Some(slot) = self.nodes.get_mut(node as usize) {
            change(slot);
        }
    }

    /// Sends what can flow from a node to its neighbours and to theirs, which spares the trees most short ways.
    fn send_next_door(&mut self) {
        for node in 0..self.nodes.len() as u32 {
            for step in 0..8 {
                if of(&self.grid.terminal, node) <= 0 {
                    break;
                }
                let next = self.neighbour(node, step);
                if next == NOBODY || self.residual(node, step) == 0 {
                    continue;
                }
                self.send_along(&[(node, step)], next);
                for onward in 0..8 {
                    let third = self.neighbour(next, onward);
                    if third != NOBODY {
                        self.send_along(&[(node, step), (next, onward)], third);
                    }
                }
            }
        }
    }

    /// Sends as much as can flow from the inside's end over these steps to the outside's end behind `last`.
    fn send_along(&mut self, way: &[(u32, u8)], last: u32) {
        let Some((first, _)) = way.first().copied() else {
            return;
        };
        let (has, wants) = (
            of(&self.grid.terminal, first),
            -of(&self.grid.terminal, last),
        );
        let ways = way.iter().map(|(node, step)| self.residual(*node, *step));
        let most = ways.fold(has.min(wants), i32::min);
        if most <= 0 {
            return;
        }
        for (at, (node, step)) in way.iter().enumerate() {
            let to = way.get(at + 1).map_or(last, |(next, _)| *next);
            self.send(*node, *step, to, most);
        }
        set(&mut self.grid.terminal, first, has - most);
        set(&mut self.grid.terminal, last, most - wants);
    }

    fn run(&mut self) {
        while let Some(node) = self.active.pop_front() {
            self.change(node, |slot| slot.is_active = false);
            while self.node(node).tree != FREE {
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
        if !self.node(node).is_active {
            self.change(node, |slot| slot.is_active = true);
            self.active.push_back(node);
        }
    }

    fn neighbour(&self, node: u32, step: u8) -> u32 {
        let arcs = self.grid.arcs.get(node as usize);
        let found = arcs.and_then(|arcs| arcs.neighbours.get(usize::from(step)));
        found.copied().unwrap_or(NOBODY)
    }

    fn residual(&self, node: u32, step: u8) -> i32 {
        let arcs = self.grid.arcs.get(node as usize);
        let found = arcs.and_then(|arcs| arcs.residual.get(usize::from(step)));
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
        let Node {
            tree,
            distance,
            looked_at,
            ..
        } = self.node(node);
        for step in 0..8 {
            let next = self.neighbour(node, step);
            if next == NOBODY || self.onward(tree, node, step, next) == 0 {
                continue;
            }
            let Node {
                tree: theirs,
                distance: far,
                looked_at: at,
                ..
            } = self.node(next);
            if theirs == FREE {
                self.change(next, |slot| slot.tree = tree);
                self.hang(next, (node, step ^ 1), distance + 1, looked_at);
                self.activate(next);
            } else if theirs != tree {
                return Some(if tree == INSIDE {
                    (node, step)
                } else {
                    (next, step ^ 1)
                });
            } else if at <= looked_at && far > distance + 1 {
                // A shorter way to the end.
                self.hang(next, (node, step ^ 1), distance + 1, looked_at);
            }
        }
        None
    }

    fn hang(&mut self, node: u32, (above, on): (u32, Parent), distance: u32, looked_at: u32) {
        self.change(node, |slot| {
            (slot.above, slot.parent) = (above, on);
            (slot.distance, slot.looked_at) = (distance, looked_at);
        });
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
        let Node { above, parent, .. } = self.node(node);
        (parent < END).then_some((above, parent))
    }

    fn send(&mut self, from: u32, step: u8, to: u32, amount: i32) {
        for (node, step, change) in [(from, step, -amount), (to, step ^ 1, amount)] {
            let arcs = self.grid.arcs.get_mut(node as usize);
            let residual = arcs.and_then(|arcs| arcs.residual.get_mut(usize::from(step)));
            if let Some(residual) = residual {
                *residual += change;
            }
        }
    }

    fn tear_off(&mut self, node: u32) {
        self.change(node, |slot| slot.parent = ORPHAN);
        self.orphans.push_front(node);
    }

    /// Hangs an orphan on the neighbour that is nearest to the end of its tree, or sets it free.
    fn adopt(&mut self, orphan: u32) {
        let tree = self.node(orphan).tree;
        let mut best: Option<(u32, (u32, Parent))> = None;
        for step in 0..8 {
            let next = self.neighbour(orphan, step);
            let is_possible = next != NOBODY
                && self.node(next).tree == tree
                && self.onward(tree, next, step ^ 1, orphan) > 0;
            if is_possible
                && let Some(distance) = self.distance_to_end(next)
                && best.is_none_or(|(least, _)| distance < least)
            {
                best = Some((distance, (next, step)));
            }
        }
        if let Some((distance, above)) = best {
            self.hang(orphan, above, distance + 1, self.now);
            return;
        }
        for step in 0..8 {
            let next = self.neighbour(orphan, step);
            if next == NOBODY || self.node(next).tree != tree {
                continue;
            }
            if self.onward(tree, next, step ^ 1, orphan) > 0 {
                self.activate(next);
            }
            if self.node(next).parent == step ^ 1 {
                self.change(next, |slot| slot.parent = ORPHAN);
                self.orphans.push_back(next);
            }
        }
        self.change(orphan, |slot| (slot.tree, slot.parent) = (FREE, NONE));
    }

    /// How far the end of its tree is from a node; `None` where it hangs on an orphan. What is found is kept
    /// for this round.
    fn distance_to_end(&mut self, node: u32) -> Option<u32> {
        let (mut at, mut count) = (node, 0);
        let from_here = loop {
            let here = self.node(at);
            if here.looked_at == self.now {
                break here.distance;
            }
            match here.parent {
                END => {
                    let now = self.now;
                    self.change(at, |slot| (slot.distance, slot.looked_at) = (1, now));
                    break 1;
                }
                NONE | ORPHAN => return None,
                _ => {
                    count += 1;
                    at = here.above;
                }
            }
        };
        let found = from_here + count;
        let (mut at, mut distance, now) = (node, found, self.now);
        while self.node(at).looked_at != now {
            let above = self.node(at).above;
            self.change(at, |slot| {
                (slot.distance, slot.looked_at) = (distance, now);
            });
            (at, distance) = (above, distance - 1);
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests;
