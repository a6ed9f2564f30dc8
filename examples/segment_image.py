"""Segments of a photograph by colour and place, and the colours of pixels that lost theirs.

The photograph ships with scikit-learn; its pixels come in random order, as a stream would.

    python examples/segment_image.py --out segments.png
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
from sklearn import mixture as sklearn
from sklearn.datasets import load_sample_image

from streamgmm import GaussianMixture, Mixture, OnlineGMM


def in_one_pass(stream: np.ndarray, K: int) -> Mixture:
    """Learn each pixel once, as it comes, also those without a colour."""
    shapes_of_their_own = {"shrinkage": 2, "correlation_shrinkage": 0, "structure": False}
    model = OnlineGMM(K, half_life=None, gate=None, warmup=50 * K, **shapes_of_their_own)
    model.learn_many(stream)
    return model.density


def in_batch(stream: np.ndarray, K: int) -> Mixture:
    """Go over all pixels again and again until nothing changes."""
    return GaussianMixture(K, max_iter=300, reg_covar=1.0).fit(stream).mixture_


def by_scikit_learn(stream: np.ndarray, K: int) -> Mixture:
    """Do the same with scikit-learn's, which takes the pixels that have a colour only."""
    rules = {"reg_covar": 1.0, "init_params": "k-means++", "random_state": 0}
    gm = sklearn.GaussianMixture(K, max_iter=300, **rules)
    gm.fit(stream[~np.isnan(stream).any(axis=1)])
    return Mixture(gm.weights_, gm.means_, gm.covariances_)


def by_the_mean(stream: np.ndarray, K: int) -> Mixture:  # noqa: ARG001
    """Expect the mean colour everywhere."""
    return Mixture([1.0], [np.nanmean(stream, axis=0)], [np.diag(np.nanvar(stream, axis=0))])


def save(path: str, shape: tuple[int, int], pictures: dict[str, np.ndarray]) -> None:
    """Draw colours (n, 3) as pictures, two by two."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained")
    for ax, (title, colours) in zip(axes.flat, pictures.items(), strict=True):
        ax.imshow(np.clip(colours, 0, 255).astype(np.uint8).reshape(*shape, 3))
        ax.set_title(title, fontsize=11)
        ax.axis("off")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Fit the pixels in each way, and say how far the filled colours are off the true ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photograph", default="china.jpg", choices=["china.jpg", "flower.jpg"])
    parser.add_argument("--step", type=int, default=2, help="between rows and columns taken")
    parser.add_argument("--segments", type=int, default=64)
    parser.add_argument("--out", help="a picture of it, such as segments.png")
    options = parser.parse_args()

    image = load_sample_image(options.photograph)[:: options.step, :: options.step]
    shape, colours = image.shape[:2], image.reshape(-1, 3).astype(float)
    empty = np.random.default_rng(0).random(len(colours)) < 0.3
    holed = np.where(empty[:, None], np.nan, colours)
    pixels = np.hstack([np.indices(shape).reshape(2, -1).T, holed])  # row, column, r, g, b
    stream = np.random.default_rng(1).permutation(pixels)
    print(f"{len(pixels):,} pixels, {empty.sum():,} of them without a colour")
    print("filled by                         CPU s   RMSE   PSNR")
    for name, fit in {
        "the mean colour": by_the_mean,
        "OnlineGMM, one pass": in_one_pass,
        "GaussianMixture": in_batch,
        "scikit-learn's, complete pixels": by_scikit_learn,
    }.items():
        started = time.process_time()
        found = fit(stream, options.segments)
        seconds = time.process_time() - started
        filled = found.expect(pixels).mean[:, 2:]
        rmse = math.sqrt(((filled - colours)[empty] ** 2).mean())
        print(f"{name:<33} {seconds:5.1f} {rmse:6.1f} {20 * math.log10(255 / rmse):6.1f}")
        if name == "OnlineGMM, one pass" and options.out:
            segment = found.responsibilities(pixels).argmax(axis=1)
            save(options.out, shape, {
                "photograph": colours,
                "30% of the pixels without a colour": np.where(empty[:, None], 255, colours),
                f"{found.n_components} segments, each in its mean colour": found.means[segment, 2:],
                "colours filled by what is expected at the place": filled,
            })  # fmt: skip


if __name__ == "__main__":
    main()
