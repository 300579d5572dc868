"""What each data set holds. No numpy here: the runner must stay small (see `measure`)."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """What to write. `ground_truths` and `detections` are means per image.

    `digits` is the number of decimals of detections and areas; None writes every digit of a float32 turned to
    a float, as `tensor.tolist()` gives them. Boxes and polygons of the ground truth have two, as COCO's have.
    """

    images: int = 5_000
    classes: int = 80
    ground_truths: float = 7.4
    detections: float = 8.8
    digits: int | None = None
    segmentations: bool = True
    long_tail: bool = False
    seed: int = 1


A = Recipe()
B = replace(A, detections=100)
PRESETS = {
    "A": A,
    "B": B,
    "C": replace(A, images=20_000, detections=250),
    "D": Recipe(images=20_000, classes=1_200, ground_truths=12, detections=300, long_tail=True),
    "A2": replace(A, digits=2),
    "B2": replace(B, digits=2),
}


def default_folder() -> Path:
    """Where data sets are kept unless told otherwise."""
    return Path(tempfile.gettempdir()) / "deteval-bench"


def describe(recipe: Recipe) -> str:
    """One line for a heading: sizes as asked for, not counted."""
    numbers = "all digits" if recipe.digits is None else f"{recipe.digits} decimals"
    tail = ", long tail" if recipe.long_tail else ""
    return (
        f"{recipe.images:,} images, {recipe.classes:,} classes{tail}; per image {recipe.ground_truths:g} "
        f"ground truths and {recipe.detections:g} detections, numbers with {numbers}"
    )
