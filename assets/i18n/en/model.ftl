model-missing-file = The model lacks a file. Check that its folder is complete: { $path }
model-unreadable = A file of the model cannot be read: { $why }. Check its permissions: { $path }
model-bad-config = A file of the model does not say what it should ({ $why }). Fetch it again: { $path }
model-unknown = There is no model “{ $id }”. Run “overpaint models” for a list, or give the path of a diffusers folder.
