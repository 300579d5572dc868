"""Pairs of detectors drawn at random, with a true difference that is known: what intervals and verdicts are held to.

A world fixes the classes: how often images hold them, how many objects they then hold, how hard they are. A data set
is drawn from it as two models' `Evidence` on the same images, without boxes: objects and empty places that look like
objects have latent qualities, and each model sees them with noise of its own. docs/statistics.md tells it in full.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from deteval.measures import measure
from deteval.records.dataset import Categories, Images
from deteval.records.evidence import Evidence
from deteval.records.metric import Metric
from deteval.records.params import COCO_IOU, AreaRange, Params
from deteval.threads import available_threads, map_chunks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARAMS = Params(max_dets=(100,), areas=(AreaRange("all", 0.0, 1e10),))

# val2017 by category id: objects, and images that hold the class (crowds included); 4,952 of 5,000 images hold any.
VAL2017_OBJECTS = (
    11004, 316, 1932, 371, 143, 285, 190, 415, 430, 637, 101, 75, 60, 413, 440, 202, 218, 273, 361, 380,
    255, 71, 268, 232, 371, 413, 540, 254, 303, 115, 241, 69, 263, 336, 146, 148, 179, 269, 225, 1025,
    343, 899, 215, 326, 253, 626, 379, 239, 177, 287, 316, 371, 127, 285, 338, 316, 1791, 261, 343, 163,
    697, 179, 288, 231, 106, 283, 153, 262, 55, 143, 9, 225, 126, 1161, 267, 277, 36, 191, 11, 57,
)  # fmt: skip
VAL2017_IMAGES = (
    2693, 149, 535, 159, 97, 189, 157, 250, 121, 191, 86, 69, 37, 235, 125, 184, 177, 128, 65, 87,
    89, 49, 85, 101, 228, 174, 292, 145, 105, 84, 120, 49, 169, 91, 97, 100, 127, 149, 167, 379,
    110, 390, 155, 181, 153, 314, 103, 76, 98, 85, 71, 81, 51, 153, 62, 124, 580, 195, 172, 149,
    501, 149, 207, 183, 88, 145, 106, 214, 54, 115, 8, 187, 101, 230, 204, 137, 28, 94, 9, 34,
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """held: the chance that an image holds each class. objects: how many it then holds on average. easy: how well the
    models do on each class. All of shape (classes,)."""

    held: Floats
    objects: Floats
    easy: Floats


@dataclass(frozen=True)
class Frames:
    """scene: the scene that every image shows, (images,). Images of one scene show the same objects; jitter: how much
    their qualities change from image to image, as a standard deviation."""

    scene: Ints
    jitter: float


@dataclass(frozen=True)
class Places:
    """Where models may see something: an object, or an empty place. quality: (models, places)."""

    image: Ints
    category: Ints
    quality: Floats


@cache
def world(classes: int) -> World:
    """80 classes with val2017's long tail; 1 class on two images of three; or some, on every second image down to
    every tenth."""
    if classes == 80:
        images = np.array(VAL2017_IMAGES)
        held, objects = images / 5000, np.array(VAL2017_OBJECTS) / images
    elif classes == 1:
        held, objects = np.array([2 / 3]), np.array([3.0])
    else:
        held, objects = np.geomspace(0.5, 0.1, classes), np.full(classes, 2.0)
    return World(held, objects, np.random.default_rng(80).normal(0.0, 0.6, classes))


def still_images(images: int) -> Frames:
    """Every image is a scene of its own."""
    return Frames(np.arange(images), 0.0)


def video_clips(rng: Generator, clips: int) -> Frames:
    """Clips of 10 to 50 frames."""
    return Frames(np.repeat(np.arange(clips), rng.integers(10, 51, clips)), 0.35)


def draw_pair(rng: Generator, classes: int, frames: Frames, gap: float = 0.0) -> tuple[Evidence, Evidence]:
    """Two models on the same images; the second one's qualities are lower by `gap`. At 0 the models are exchangeable,
    so that the true difference of every metric is 0."""
    kind = world(classes)
    scenes = int(frames.scene.max()) + 1
    mood = rng.normal(0.0, 0.5, scenes)  # of a scene, shared by both models
    own_mood = rng.normal(0.0, 0.25, (2, scenes))
    objects = draw_objects(rng, kind, scenes)
    empty = draw_empty_places(rng, kind, objects, scenes)
    seen, own = rng.normal(0.0, 1.0, len(objects.image)), rng.normal(0.0, 0.5, (2, len(objects.image)))
    quality = (kind.easy[objects.category] + mood[objects.image] + seen + own + own_mood[:, objects.image]
               - np.array([[0.0], [gap]]))
    objects = over_frames(rng, Places(objects.image, objects.category, quality), frames)
    likeness, own = rng.normal(-1.6, 1.0, len(empty.image)), rng.normal(0.0, 0.7, (2, len(empty.image)))
    empty = over_frames(rng, Places(empty.image, empty.category, likeness + own), frames)
    shared = rng.normal(0.0, 0.8, objects.quality.shape[1])
    fit = 1.3 + 0.5 * objects.quality + shared + rng.normal(0.0, 0.4, objects.quality.shape)
    overlap = 1.0 / (1.0 + np.exp(-fit))
    images = Images(ids=np.arange(1, len(frames.scene) + 1), file_names=(None,) * len(frames.scene),
                    width=np.full(len(frames.scene), 640.0), height=np.full(len(frames.scene), 480.0))
    return (as_evidence(rng, images, classes, objects, overlap[0], empty, 0),
            as_evidence(rng, images, classes, objects, overlap[1], empty, 1))


def draw_objects(rng: Generator, kind: World, scenes: int) -> Places:
    """Objects of every scene, some scenes holding many classes and some none."""
    richness = rng.gamma(6.0, 1 / 6.0, scenes)
    holds = rng.random((scenes, len(kind.held))) < kind.held * richness[:, None]
    image, category = np.nonzero(holds)
    count = rng.geometric(1.0 / kind.objects[category])
    return Places(np.repeat(image, count), np.repeat(category, count), np.empty((2, 0)))


def draw_empty_places(rng: Generator, kind: World, objects: Places, scenes: int) -> Places:
    """Empty places: next to half of the objects one of its class, and some of any class anywhere."""
    near = np.flatnonzero(rng.random(len(objects.image)) < 0.5)
    anywhere = np.repeat(np.arange(scenes), rng.poisson(3.0, scenes))
    share = np.cumsum(kind.held * kind.objects)
    category = np.searchsorted(share, rng.random(len(anywhere)) * share[-1])
    return Places(np.concatenate([objects.image[near], anywhere]),
                  np.concatenate([objects.category[near], category]), np.empty((2, 0)))


def over_frames(rng: Generator, places: Places, frames: Frames) -> Places:
    """What every frame of a scene shows of its places."""
    if frames.jitter == 0.0:
        return places
    order = np.argsort(places.image, kind="stable")
    starts = np.searchsorted(places.image[order], np.arange(frames.scene.max() + 2))
    count = np.diff(starts)[frames.scene]
    image = np.repeat(np.arange(len(frames.scene)), count)
    within = np.arange(len(image)) - np.repeat(np.cumsum(count) - count, count)
    rows = order[starts[frames.scene[image]] + within]
    shared, own = rng.normal(0.0, frames.jitter, (1, len(rows))), rng.normal(0.0, frames.jitter, (2, len(rows)))
    return Places(image, places.category[rows], places.quality[:, rows] + shared + own)


def as_evidence(rng: Generator, images: Images, classes: int, objects: Places, overlap: Floats, empty: Places,
                model: int) -> Evidence:
    """The rows of one model: what it sees of objects and of empty places, by score."""
    hit = np.zeros(len(objects.image), np.uint32)
    for t, threshold in enumerate(COCO_IOU):
        hit |= (overlap >= threshold).astype(np.uint32) << np.uint32(t)
    quality = np.concatenate([objects.quality[model] + 0.3 * rng.normal(size=len(hit)), empty.quality[model]])
    fires = quality > -1.5
    image = np.concatenate([objects.image, empty.image])[fires]
    category = np.concatenate([objects.category, empty.category])[fires]
    hits = np.concatenate([hit, np.zeros(len(empty.image), np.uint32)])[fires]
    scores = 1.0 / (1.0 + np.exp(-quality[fires]))
    found = np.where(fires[: len(hit)], hit, 0).astype(np.uint32)
    order = np.lexsort((-scores, image, category))
    image, category = image[order], category[order]
    first = np.ones(len(order), bool)
    first[1:] = (image[1:] != image[:-1]) | (category[1:] != category[:-1])
    place = np.arange(len(order))
    gt_order = np.lexsort((objects.image, objects.category))
    return Evidence(
        params=PARAMS, images=images,
        categories=Categories(np.arange(1, classes + 1), tuple(f"class {k}" for k in range(1, classes + 1))),
        image=image.astype(np.int32), category=category.astype(np.int32),
        rank=(place - np.maximum.accumulate(np.where(first, place, 0))).astype(np.int32), scores=scores[order],
        row=place, true_positive=hits[order].reshape(-1, 1, 1), ignored=np.zeros((len(order), 1, 1), np.uint32),
        gt_image=objects.image[gt_order].astype(np.int32), gt_category=objects.category[gt_order].astype(np.int32),
        gt_row=np.arange(len(gt_order)), gt_ignored=np.zeros((len(gt_order), 1), bool),
        found=found[gt_order].reshape(-1, 1, 1),
    )


@cache
def true_differences(classes: int, gap: float, metrics: tuple[Metric, ...], images: int, parts: int = 4,
                     ) -> tuple[Floats, Floats]:
    """The differences in a population, means over `parts` of `images` images each: (metrics,), (metrics, classes)."""
    def one(part: int) -> tuple[Floats, Floats]:
        pair = draw_pair(np.random.default_rng([part, classes, 2**20]), classes, still_images(images), gap)
        base, new = (measure(metrics, evidence, threads=1) for evidence in pair)
        return new.values - base.values, new.classes - base.classes

    found = map_chunks(one, range(parts), available_threads())
    return (np.mean([values for values, _ in found], axis=0), np.mean([by_class for _, by_class in found], axis=0))
