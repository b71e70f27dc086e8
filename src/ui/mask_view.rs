//! How the mask is looked at, and refining it while one looks.

use super::actions::Action;
use super::context::{Desk, memory};
use super::theme::MaskView;
use crate::document::DocumentId;
use crate::editor::{Command, OpenDocument};
use crate::select::Refinement;

/// Another view of the mask; it is seen from now on.
pub(super) fn choose(desk: &mut Desk<'_>, action: Action) {
    let next = after(desk.mask_view(), action);
    desk.remember(memory::MASK_VIEW, next.id());
    match desk.editor.active().map(OpenDocument::id) {
        Some(document) => desk.state.show_mask(document, true),
        None => desk.state.shown.mask = true,
    }
}

/// As in Photoshop the quick mask is a tint, and without it the edge is marked.
fn after(now: MaskView, action: Action) -> MaskView {
    if action == Action::QuickMask {
        return match now {
            MaskView::Tint => MaskView::Ants,
            _ => MaskView::Tint,
        };
    }
    let all = MaskView::ALL;
    let place = all.iter().position(|view| *view == now).unwrap_or(0);
    all.get((place + 1) % all.len())
        .copied()
        .unwrap_or_default()
}

/// Begins to refine the mask of a document.
pub(super) fn refine(desk: &mut Desk<'_>, document: DocumentId) {
    if desk.editor.refining(document).is_some() {
        return;
    }
    desk.state.of(document).show_result(None);
    desk.state.show_mask(document, true);
    let refinement = Refinement::default();
    desk.send(Command::Refine {
        document,
        refinement,
    });
}

/// Keeps what is being refined, where `action` accepts and something is.
pub(super) fn accept_refining(desk: &mut Desk<'_>, document: DocumentId, action: Action) -> bool {
    let ends = action == Action::Accept && desk.editor.refining(document).is_some();
    if ends {
        let keep = true;
        desk.send(Command::EndRefining { document, keep });
    }
    ends
}

/// Ends refining as if it had never begun; false where nothing is refined.
pub(super) fn give_up_refining(desk: &mut Desk<'_>) -> bool {
    let document = desk.editor.active().map(OpenDocument::id);
    let Some(document) = document.filter(|id| desk.editor.refining(*id).is_some()) else {
        return false;
    };
    let keep = false;
    desk.send(Command::EndRefining { document, keep });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_go_round_and_the_quick_mask_goes_to_and_fro() {
        let mut view = MaskView::Tint;
        for wanted in [
            MaskView::Ants,
            MaskView::BlackWhite,
            MaskView::OnBlack,
            MaskView::Tint,
        ] {
            view = after(view, Action::NextMaskView);
            assert_eq!(view, wanted);
        }
        for (now, wanted) in [
            (MaskView::Tint, MaskView::Ants),
            (MaskView::Ants, MaskView::Tint),
            (MaskView::BlackWhite, MaskView::Tint),
            (MaskView::OnBlack, MaskView::Tint),
        ] {
            assert_eq!(after(now, Action::QuickMask), wanted);
        }
    }
}
