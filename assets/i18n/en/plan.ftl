plan-bad-lora-weight = A LoRA weight of { $value } is not possible. Choose a value from -10 to 10; 1 is as it was trained.
plan-bad-strength = Denoising strength { $value } is not possible. Choose a value above 0 and up to 1; 0.3 to 0.5 keeps details.
plan-bad-steps = { $value } steps are not possible. Choose 1 to 1000.
plan-bad-guidance = A guidance scale of { $value } is not possible. Choose 1 to 50.
plan-bad-length = “{ $value }” is not a length. Write pixels (12 or 12px) or a share (5%).
plan-put-unknown = Nothing to put behind is called “{ $value }”, and there is no such file. Known: white, black, #rrggbb, gradient:#rrggbb,#rrggbb, blur, blur:12px, blur:2%, nothing, or the name of a picture.
plan-bad-work-size = “{ $value }” is not a work size. Write width x height, such as 768x512 (sides of 16 to 8192 pixels), or a factor of 0.25 to 8.
plan-unknown-id = “{ $value }” is not known here. Choose one of: { $known }.
plan-nothing-to-run = { $steps } steps at strength { $strength } leave no step to run. Raise the strength or the steps.
plan-everything-kept = Everything is painted, and what is painted stays: nothing is left to change. Erase where something should change, or switch the mask mode.
completion-cancelled = Stopped.
completion-too-little-left = Too little of the picture is left to copy from. Paint less, or erase it in several steps.
plan-erase-nothing-painted = Nothing is painted, so there is nothing to erase. Paint over what should go.
backdrop-nothing-selected = Nothing is selected, so there is nothing to put a background behind. Select the subject first, or load its mask.
backdrop-everything-selected = Everything is selected, so there is no background to replace. Select the subject only, or take from the mask what may go.
plan-mask-size = The mask is { $mask } and the picture { $picture }; they must be the same size.
plan-empty-picture = The picture has no pixels.
plan-engine-size = The engine returned { $got } instead of { $wanted }. This is our mistake; please report it.
plan-bad-profile = The picture’s colour profile cannot be used. Convert the picture to sRGB first. Detail: { $why }
plan-scaling = The picture cannot be scaled. This is our mistake; please report it. Detail: { $why }
forecast-one = about { $time }
forecast-memory = { $forecast }, { $memory }
forecast-runs = { $count } results: { $forecast }
forecast-passes = { $passes } passes, about { $time }
forecast-tiles =
    { $passes } passes, { $tiles ->
        [one] 1 tile
       *[other] { $tiles } tiles
    }, about { $time }
forecast-seconds = { $count } s
forecast-minutes = { $count } min
forecast-hours = { $count } h
select-no-subject = Nothing in the picture stands out as its subject. Paint the mask by hand, or crop the picture closer.
select-nothing-there = Nothing stands out where you clicked. Click on its middle, or drag a box around it.
select-nothing-meant = Say first what is meant: click on it, or put a box around it. Then say what is not.
select-outside = The place { $x }, { $y } lies beside the picture, which has { $width } × { $height } pixels.
select-no-face = No face was found in the picture. Faces must be turned to the camera and not too small; select the subject instead, or paint the mask by hand.
select-no-such-person = There is no person { $person }: { $found } { $found ->
    [one] face was
   *[other] faces were
} found. People are counted from left to right.
