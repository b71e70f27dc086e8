#!/usr/bin/env bash
# The tutorial's story on a photograph in a real window, without painting a stroke: another background by the model
# (the beach), then white, blurred, another photograph; hair; clothes; style. Checks that each step changed what it
# should and kept what it should, and keeps a screenshot of each.
#
#   bash benches/session/tutorial.sh BINARY OUT_FOLDER PHOTOS
#
# PHOTOS holds astronaut.png and coffee.png (scikit-image's data). Environment and needs: as run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
export STORY=tutorial PHOTOS=$(realpath "$3")
bash benches/session/run.sh "$1" "$2"
