use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const LANES: u8 = 3;

#[derive(Debug, Clone)]
enum Act {
    /// For the lanes of that set of bits.
    Add(u8),
    /// The lanes of that set of bits rest.
    Take(u8),
    End(u64, u8),
    GiveBack(u64, u8),
    Cancel(u64),
    Remove(u64),
    Move(u64, usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (id, lane, set) = (1..12u64, 0..LANES, 0..1u8 << LANES);
    let act = prop_oneof![
        3 => (1..1u8 << LANES).prop_map(Act::Add),
        4 => set.prop_map(Act::Take),
        3 => (id.clone(), lane.clone()).prop_map(|(id, lane)| Act::End(id, lane)),
        3 => (id.clone(), lane).prop_map(|(id, lane)| Act::GiveBack(id, lane)),
        1 => id.clone().prop_map(Act::Cancel),
        1 => id.clone().prop_map(Act::Remove),
        1 => (id, 0..6usize).prop_map(|(id, to)| Act::Move(id, to)),
    ];
    prop::collection::vec(act, 0..120)
}

fn lanes_of(set: u8) -> Vec<u8> {
    (0..LANES).filter(|lane| set & (1 << lane) != 0).collect()
}

/// What is known of the jobs without the queue.
#[derive(Default)]
struct Model {
    /// Lanes that may run a job still.
    may: BTreeMap<u64, BTreeSet<u8>>,
    /// Which job runs where.
    on: BTreeMap<u8, u64>,
    stopping: BTreeSet<u64>,
    ended: BTreeMap<u64, u32>,
}

impl Model {
    fn end(&mut self, id: u64) {
        *self.ended.entry(id).or_default() += 1;
        self.on.retain(|_, job| *job != id);
    }
}

fn take(queue: &mut Queue<u64, u8>, model: &mut Model, resting: u8) -> Result<bool, TestCaseError> {
    let is_willing = |lane: &u8, is_only| is_only || resting & (1 << lane) == 0;
    let Some(taken) = queue.take_next(is_willing) else {
        return Ok(false);
    };
    let lanes = &model.may[&taken.work];
    prop_assert_eq!(taken.id, JobId(taken.work));
    prop_assert!(
        lanes.contains(&taken.lane),
        "it may not run there, or failed there"
    );
    prop_assert!(is_willing(&taken.lane, lanes.len() == 1));
    prop_assert!(
        model.on.insert(taken.lane, taken.work).is_none(),
        "one at a time"
    );
    Ok(true)
}

fn give_back(
    queue: &mut Queue<u64, u8>,
    model: &mut Model,
    (id, lane): (u64, u8),
) -> Result<(), TestCaseError> {
    let was_there = model.on.get(&lane) == Some(&id);
    let given = queue.give_back(JobId(id), &lane);
    prop_assert_eq!(given.is_some(), was_there);
    let Some(given) = given else { return Ok(()) };
    model.on.remove(&lane);
    let left = model.may.get_mut(&id).unwrap();
    left.remove(&lane);
    let wanted = match (model.stopping.contains(&id), left.is_empty()) {
        (true, _) => GivenBack::Stopped(id),
        (false, true) => GivenBack::NoneLeft(id),
        (false, false) => GivenBack::Waits,
    };
    prop_assert_eq!(&given, &wanted);
    if given == GivenBack::Waits {
        prop_assert_eq!(queue.waiting().next(), Some(JobId(id)), "before all others");
    } else {
        model.end(id);
    }
    Ok(())
}

fn act(queue: &mut Queue<u64, u8>, model: &mut Model, act: &Act) -> Result<(), TestCaseError> {
    match *act {
        Act::Add(set) => {
            let next = model.may.len() as u64 + 1;
            queue.add(next, lanes_of(set));
            model.may.insert(next, lanes_of(set).into_iter().collect());
        }
        Act::Take(resting) => {
            take(queue, model, resting)?;
        }
        Act::End(id, lane) => {
            let was_there = model.on.get(&lane) == Some(&id);
            let ended = queue.end(JobId(id), &lane);
            prop_assert_eq!(ended, was_there.then_some(id), "twice, or by another lane");
            if was_there {
                model.end(id);
            }
        }
        Act::GiveBack(id, lane) => give_back(queue, model, (id, lane))?,
        Act::Cancel(id) => match queue.cancel(JobId(id)) {
            Removed::Waiting(_) => model.end(id),
            Removed::Asked => {
                prop_assert!(model.on.values().any(|job| *job == id));
                model.stopping.insert(id);
            }
            Removed::Unknown => {}
        },
        Act::Remove(id) => {
            if queue.remove_waiting(JobId(id)).is_some() {
                model.end(id);
            }
        }
        Act::Move(id, to) => {
            queue.move_waiting(JobId(id), to);
        }
    }
    Ok(())
}

proptest! {
    /// However calls are ordered, and however late or wrong a lane's words are: every job ends exactly
    /// once, each lane runs one at most, none runs where it may not or has failed, and none is lost.
    #[test]
    fn every_job_ends_exactly_once(acts in acts()) {
        let (mut queue, mut model) = (Queue::default(), Model::default());
        for one in &acts {
            act(&mut queue, &mut model, one)?;
            let running: BTreeSet<JobId> = queue.running().collect();
            prop_assert_eq!(&running, &model.on.values().map(|id| JobId(*id)).collect());
            for (lane, job) in &model.on {
                prop_assert_eq!(queue.on_lane(lane), Some(JobId(*job)));
            }
            let inside = queue.waiting().count() + running.len();
            prop_assert_eq!(inside + model.ended.len(), model.may.len(), "none is lost or doubled");
        }
        // Every lane does what it can until nothing is left.
        loop {
            while take(&mut queue, &mut model, 0)? {}
            let Some((lane, id)) = model.on.iter().next().map(|(lane, id)| (*lane, *id)) else { break };
            act(&mut queue, &mut model, &Act::End(id, lane))?;
        }
        prop_assert_eq!(queue.waiting().count(), 0);
        prop_assert_eq!(model.ended.len(), model.may.len());
        prop_assert!(model.ended.values().all(|count| *count == 1));
    }
}

#[test]
fn moving_changes_who_runs_next() {
    let mut queue = Queue::default();
    let [a, b, c] = ["a", "b", "c"].map(|name| queue.add(name, vec![0]));
    assert!(queue.move_waiting(c, 0));
    assert_eq!(queue.waiting().collect::<Vec<_>>(), [c, a, b]);
    let take = |queue: &mut Queue<_, _>| queue.take_next(|_, _| true).map(|taken| taken.id);
    assert_eq!(take(&mut queue), Some(c));
    assert!(take(&mut queue).is_none(), "one at a time on a lane");
    assert!(!queue.move_waiting(c, 1), "it runs");
    assert!(queue.move_waiting(a, 99));
    assert_eq!(queue.waiting().collect::<Vec<_>>(), [b, a]);
}

#[test]
fn a_free_lane_takes_what_it_may_and_what_it_could_not_do_goes_to_another() {
    let mut queue = Queue::default();
    let both = queue.add("both", vec!["studio", "local"]);
    let here = queue.add("here", vec!["local"]);
    let more = queue.add("more", vec!["studio", "local"]);
    let take = |queue: &mut Queue<_, _>| {
        let taken = queue.take_next(|_, _| true)?;
        Some((taken.id, taken.lane))
    };
    assert_eq!(take(&mut queue), Some((both, "studio")));
    assert_eq!(take(&mut queue), Some((here, "local")));
    assert_eq!(take(&mut queue), None);
    assert_eq!(queue.give_back(both, &"studio"), Some(GivenBack::Waits));
    assert_eq!(queue.waiting().collect::<Vec<_>>(), [both, more]);
    // It came back, but not for the one that failed at it.
    assert_eq!(take(&mut queue), Some((more, "studio")));
    assert_eq!(queue.end(here, &"local"), Some("here"));
    assert_eq!(queue.end(here, &"local"), None, "a second time");
    assert_eq!(take(&mut queue), Some((both, "local")));
    assert_eq!(queue.end(both, &"studio"), None, "late, from the other one");
    assert_eq!(
        queue.give_back(both, &"local"),
        Some(GivenBack::NoneLeft("both"))
    );
    assert_eq!(queue.cancel(more), Removed::Asked);
    assert_eq!(
        queue.give_back(more, &"studio"),
        Some(GivenBack::Stopped("more"))
    );
}

#[test]
fn a_resting_lane_is_asked_only_for_what_nobody_else_may_do() {
    let mut queue = Queue::default();
    queue.add("both", vec![0, 1]);
    let only = queue.add("only", vec![0]);
    let is_willing = |lane: &u8, is_only| *lane != 0 || is_only;
    let taken = queue.take_next(is_willing).unwrap();
    assert_eq!((taken.work, taken.lane), ("both", 1));
    let taken = queue.take_next(is_willing).unwrap();
    assert_eq!((taken.id, taken.lane), (only, 0));
}
