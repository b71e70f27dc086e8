editor-edit-paint = Paint
editor-edit-erase = Erase
editor-edit-rectangle = Rectangle
editor-edit-lasso = Lasso
editor-edit-ellipse = Ellipse
editor-edit-wand = Magic wand
editor-edit-smart-brush = Smart brush
editor-edit-refine = Refine edge
editor-edit-invert-mask = Invert mask
editor-edit-clear-mask = Clear mask
editor-edit-load-mask = Load mask
editor-edit-add-layer = Accept result
editor-edit-show-layer = Show or hide layer
editor-edit-layer-opacity = Layer opacity
editor-edit-rename-layer = Rename layer
editor-edit-move-layer = Move layer
editor-edit-delete-layer = Delete layer
editor-edit-crop-canvas = Crop canvas
editor-edit-select = Select
editor-edit-erase-from-picture = Erase from picture
editor-edit-mask-kind = Kind of mask
editor-edit-background = Background
editor-edit-layer-mask = Mask of a layer
editor-edit-duplicate-layer = Duplicate layer
editor-edit-throw-away = Throw result away
editor-erased-name = Erased { $number }
editor-background-colour = Background: colour
editor-background-gradient = Background: gradient
editor-background-blur = Background: blur
editor-background-picture = Background: picture
editor-background-nothing = Background: cut out
editor-erase-lost = Erasing broke down. This is our mistake; please report it. Nothing was changed; you can try again.
editor-unsaved-work = “{ $title }” has unsaved work. Save it, or close it again and discard the work.
editor-no-path = This document has no file of its own yet. Use “Save as”.
editor-original-kept = “{ $name }” is the file you opened, and it is not replaced unasked. Save a copy, or say that it may be replaced.
editor-nothing-to-save = Nothing to save: the picture is the same as in “{ $name }”.
editor-models-added = Models found in { $path }: { $count }. Choose one in the model list.
editor-server-known = “{ $name }” has that address already: { $address }
editor-server-name = Something is called “{ $name }” already. Choose another name.
editor-got = “{ $name }” is there and can be used now.
editor-no-model = No model can be used at the moment. Choose one in the model list.
editor-too-busy = Too many files are being read or written at the moment. Try again in a moment.
editor-task-lost = Reading or writing a file broke down. Your work is safe; try again, and please report it.
editor-nothing-to-refine = Nothing is painted, so there is no edge to refine. Paint or select something first.
editor-canvas-changed = This result was made for a canvas of { $made }, which is now { $now }. Undo the change of size to accept it.
rerun-unrecorded = It was made by an older Overpaint, which did not write down what it computed from. Running again may give other pixels.
rerun-other-program = It was made with version { $then } of Overpaint, which computes a little differently.
rerun-other-device = It was computed by { $then }, which rounds a little differently.
rerun-model-absent = The model “{ $name }” is not here. Add its folder in the model list.
rerun-model-changed = The model “{ $name }” has other weights than the one it was made with.
rerun-lora-absent = The LoRA “{ $name }” is not here. Put its file where the others are.
rerun-lora-changed = The LoRA “{ $name }” has other weights than the one it was made with.
rerun-other-source = The picture it was made from has changed since.
rerun-other-mask = The mask it was made with has changed since.
editor-again-same = Run again: the same picture, byte for byte.
editor-again-other = Run again, and the picture is another. { $reason }
editor-again-unexplained = Run again, and the picture is another, although picture, mask and model are the same. Please report it.
editor-batch-unreadable = The folder cannot be read: { $path }. Detail: { $why }
editor-batch-empty = There is no picture in this folder: { $path }
editor-batch-busy = Something of this folder is being done already. Wait for it, or stop it.
editor-batch-done = { $count ->
    [one] One picture is done.
   *[other] { $count } pictures are done.
}
editor-batch-server-away = The batch has stopped; what is done stays done, and it goes on from there when you run it again. { $said }
editor-batch-recipe-changed = The run was stopped because the recipe is another one now. Run again to do all pictures by it.
editor-batch-results-gone = { $count ->
    [one] 1 accepted result is not there any more: { $names }. Run the batch to make it again.
   *[other] { $count } accepted results are not there any more: { $names }. Run the batch to make them again.
}
editor-batch-none-accepted = No result is accepted yet. Accept those you want, then export them.
editor-batch-exported = { $count ->
    [one] One result was copied to { $path }
   *[other] { $count } results were copied to { $path }
}
editor-batch-not-replaced = { $count ->
    [one] A file of the same name lay there already and was left as it is: { $path }
   *[other] { $count } files of the same names lay there already and were left as they are: { $path }
}
editor-no-recipe = This layer was not made by a model, so it cannot be run again.
editor-no-layer-mask = The mask of this layer was not kept, or was made for another canvas size. The mask stays as it is; paint what is to change.
editor-result-not-kept = A result cannot be kept on the disk at the moment; it stays in memory. Free some space on the disk. Detail: { $why }
editor-result-unreadable = A result cannot be read from the disk. Run it again, or throw it away. Detail: { $why }
editor-journal-failed = Work cannot be kept for recovery at the moment. Free some space on the disk, and save often. Detail: { $why }
editor-restore-failed = “{ $title }” cannot be restored. Detail: { $why }
editor-preferences-broken = The preferences could not be read, so the program starts with its own. The old file is kept: { $path }
editor-preferences-not-saved = The preferences cannot be saved. Detail: { $why }
editor-layer-name = Result { $number }
editor-untitled = Untitled { $number }
editor-sample = Sample portrait
editor-sample-meadow = Portrait in a meadow
editor-sample-room = Portrait in a living room
editor-sample-sea = Portrait by the sea
editor-sample-snow = Portrait in the mountains
editor-sample-runner = Runner
editor-sample-dancer = Dancer in the city
editor-sample-cat = Cat on the beach
editor-sample-castle = Castle in the mountains
editor-sample-astronaut = Photograph: an astronaut
editor-saved = Saved: { $name }
editor-restore-damaged = it is damaged from its beginning
