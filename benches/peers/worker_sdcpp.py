"""stable-diffusion.cpp as a peer, for the stage `edit` only: its parts cannot be called by
themselves, so no numbers are compared. Loads a diffusers folder, says so, then makes one picture
out of another for each line on standard input, with the mask all open. Every answer is one line of
JSON on standard output.

    worker_sdcpp.py MODEL SIDE THREADS
"""

import json
import sys
import time

from answers import forget_peak_rss, peak_rss_bytes, say

import numpy
from PIL import Image
from stable_diffusion_cpp import StableDiffusion

MODEL, SIDE, THREADS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
STRENGTH = 0.75


def main():
    began = time.perf_counter()
    program = StableDiffusion(model_path=MODEL, n_threads=THREADS, verbose=True)
    say(loaded=time.perf_counter() - began, load_peak_rss_bytes=peak_rss_bytes())
    forget_peak_rss()
    noise = numpy.random.default_rng(7)
    for turn, line in enumerate(sys.stdin):
        asked = json.loads(line)
        picture = Image.fromarray(noise.integers(0, 256, (SIDE, SIDE, 3), dtype=numpy.uint8))
        executed = []
        began = time.perf_counter()
        program.generate_image(
            prompt=f"a house by the sea, {turn}",
            negative_prompt="rain",
            init_image=picture,
            width=SIDE,
            height=SIDE,
            cfg_scale=7.0,
            # It executes this share of them.
            sample_steps=round(asked["steps"] / STRENGTH),
            strength=STRENGTH,
            sample_method="euler",
            seed=turn,
            progress_callback=lambda step, steps, seconds: executed.append((step, steps, seconds)),
        )
        seconds = time.perf_counter() - began
        say(seconds=seconds, run_peak_rss_bytes=peak_rss_bytes(), executed=executed)


main()
