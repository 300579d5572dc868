"""Clusters: what images belong together (a video, a scene, a patient), from a field of theirs or from a file."""

import csv
import io
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from deteval.errors import DetevalError, and_more, usage_error
from deteval.loading.collector import MISSING, Collector
from deteval.loading.fields import shown
from deteval.loading.image_fields import field_values, unknown_field
from deteval.loading.json_text import parse
from deteval.loading.source import Text, read_text
from deteval.loading.yaml_file import read_yaml
from deteval.records.dataset import Images
from deteval.records.findings import Finding

HEADER = ("image", "cluster")
"""The columns of a CSV file."""
LEAST_FRAMES = 10
"""Frames that a video has on average, at least, for images to look like those of videos."""
STEADY = 0.8
"""Share of neighbouring frame numbers that are one step apart, at least, where the step is each video's own."""
LONGEST_NAME = 1000
"""Characters of a name that are looked at."""
_FRAME_NUMBERS = (re.compile(r"(.*?)(\d{1,18})(\D*(?:\.\w{1,4})?)$"),
                  re.compile(r"(.*?)(\d{3,18})((?:\D|(?<!\d)\d{1,2}(?!\d))*)$"))
"""The last number of a name, its ending aside; the last of three and more digits."""


def cluster_values(text: str, images: Images) -> list[Any]:
    """The cluster of every image: text names a field of the image records, or a file that maps images to clusters.

    The file is a JSON object or a YAML mapping of image id or file name to cluster, or CSV with the columns image and
    cluster. Errors: `DetevalError` (usage) that names the first image without a cluster.
    """
    values = field_values(images, text)
    if values is not None:
        return _complete(list(values), images, f"cluster_by {text}", "has no such field")
    if not os.path.isfile(text):  # which, unlike the method, takes a name of any length
        raise usage_error(f"cluster_by: there is no file {text!r}, and {unknown_field(images, text)}")
    mapping = _read_mapping(text)
    found = [mapping.get(str(key), None if name is None else mapping.get(name))
             for key, name in zip(images.ids.tolist(), images.file_names, strict=True)]
    return _complete(found, images, text, "has no cluster there, by id or file name")


def _complete(values: list[Any], images: Images, where: str, problem: str) -> list[Any]:
    missing = [position for position, value in enumerate(values) if value is None]
    if missing:
        raise usage_error(f"{where}: image {shown(images.ids[missing[0]])} {problem}{and_more(len(missing))}")
    return values


def _read_mapping(path: str) -> dict[str, Any]:
    """Clusters by image id, as text, or by file name; the kind of the file is told by its content."""
    text = read_text(path)
    if isinstance(text, Finding):
        raise usage_error(text.message)
    first_line = text.characters().lstrip().partition("\n")[0]
    if set(HEADER) <= {cell.strip() for cell in first_line.split(",")}:
        return _from_csv(text)
    return _checked(_from_json(text) if text.first_byte() == b"{" else read_yaml(path).value, path)


def _from_json(text: Text) -> Any:
    collector = Collector(text.name)
    value = parse(text, collector)
    if value is MISSING:
        raise usage_error(collector.findings()[0].message)
    return value


def _checked(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise usage_error(f"{path}: a mapping from image ids or file names to clusters is needed, or CSV with the "
                          f"columns {','.join(HEADER)}")
    for key, cluster in value.items():
        finite = not isinstance(cluster, float) or math.isfinite(cluster)
        if not isinstance(cluster, (str, int, float)) or isinstance(cluster, bool) or not finite:
            raise usage_error(f"{path}: the cluster of {shown(key)} is {shown(cluster)}, a text or a number is needed")
    return {str(key): cluster for key, cluster in value.items()}


def _from_csv(text: Text) -> dict[str, Any]:
    rows = csv.DictReader(io.StringIO(text.characters().lstrip()), skipinitialspace=True)
    mapping: dict[str, Any] = {}
    for row in _rows(rows, text):
        cells = {str(name).strip(): cell for name, cell in row.items() if name is not None}
        image, cluster = ((cells.get(name) or "").strip() for name in HEADER)
        if not image or not cluster:
            raise _csv_error(text, rows.line_num, "an image and a cluster are needed")
        if mapping.setdefault(image, cluster) != cluster:
            raise _csv_error(text, rows.line_num, f"image {shown(image)} stands in two clusters")
    return mapping


def _rows(rows: "csv.DictReader[str]", text: Text) -> Iterator[dict[Any, Any]]:
    try:
        yield from rows
    except csv.Error as error:  # carriage returns as line ends, or a field of more than 128 KiB
        raise _csv_error(text, rows.line_num + 1, f"not CSV: {str(error).partition(' - ')[0]}") from None


def _csv_error(text: Text, line: int, problem: str) -> DetevalError:
    return usage_error(f"{text.name}:{line}: {problem}")


def looks_like_video(images: Images) -> str:
    """A remark if file names look like frames of a few videos; empty if they do not.

    Names look so if they fall into at least two groups by what stands around their frame number, of ten and more
    images each on average, and the numbers of a group ascend in steady steps.
    """
    for frame_number in _FRAME_NUMBERS:
        groups = _groups(images, frame_number)
        if len(groups) < 2 or len(images) < LEAST_FRAMES * len(groups):
            continue
        steady = sum(_steady_steps(sorted(numbers)) for numbers in groups.values())
        if steady >= STEADY * (len(images) - len(groups)):
            example = "*".join(next(iter(groups)))
            return (f"image names look like frames of {len(groups):,} videos (as {shown(example)}): frames of a video "
                    "resemble each other, and drawn one by one they show differences that are not there; draw whole "
                    "videos with --cluster-by, a field of the image records or a file that maps images to videos")
    return ""


def _groups(images: Images, frame_number: re.Pattern[str]) -> dict[tuple[str, str], list[int]]:
    """Frame numbers by what stands before and after them in the file name; empty if a name has no number."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for name in images.file_names:
        found = frame_number.match((name or "")[:LONGEST_NAME])
        if found is None:
            return {}
        groups[found[1], found[3]].append(int(found[2]))
    return groups


def _steady_steps(numbers: list[int]) -> int:
    """How many neighbours are the commonest step apart."""
    steps = Counter(after - before for before, after in pairwise(numbers))
    return max(steps.values(), default=0)
