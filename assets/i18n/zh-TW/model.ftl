model-missing-file = 模型缺少檔案。請確認資料夾是完整的：{ $path }
model-unreadable = 無法讀取模型的檔案。請檢查權限。細節：{ $why }。檔案：{ $path }
model-bad-config = 模型的檔案已損壞，或內容不合理。請重新取得。細節：{ $why }。檔案：{ $path }
model-unknown = 沒有「{ $id }」這個模型。請執行「overpaint models」查看清單，或給 diffusers 資料夾的路徑。
