"""Correlation of fine detail (what a Gaussian of 2.5 px takes away) of results with their original.

    python3 measure.py original.png result.png …    (numpy, scipy, pillow)
"""
import sys
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

def fine(path):
    luma = np.asarray(Image.open(path).convert("RGB"), np.float32) @ np.float32([0.299, 0.587, 0.114])
    return luma - gaussian_filter(luma, 2.5, mode="nearest")

original = fine(sys.argv[1]).ravel()
for path in sys.argv[2:]:
    result = fine(path).ravel()
    print(path, "%.2f" % (original @ result / np.sqrt((original @ original) * (result @ result))))
