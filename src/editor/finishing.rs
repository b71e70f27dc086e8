//! Finishing in full: a result that was made in one pass and accepted is drawn again with more.

use std::sync::Arc;

use super::Editor;
use super::candidates::Candidate;
use super::ids::CandidateId;
use super::purpose::Purpose;
use crate::document::{DocumentId, LayerId};
use crate::jobs::Forecast;
use crate::plan::{EditRequest, RegionBoxes, SecondPass, later_passes, layout};

impl Editor {
    /// The result on top of a document that was made in one pass although more would draw it finer, and
    /// is not being finished already.
    pub fn finishable(&self, document: DocumentId) -> Option<CandidateId> {
        let top = self.document(document)?.document().layers().last()?.id;
        let accepted = |candidate: &&Candidate| candidate.accepted_as == Some(top);
        let candidate = self.candidates(document).find(accepted)?;
        let is_under_way = self
            .runs
            .iter()
            .any(|run| run.purpose.finishes == Some(top) && !run.state.is_ended());
        let gains = |wanted: &EditRequest| {
            let traits = &wanted.traits;
            !later_passes(&candidate.layout, &wanted.settings, traits).is_empty()
        };
        let wanted = self.in_full(candidate).filter(gains)?;
        (!is_under_way && wanted.settings != *candidate.settings).then_some(candidate.id)
    }

    /// What finishing a result will take.
    pub fn finishing_forecast(&self, id: CandidateId) -> Option<Forecast> {
        let candidate = self.candidate(id)?;
        let wanted = self.in_full(candidate)?;
        let Some(mask) = &wanted.painted else {
            return self.forecasting.forecast(&wanted, None);
        };
        // Boxes of the document's own mask are known.
        let open = self.document(candidate.document)?;
        let own = open.document().mask();
        if own.changed_tiles(mask).is_empty() {
            return self.forecasting.forecast(&wanted, Some(&open.region));
        }
        let boxes = RegionBoxes::of(mask);
        self.forecasting.forecast(&wanted, Some(&boxes))
    }

    /// The request of a result made in one pass, with as many as its document's settings ask for; up to the
    /// picture's own size where they ask for none.
    fn in_full(&self, candidate: &Candidate) -> Option<EditRequest> {
        if candidate.settings.second_pass != SecondPass::Off {
            return None;
        }
        let open = self.document(candidate.document)?;
        let mut wanted = EditRequest::clone(candidate.request.as_ref()?);
        wanted.settings.second_pass = match open.settings().second_pass {
            SecondPass::Off | SecondPass::Auto => SecondPass::Own,
            chosen => chosen,
        };
        wanted.settings.second_strength = open.settings().second_strength;
        Some(wanted)
    }

    pub(super) fn finish_in_full(&mut self, id: CandidateId) {
        let Some(candidate) = self.candidate(id) else {
            return;
        };
        let Some((wanted, layer)) = self.in_full(candidate).zip(candidate.accepted_as) else {
            return;
        };
        let document = candidate.document;
        let purpose = Purpose {
            finishes: Some(layer),
            ..Purpose::of_group(self.new_group())
        };
        let bounds = crate::plan::region_bounds(wanted.painted.as_ref(), wanted.settings.mask_mode);
        match layout(
            wanted.source.extent(),
            bounds,
            &wanted.settings,
            &wanted.traits,
        ) {
            Ok(layout) => {
                self.submit(document, &Arc::new(wanted), layout, purpose);
            }
            Err(error) => self.notices.warn(Some(document), &error),
        }
    }

    /// Puts a finished result in the place of the layer it finishes, as one edit. Where that layer is
    /// gone it waits to be accepted, as any other.
    pub(super) fn place_finished(&mut self, id: CandidateId, layer: LayerId) {
        let document = self.candidate(id).map(|candidate| candidate.document);
        let open = document.and_then(|document| self.document(document));
        if open.is_some_and(|open| open.document().layer(layer).is_some()) {
            self.accept_in_place(id, Some(layer));
        }
    }
}
