"""Write COCO-like ground truth and detections: `python -m benchmarks.generate A B`.

The same recipe and seed give the same bytes (for one version of numpy). Files are written a few hundred
images at a time, so memory stays small whatever their size.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import click
import numpy as np

from benchmarks.detector import Detections, draw_detections
from benchmarks.recipes import PRESETS, Recipe, default_folder
from benchmarks.scenes import (
    Floats,
    Integers,
    Outlines,
    Scene,
    category_ids,
    class_shares,
    draw_outlines,
    draw_scene,
    draw_sizes,
)

IMAGES_AT_ONCE = 500


def generate(recipe: Recipe, folder: Path) -> None:
    """Write `gt.json` and `dt.json` into `folder`; each appears only when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: folder / f"{name}.json.part" for name in ("gt", "dt")}
    with parts["gt"].open("w", encoding="ascii") as gt, parts["dt"].open("w", encoding="ascii") as dt:
        _write(recipe, gt, dt)
    for name, part in parts.items():
        part.replace(folder / f"{name}.json")


def _write(recipe: Recipe, gt: TextIO, dt: TextIO) -> None:
    shares = class_shares(recipe.classes, recipe.long_tail)
    ids = category_ids(recipe.classes)
    setup = np.random.default_rng([recipe.seed, 0])
    sizes = draw_sizes(setup, recipe.images)
    skill = setup.normal(0.0, 0.6, recipe.classes)
    gt.write('{"info": {"description": "made-up scenes for benchmarks"}, "licenses": [], "images": [')
    gt.write(", ".join(_image_records(sizes)))
    gt.write('], "annotations": [')
    dt.write("[")
    written, detected = 0, 0
    for first in range(0, recipe.images, IMAGES_AT_ONCE):
        rng = np.random.default_rng([recipe.seed, 1 + first])
        scene = draw_scene(rng, sizes[first : first + IMAGES_AT_ONCE], recipe.ground_truths, shares)
        outlines = draw_outlines(rng, scene.boxes)
        found = draw_detections(rng, scene, recipe.detections, shares, skill)
        records = _object_records(recipe, scene, outlines, ids, first + 1, written + 1)
        _append(gt, records, follows=written > 0)
        _append(dt, _detection_records(found, ids, first + 1, recipe.digits), follows=detected > 0)
        written, detected = written + len(scene.image), detected + len(found.image)
    categories = (f'{{"supercategory": "thing", "id": {k}, "name": "class {k}"}}' for k in ids)
    gt.write('], "categories": [' + ", ".join(categories) + "]}\n")
    dt.write("]\n")


def _append(file: TextIO, records: Iterator[str], follows: bool) -> None:
    """Write records, with a comma before the first if it `follows` others."""
    text = ", ".join(records)
    file.write(", " + text if text and follows else text)


def _image_records(sizes: Integers) -> Iterator[str]:
    for number, (width, height) in enumerate(sizes.tolist(), start=1):
        yield (
            f'{{"license": 1, "file_name": "{number:012d}.jpg", "height": {height}, "width": {width}, '
            f'"date_captured": "2013-11-14 17:02:52", "id": {number}}}'
        )


def _object_records(
    recipe: Recipe, scene: Scene, outlines: Outlines, ids: list[int], first_image: int, first_id: int
) -> Iterator[str]:
    """One JSON object per ground truth, in the field order of COCO's files."""
    area = outlines.area if recipe.digits is None else np.round(outlines.area, recipe.digits)
    areas, crowds, boxes = area.tolist(), scene.is_crowd.tolist(), scene.boxes.tolist()
    images, categories = scene.image.tolist(), scene.category.tolist()
    rings = np.searchsorted(outlines.ring_starts, outlines.object_starts).tolist()
    for n, crowd in enumerate(crowds):
        segmentation = ""
        if recipe.segmentations and crowd:
            segmentation = f'"segmentation": {_run_lengths(boxes[n], scene.sizes[images[n]])}, '
        elif recipe.segmentations:
            segmentation = f'"segmentation": {_polygons(outlines, rings[n], rings[n + 1])}, '
        yield (
            f'{{{segmentation}"area": {areas[n]}, "iscrowd": {int(crowd)}, '
            f'"image_id": {images[n] + first_image}, "bbox": {boxes[n]}, '
            f'"category_id": {ids[categories[n]]}, "id": {n + first_id}}}'
        )


def _polygons(outlines: Outlines, first: int, last: int) -> list[list[float]]:
    starts = outlines.ring_starts[first : last + 1].tolist()
    return [outlines.points[low:high].ravel().tolist() for low, high in pairwise(starts)]


def _run_lengths(box: list[float], size: Integers) -> str:
    """Uncompressed run lengths, column by column, of a crowd that fills its box."""
    width, height = size.tolist()
    left, top = int(box[0]), int(box[1])
    columns, rows = min(int(box[2]), width - left), min(int(box[3]), height - top)
    runs = [left * height + top, rows] + [height - rows, rows] * (columns - 1)
    runs.append(width * height - sum(runs))
    return f'{{"counts": {runs}, "size": [{height}, {width}]}}'


def _detection_records(found: Detections, ids: list[int], first_image: int, digits: int | None) -> Iterator[str]:
    """One JSON object per detection."""
    boxes: Floats = found.boxes.astype(np.float64)
    scores: Floats = found.scores.astype(np.float64)
    if digits is not None:
        boxes, scores = np.round(boxes, digits), np.round(scores, digits)
    columns = (found.image.tolist(), found.category.tolist(), boxes.tolist(), scores.tolist())
    for image, category, box, score in zip(*columns, strict=True):
        yield (
            f'{{"image_id": {image + first_image}, "category_id": {ids[category]}, "bbox": {box}, "score": {score}}}'
        )


@click.command(context_settings={"show_default": True})
@click.argument("presets", nargs=-1, type=click.Choice(list(PRESETS)))
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the data sets go.")
@click.option("--name", help="Subfolder, if it shall not be the preset's name.")
@click.option("--images", type=click.IntRange(1))
@click.option("--classes", type=click.IntRange(1))
@click.option("--ground-truths", type=click.FloatRange(0, min_open=True), help="Mean per image.")
@click.option("--detections", type=click.FloatRange(0, min_open=True), help="Mean per image.")
@click.option("--digits", type=click.IntRange(0, 15), help="Decimals of detections and areas [all].")
@click.option("--segmentations/--no-segmentations", default=None, help="Polygons on the ground truth.")
@click.option("--long-tail/--no-long-tail", default=None, help="Class frequencies by a power law.")
@click.option("--seed", type=click.IntRange(0))
def main(presets: tuple[str, ...], folder: Path | None, name: str | None, **options: object) -> None:
    """Write data sets: PRESETS changed by options; without a preset, A changed by options as "custom"."""
    if name is not None and len(presets) > 1:
        raise click.UsageError("--name needs a single preset")
    given = {key: value for key, value in options.items() if value is not None}
    for preset in presets or ("A",):
        recipe = replace(PRESETS[preset], **given)  # type: ignore[arg-type]
        target = (folder or default_folder()) / (name or (preset if presets else "custom"))
        generate(recipe, target)
        size = {part: (target / f"{part}.json").stat().st_size / 1e6 for part in ("gt", "dt")}
        click.echo(f"{target.name}: gt.json {size['gt']:.1f} MB, dt.json {size['dt']:.1f} MB")


if __name__ == "__main__":
    main()
