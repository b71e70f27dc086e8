//! Commands about layers.

use super::Editor;
use crate::document::{DocumentId, EditLabel, Layer, LayerId, State};

impl Editor {
    pub(super) fn set_layer_visible(&mut self, id: DocumentId, layer: LayerId, visible: bool) {
        self.edit(id, EditLabel::ShowLayer, |state| {
            with_layer(state, layer, |layer| layer.visible = visible);
        });
    }

    /// A slider sends many values and one `done`; they become one edit.
    pub(super) fn set_layer_opacity(
        &mut self,
        id: DocumentId,
        layer: LayerId,
        opacity: u8,
        done: bool,
    ) {
        self.with_document(id, |open| {
            open.stroke = None;
            let document = &mut open.document;
            if document.open_gesture() != Some(EditLabel::LayerOpacity) {
                document.begin(EditLabel::LayerOpacity);
            }
            document.change(|state| with_layer(state, layer, |layer| layer.opacity = opacity));
            if done {
                document.commit();
            }
        });
    }

    pub(super) fn set_layer_name(&mut self, id: DocumentId, layer: LayerId, name: String) {
        self.edit(id, EditLabel::RenameLayer, |state| {
            with_layer(state, layer, |layer| layer.name = name);
        });
    }

    pub(super) fn delete_layer(&mut self, id: DocumentId, layer: LayerId) {
        self.edit(id, EditLabel::DeleteLayer, |state| {
            state.layers.retain(|other| other.id != layer);
        });
    }

    pub(super) fn move_layer(&mut self, id: DocumentId, layer: LayerId, to: usize) {
        self.edit(id, EditLabel::MoveLayer, |state| {
            if let Some(from) = state.layers.iter().position(|other| other.id == layer) {
                let moved = state.layers.remove(from);
                state.layers.insert(to.min(state.layers.len()), moved);
            }
        });
    }
}

fn with_layer(state: &mut State, id: LayerId, change: impl FnOnce(&mut Layer)) {
    if let Some(layer) = state.layers.iter_mut().find(|layer| layer.id == id) {
        change(layer);
    }
}
