model-missing-file = The model lacks a file. Check that its folder is complete: { $path }
model-unreadable = A file of the model cannot be read. Check its permissions. Detail: { $why }. File: { $path }
model-bad-config = A file of the model is damaged, or asks for something impossible. Fetch it again. Detail: { $why }. File: { $path }
model-unknown = There is no model “{ $id }”. Run “overpaint models” for a list, or give the path of a diffusers folder.
