"""`deteval crosscheck`."""

from typing import Any

import click

from deteval.cli.options import CONFIG, IMAGES, OUTPUT, READING, SETTINGS, THREADS, options, split_files

FORMATS = ("table", "json")

EPILOG = """\b
Examples:
  deteval crosscheck preds.json gt.json
  deteval crosscheck preds.json gt.json --sample 500

Exit codes: 0 equal, 2 usage (also a setting that pycocotools cannot express), 3
input content invalid, 5 different.
"""


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="PREDS... GT")
@options(SETTINGS, READING, CONFIG, IMAGES)
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Score a seeded subset of N images, both.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of --sample.")
@click.option("--format", "format", metavar="|".join(FORMATS), help="[default: table]")
@options(THREADS, OUTPUT)
def crosscheck(files: tuple[str, ...], sample: int | None, seed: int, **given: Any) -> int:
    """Run pycocotools on the same boxes and compare every cell of precision, recall and scores.

    Annotation ids are renumbered first, since the reference treats an id of 0 as no match; where the file's own ids
    hold a 0 or repeat, what the reference says of them is shown beside.
    """
    import numpy as np

    from deteval.cli.output import deliver, remark_kernels
    from deteval.cli.request import make_request
    from deteval.errors import MISMATCH
    from deteval.loading.image_list import read_image_list
    from deteval.loading.pair import load_pair
    from deteval.reports.crosscheck import crosscheck_dict, crosscheck_lines
    from deteval.reports.machine import render_json
    from deteval.studies.crosscheck import check_expressible, sample_images
    from deteval.studies.crosscheck import crosscheck as run

    predictions, ground_truth = split_files(files)
    request = make_request(given, FORMATS, list(files))
    remark_kernels(given["quiet"])
    check_expressible(request.settings.params)
    truth, found = load_pair(predictions, ground_truth, request.settings.reading, request.threads)
    images = read_image_list(request.images, truth.images) if request.images else np.arange(len(truth.images))
    if sample is not None:
        images = images[sample_images(len(images), sample, seed)]
    result = run(truth, found, request.settings.params, images=images, threads=request.threads)
    text = render_json(crosscheck_dict(result)) if request.format == "json" else \
        "\n".join(crosscheck_lines(result)) + "\n"
    deliver(text, given["output"], given["quiet"])
    return 0 if result.equal else MISMATCH
