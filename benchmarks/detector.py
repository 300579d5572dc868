"""A made-up detector: what it would report on a scene, as arrays.

It finds most objects, large ones more surely than small ones, and places them with an error that makes AP
fall as the IoU threshold rises. The rest of its output has low scores: duplicates, wrong classes, background.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import Floats, Integers, Scene, random_boxes

# A detector reports at least so many candidates an image before it drops the lowest scores.
LEAST_CANDIDATES = 30


@dataclass(frozen=True)
class Detections:
    """One row per detection: `image` and `category` are positions, `boxes` (N, 4) x, y, w, h in pixels.

    Numbers are float32, as networks return them.
    """

    image: Integers
    category: Integers
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


def draw_detections(
    rng: np.random.Generator, scene: Scene, mean_detections: float, shares: Floats, skill: Floats
) -> Detections:
    """`mean_detections` an image on average; `skill` (classes,) shifts the log-odds of finding a class.

    With fewer than LEAST_CANDIDATES an image, the best scores of the scene are kept, so images differ in how
    many they have; with more, nearly all have the same number. Scores descend within an image; images come in
    random order.
    """
    hits = _find_objects(rng, scene, skill)
    room = int(max(round(mean_detections), LEAST_CANDIDATES))
    missing = np.maximum(room - np.bincount(hits.image, minlength=len(scene.sizes)), 0)
    noise = _make_noise(rng, scene, np.repeat(np.arange(len(scene.sizes)), missing), shares)
    image = np.concatenate((hits.image, noise.image))
    scores = np.concatenate((hits.scores, noise.scores))
    kept = np.argsort(-scores, kind="stable")[: round(mean_detections * len(scene.sizes))]
    kept = kept[np.argsort(rng.permutation(len(scene.sizes))[image[kept]], kind="stable")]
    category = np.concatenate((hits.category, noise.category))
    boxes = np.concatenate((hits.boxes, noise.boxes))
    return Detections(image[kept], category[kept], boxes[kept], scores[kept])


def _find_objects(rng: np.random.Generator, scene: Scene, skill: Floats) -> Detections:
    """One detection for each object that is found, with a score that tells a little about its quality."""
    log_side = np.log(scene.boxes[:, 2] * scene.boxes[:, 3]) / 2 - 4.0
    ease = 1.2 + 0.9 * log_side + skill[scene.category]
    found = np.flatnonzero((rng.random(len(ease)) < _logistic(ease)) & ~scene.is_crowd)
    log_side, ease = log_side[found], ease[found]
    spread = 0.055 * np.exp(rng.normal(0.0, 0.65, len(found)) - 0.25 * log_side)
    boxes = _shift(rng, scene.boxes[found], spread)
    logit = rng.normal(-0.3 + 0.55 * ease - 6.0 * spread, 1.25)
    image = scene.image[found]
    return Detections(image, scene.category[found], _clip(boxes, scene.sizes[image]), _scores(logit))


def _make_noise(rng: np.random.Generator, scene: Scene, image: Integers, shares: Floats) -> Detections:
    """A low-score detection for each entry of `image`: near an object, or anywhere."""
    objects = np.argsort(scene.image, kind="stable")
    counts = np.bincount(scene.image, minlength=len(scene.sizes))
    starts = np.append(0, np.cumsum(counts))[:-1]
    near = (rng.random(len(image)) < 0.45) & (counts[image] > 0)
    pick = starts[image] + (rng.random(len(image)) * counts[image]).astype(np.int64)
    source = objects[np.minimum(pick, len(objects) - 1)] if len(objects) else np.zeros(len(image), np.int64)
    boxes = random_boxes(rng, scene.sizes[image])
    category = rng.choice(len(shares), len(image), p=shares)
    if len(objects):
        spread = 0.12 * np.exp(rng.normal(0.0, 0.8, len(image)))
        boxes[near] = _shift(rng, scene.boxes[source[near]], spread[near])
        same = near & (rng.random(len(image)) < 0.6)
        category[same] = scene.category[source[same]]
    logit = rng.normal(np.where(near, -3.0, -3.6), 0.9)
    return Detections(image, category, _clip(boxes, scene.sizes[image]), _scores(logit))


def _shift(rng: np.random.Generator, boxes: Floats, spread: Floats) -> Floats:
    """Move and stretch boxes (N, 4) by about `spread` (N,) of their sides."""
    moves = rng.normal(0.0, 1.0, (len(boxes), 4)) * spread[:, None]
    extent = boxes[:, 2:] * np.exp(np.clip(1.4 * moves[:, 2:], -1.5, 1.5))
    centre = boxes[:, :2] + boxes[:, 2:] * (0.5 + moves[:, :2])
    return np.hstack((centre - extent / 2, extent))


def _clip(boxes: Floats, sizes: Integers) -> NDArray[np.float32]:
    """Cut boxes (N, 4) at the borders of their images; at least one pixel wide and high."""
    low = np.clip(boxes[:, :2], 0.0, sizes - 1.0)
    high = np.clip(boxes[:, :2] + boxes[:, 2:], low + 1.0, sizes)
    return np.hstack((low, high - low)).astype(np.float32)


def _logistic(log_odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def _scores(logit: Floats) -> NDArray[np.float32]:
    return _logistic(logit).astype(np.float32)
