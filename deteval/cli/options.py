"""Options that commands share, declared once. Nothing heavier than click is imported here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

SETTINGS = (
    click.option("--similarity", metavar="iou|giou|diou|ciou", help="How boxes are compared. [default: iou]"),
    click.option("--iou", metavar="THRESHOLDS",
                 help="Thresholds: a range start:stop:step or a list .3,.5. [default: .5:.95:.05]"),
    click.option("--max-dets", metavar="CAPS",
                 help="Detections per image and class that count, best scores first. [default: 1,10,100]"),
    click.option("--area", multiple=True, metavar="RANGE",
                 help="coco, all, small, medium, large or name:lo-hi in px^2; repeatable, the first is the one of "
                      "metrics without a range. [default: coco]"),
    click.option("--area-source", metavar="field|box",
                 help="Judge ground truth by its area field or its box. [default: field]"),
    click.option("--class-agnostic", is_flag=True, default=None, help="Match without looking at classes."),
    click.option("--classes", multiple=True, metavar="NAMES",
                 help="Classes to score: names, ids or globs, comma-separated; repeatable. [default: all]"),
    click.option("--min-score", metavar="X", help="Drop detections with a lower score, before NMS and the cap."),
    click.option("--honour-ignore", is_flag=True, default=None,
                 help="Leave out ground truth with ignore: 1, which COCO overwrites by iscrowd."),
    click.option("--nms", metavar="IOU",
                 help="Class-wise non-maximum suppression: drop a detection whose IoU with a better one exceeds this."),
    click.option("--operating-points", metavar="FILE.yaml",
                 help="A score cut per class, as `deteval operating-points --format yaml` writes them."),
)
SETTINGS_BUT_IOU = (SETTINGS[0], *SETTINGS[2:])
"""For a command that has an `--iou` of its own."""
READING = (
    click.option("--box-format", metavar="xywh|xyxy|cxcywh", help="How predictions write boxes. [default: xywh]"),
    click.option("--category-map", metavar="+1|coco80to91|FILE.yaml",
                 help="Change predicted categories: add a number, COCO's 80 ids to its 91, or a YAML file of lines "
                      "`predicted: ground truth`."),
    click.option("--match-images", metavar="id|file_name|stem",
                 help="Join predictions to images by id, file name, or file name without folder and ending. "
                      "[default: id]"),
    click.option("--default-score", metavar="X", help="The score of detections that have none."),
    click.option("--allow", multiple=True, metavar="CODE",
                 help="Pass a finding that would stop the run, as unknown-image; repeatable."),
    click.option("--lenient", is_flag=True, default=None, help="Pass every finding that may be passed."),
)
CONFIG = (click.option("--config", "config", metavar="FILE.yaml",
                       help="Settings by option name; options given here win. See configs/coco.yaml."),)
IMAGES = (click.option("--images", metavar="FILE", help="Score only the images listed: a JSON list, or an id a line."),)
THREADS = (click.option("--threads", type=click.IntRange(min=1), metavar="N",
                        help="Same numbers for every N. [default: the CPUs this process may use]"),)
RESAMPLING = (
    click.option("--replicates", type=int, metavar="N", help="Bootstrap replicates. [default: 2000]"),
    click.option("--seed", type=int, metavar="N", help="Seed of the drawing of images. [default: 1]"),
    click.option("--alpha", type=float, metavar="A",
                 help="Chance of a false alarm; intervals hold at 1 - A. [default: 0.05]"),
    click.option("--correct", metavar="max-t|none",
                 help="Test many classes as one family, or each by itself. [default: max-t]"),
    click.option("--cluster-by", metavar="FIELD|FILE",
                 help="Draw whole clusters (videos, scenes, patients): a field of the image records, or a file that "
                      "maps images to clusters. [default: every image by itself]"),
)
"""Every default stands in `records.resampling.Resampling`; None is what was not given."""
RESAMPLING_OF_ONE = (*RESAMPLING[:3], RESAMPLING[4])
"""For a command that compares nothing: without `--correct`."""
HTML = (
    click.option("--html", metavar="FILE", help="Also write a page with charts, one file that needs no network."),
    click.option("--images-dir", metavar="DIR", help="With --html: show the worst images, which lie in this folder."),
)
HTML_ALONE = HTML[:1]
"""For a command that has no images to show."""
OUTPUT = (
    click.option("-o", "--output", metavar="FILE", help="Write the result to a file, whole or not at all."),
    click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors."),
)


def options(*groups: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    """One decorator for several groups of options, shown in `--help` in the order given."""

    def decorate(command: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


def wants_page(given: dict[str, Any]) -> bool:
    """Whether a page is asked for; refused (usage) before any work if it could not be made. Where it is written is
    checked with all other outputs (`targets`)."""
    if given["html"] is None and given.get("images_dir") is None:
        return False
    from deteval.cli.page import check_page

    check_page(given)
    return True


def split_files(files: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Predictions, and the ground truth, which comes last."""
    if len(files) < 2:
        given = f"only {files[0]} was given" if files else "none was given"
        raise click.UsageError(f"predictions and a ground truth are needed, PREDS... GT; {given}")
    return files[:-1], files[-1]


def split(values: tuple[str, ...]) -> list[str]:
    """The items of a repeatable option whose values may be comma-separated lists."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def setting_values(given: dict[str, Any], config: str | None, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Values by option name: those given on the command line, then the YAML's. Defaults are left out.

    given: click's parameters, those that are no settings included; `extra` names some that a YAML may hold too.
    """
    from deteval.loading.settings import SETTINGS as NAMES
    from deteval.loading.settings import read_config

    values = {} if config is None else read_config(config, extra)
    for name in (*NAMES, *extra):
        value = given.get(name)
        if value is None or value == ():
            continue
        values[name] = split(value) if name in ("classes", "allow") else list(value) if name == "area" else value
    return values


def resampling_values(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of `Resampling` that were given on the command line."""
    names = ("replicates", "seed", "alpha", "correct", "cluster_by")
    return {name: given[name] for name in names if given.get(name) is not None}


def relative_to(config: str | None, path: str) -> str:
    """A path that stands in a YAML file."""
    return path if config is None else str(Path(config).parent / path)
