//! The five tasks: each selects, sets mode, strength and fill, and begins the prompt.

use super::actions::Action;
use super::context::Desk;
use crate::editor::Command;
use crate::plan::{RegionBounds, Task};
use crate::select::Combination;

/// The actions that begin a task, in the order of their buttons.
pub(super) const ACTIONS: [Action; 5] = [
    Action::TaskBackground,
    Action::TaskHair,
    Action::TaskClothes,
    Action::TaskStyle,
    Action::TaskRemove,
];

/// Stands in a prompt where something is to be written.
pub(super) const GAP: char = '…';

/// The task that an action begins.
pub(super) const fn task_of(action: Action) -> Option<Task> {
    match action {
        Action::TaskBackground => Some(Task::Background),
        Action::TaskHair => Some(Task::Hair),
        Action::TaskClothes => Some(Task::Clothes),
        Action::TaskStyle => Some(Task::Style),
        Action::TaskRemove => Some(Task::Remove),
        _ => None,
    }
}

/// Begins a task in the picture in front. The mask is one undoable edit, when it was seen; the prompt is to be
/// written next.
pub(super) fn begin(desk: &mut Desk<'_>, task: Task) {
    let Some(open) = desk.editor.active() else {
        return;
    };
    let document = open.id();
    let is_painted = open.region() != RegionBounds::Everything;
    let begun = desk.text(prompt_key(task));
    // What somebody has written stays; what has run is found again by Alt and the arrow keys.
    let recent = &desk.editor.preferences().recent_prompts;
    let is_free = is_free(&open.settings().prompt, recent);
    desk.set(document, |settings| {
        task.set(settings);
        if is_free {
            settings.prompt = begun.into_owned();
        }
    });
    match task.part() {
        Some(_) if task.keeps_mask() && is_painted => {}
        Some(part) => desk.send(Command::Select {
            document,
            part,
            how: Combination::Replace,
        }),
        None if is_painted => desk.send(Command::ClearMask { document }),
        None => {}
    }
    desk.state.turn_to_mask(document);
    desk.state.wants.prompt = true;
}

/// True for a prompt that a task may replace: none, one that another task has begun, or one that has run.
fn is_free(prompt: &str, recent: &[String]) -> bool {
    let has_run = recent.iter().any(|known| known.trim() == prompt.trim());
    prompt.trim().is_empty() || prompt.contains(GAP) || has_run
}

const fn prompt_key(task: Task) -> &'static str {
    match task {
        Task::Background => "ui-task-background-prompt",
        Task::Hair => "ui-task-hair-prompt",
        Task::Clothes => "ui-task-clothes-prompt",
        Task::Style => "ui-task-style-prompt",
        Task::Remove => "ui-task-remove-prompt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Texts};

    #[test]
    fn every_task_has_its_action_and_a_prompt_with_one_gap() {
        assert_eq!(ACTIONS.map(task_of), Task::ALL.map(Some));
        for language in Language::ALL {
            for task in Task::ALL {
                let prompt = Texts::of(language).get(prompt_key(task)).into_owned();
                let gaps = prompt.chars().filter(|c| *c == GAP).count();
                assert_eq!(gaps, 1, "{language:?}: {prompt}");
            }
        }
    }

    #[test]
    fn what_somebody_has_written_stays() {
        assert!(is_free(" ", &[]) && is_free("person, …", &[]));
        assert!(!is_free("person, on the beach", &["a cat".to_owned()]));
        assert!(is_free(
            "person, on the beach",
            &["person, on the beach".to_owned()]
        ));
    }
}
