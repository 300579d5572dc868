"""Random scenes like those of COCO val2017, as arrays; files are written by `generate`.

Classes, box sizes, objects per image and polygon lengths follow the figures of val2017. A scene covers a few
hundred images, so that any number of images fits in memory: draw one scene after another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Objects per class in val2017, in the order of the category ids; person is the first.
COCO_CLASS_COUNTS = (
    11004, 316, 1932, 371, 143, 285, 190, 415, 430, 637, 101, 75, 60, 413, 440, 202, 218, 273, 361, 380,
    255, 71, 268, 232, 371, 413, 540, 254, 303, 115, 241, 69, 263, 336, 146, 148, 179, 269, 225, 1025,
    343, 899, 215, 326, 253, 626, 379, 239, 177, 287, 316, 371, 127, 285, 338, 316, 1791, 261, 343, 163,
    697, 179, 288, 231, 106, 283, 153, 262, 55, 143, 9, 225, 126, 1161, 267, 277, 36, 191, 11, 57,
)  # fmt: skip
# The ids that COCO's 80 classes leave out of 1 to 90.
COCO_ID_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_IMAGE_SIZES = ((640, 480), (640, 427), (480, 640), (640, 428), (612, 612), (500, 375), (427, 640))
COCO_IMAGE_SHARES = (0.36, 0.25, 0.17, 0.07, 0.05, 0.06, 0.04)

CLASSES_IN_AN_IMAGE = 12  # at most; about three are used
CROWD_SHARE = 0.01


@dataclass(frozen=True)
class Scene:
    """Images of `sizes` (images, 2), width and height in pixels, and the objects on them.

    One row per object: `image` and `category` are positions, `boxes` (objects, 4) x, y, w, h in pixels with
    two decimals, as in COCO's files.
    """

    sizes: Integers
    image: Integers
    category: Integers
    boxes: Floats
    is_crowd: NDArray[np.bool_]


@dataclass(frozen=True)
class Outlines:
    """Polygons: `points` (points, 2) in pixels; `ring_starts` and `object_starts` are offsets into them.

    An object has one or two rings; both offset arrays end with the number of points. `area` (objects,) px^2.
    """

    points: Floats
    ring_starts: Integers
    object_starts: Integers
    area: Floats


def class_shares(classes: int, long_tail: bool) -> Floats:
    """Share of the objects that belongs to each class, summing to 1.

    A long tail is a power law, about that of LVIS. Otherwise val2017's histogram, stretched where there are
    not 80 classes.
    """
    if long_tail:
        counts = 1.0 / np.arange(1.0, classes + 1.0) ** 1.1
    elif classes == len(COCO_CLASS_COUNTS):
        counts = np.array(COCO_CLASS_COUNTS, dtype=np.float64)
    else:
        descending = np.sort(np.array(COCO_CLASS_COUNTS, dtype=np.float64))[::-1]
        counts = np.interp(np.linspace(0, 1, classes), np.linspace(0, 1, len(descending)), descending)
    return np.asarray(counts / counts.sum())


def category_ids(classes: int) -> list[int]:
    """Ids from 1; with gaps as in COCO where there are 80 classes."""
    gaps = COCO_ID_GAPS if classes == len(COCO_CLASS_COUNTS) else ()
    return [number for number in range(1, classes + len(gaps) + 1) if number not in gaps]


def draw_sizes(rng: np.random.Generator, images: int) -> Integers:
    """Width and height in pixels of every image, of shape (images, 2)."""
    return np.array(COCO_IMAGE_SIZES)[rng.choice(len(COCO_IMAGE_SIZES), images, p=COCO_IMAGE_SHARES)]


def draw_scene(rng: np.random.Generator, sizes: Integers, mean_objects: float, shares: Floats) -> Scene:
    """Objects on the images of `sizes`, `mean_objects` an image on average, of classes as in `shares`."""
    counts = _objects_per_image(rng, len(sizes), mean_objects)
    image = np.repeat(np.arange(len(sizes)), counts)
    # An image shows few classes, several objects of each: objects choose among the image's own draws.
    drawn = rng.choice(len(shares), (len(sizes), CLASSES_IN_AN_IMAGE), p=shares)
    choice = np.minimum(rng.geometric(0.42, len(image)) - 1, CLASSES_IN_AN_IMAGE - 1)
    is_crowd = rng.random(len(image)) < CROWD_SHARE
    boxes = random_boxes(rng, sizes[image], np.where(is_crowd, 1.0, 0.0))
    order = rng.permutation(len(image))  # COCO's files do not group objects by image
    return Scene(sizes, image[order], drawn[image, choice][order], boxes[order], is_crowd[order])


def random_boxes(rng: np.random.Generator, sizes: Integers, growth: Floats | float = 0.0) -> Floats:
    """One box for each row of `sizes`, inside the image; `growth` is added to the log of its side."""
    side = np.exp(rng.normal(4.0, 1.1, len(sizes)) + growth)
    stretch = np.exp(rng.normal(-0.08, 0.37, len(sizes)))
    extent = np.clip(np.column_stack((side * stretch, side / stretch)), 3.0, sizes - 1.0)
    corner = rng.random((len(sizes), 2)) * (sizes - extent)
    return np.round(np.hstack((corner, extent)), 2)


def draw_outlines(rng: np.random.Generator, boxes: Floats) -> Outlines:
    """A polygon for every box, touching its four sides; one object in eight has two rings."""
    side = np.sqrt(boxes[:, 2] * boxes[:, 3])
    vertices = np.exp(1.84 + 0.3 * np.log(side) + rng.normal(0.0, 0.6, len(boxes))).astype(np.int64)
    rings = np.where(rng.random(len(boxes)) < 0.125, 2, 1)
    ring_object = np.repeat(np.arange(len(boxes)), rings)
    ring_size = np.clip(vertices // rings, 6, 120)[ring_object]
    second = np.diff(ring_object, prepend=-1) == 0
    ring_starts = np.append(0, np.cumsum(ring_size))
    ring = np.repeat(np.arange(len(ring_size)), ring_size)
    step = np.arange(ring_starts[-1]) - ring_starts[ring]
    # One ring goes round the whole turn; of two, each takes a half.
    turn = (step + 0.8 * rng.random(len(step))) / (ring_size * rings[ring_object])[ring] + 0.5 * second[ring]
    radius = rng.uniform(0.75, 1.0, len(step))
    unit = np.column_stack((np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn))) * radius[:, None]
    object_starts = np.append(ring_starts[:-1][~second], ring_starts[-1])
    points = np.round(_fit(unit, object_starts, boxes), 2)
    ring_area = _shoelace(points, ring_starts)
    area: Floats = np.bincount(ring_object, weights=ring_area, minlength=len(boxes)).astype(np.float64)
    return Outlines(points, ring_starts, object_starts, area)


def _objects_per_image(rng: np.random.Generator, images: int, mean: float) -> Integers:
    """Log-normal counts with the given mean; one image in a hundred is empty, none is very crowded."""
    weight = np.minimum(np.exp(rng.normal(0.0, 1.0, images)), 9.0)
    weight[rng.random(images) < 0.01] = 0.0
    expected = weight * (mean * images / max(weight.sum(), 1.0))
    return np.asarray(expected + rng.random(images)).astype(np.int64)


def _fit(unit: Floats, object_starts: Integers, boxes: Floats) -> Floats:
    """Stretch every object's points so that their bounds are its box."""
    low = np.minimum.reduceat(unit, object_starts[:-1])
    high = np.maximum.reduceat(unit, object_starts[:-1])
    scale = boxes[:, 2:] / (high - low)
    per_object = np.diff(object_starts)
    moved = (unit - np.repeat(low, per_object, axis=0)) * np.repeat(scale, per_object, axis=0)
    return np.asarray(moved + np.repeat(boxes[:, :2], per_object, axis=0))


def _shoelace(points: Floats, ring_starts: Integers) -> Floats:
    """Area in px^2 of every ring."""
    following = np.arange(1, len(points) + 1)
    following[ring_starts[1:] - 1] = ring_starts[:-1]
    cross = points[:, 0] * points[following, 1] - points[following, 0] * points[:, 1]
    return np.asarray(np.abs(np.add.reduceat(cross, ring_starts[:-1])) / 2)
