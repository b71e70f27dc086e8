//! [`ClickState`]: what was said of the thing that is being selected by clicks.

use crate::document::DocumentId;
use crate::geometry::PointF;
use crate::select::Clicks;

/// What was said of the thing that is being selected by clicks. Further clicks say more of it; a box, another
/// picture or an empty mask begins with another.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct ClickState {
    document: Option<DocumentId>,
    clicks: Clicks,
}

impl ClickState {
    /// What was said in a document.
    pub(in crate::ui) fn of(&self, document: DocumentId) -> Option<&Clicks> {
        let said = (self.document == Some(document)).then_some(&self.clicks);
        said.filter(|clicks| !clicks.is_empty())
    }

    /// Another point, and whether it belongs to the thing. `begins`: to another thing than before.
    pub(in crate::ui) fn point(
        &mut self,
        document: DocumentId,
        at: (PointF, bool),
        begins: bool,
    ) -> Clicks {
        if begins || self.document != Some(document) {
            self.clicks = Clicks::default();
        }
        self.document = Some(document);
        self.clicks.points.push(at);
        self.clicks.clone()
    }

    /// A box around another thing.
    pub(in crate::ui) fn frame(
        &mut self,
        document: DocumentId,
        corners: (PointF, PointF),
    ) -> Clicks {
        self.document = Some(document);
        self.clicks = Clicks {
            points: Vec::new(),
            frame: Some(corners),
        };
        self.clicks.clone()
    }

    /// What comes next is about another thing. False where nothing was said.
    pub(in crate::ui) fn forget(&mut self) -> bool {
        !std::mem::take(&mut self.clicks).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_add_up_until_another_thing_begins() {
        let (one, other) = (DocumentId(1), DocumentId(2));
        let at = |x: f32| (PointF::new(x, 0.0), true);
        let mut state = ClickState::default();
        assert_eq!(state.point(one, at(1.0), false).points.len(), 1);
        assert_eq!(state.point(one, at(2.0), false).points.len(), 2);
        assert!(state.of(one).is_some() && state.of(other).is_none());
        assert_eq!(state.point(one, at(3.0), true).points, [at(3.0)]);
        assert_eq!(state.point(other, at(4.0), false).points, [at(4.0)]);
        let corners = (PointF::new(0.0, 0.0), PointF::new(5.0, 5.0));
        assert_eq!(state.frame(other, corners).points, []);
        // A point in a box says more of it.
        assert_eq!(state.point(other, at(1.0), false).frame, Some(corners));
        assert!(state.forget());
        assert!(!state.forget() && state.of(other).is_none());
    }
}
