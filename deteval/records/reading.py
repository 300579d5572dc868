"""How predictions are read and joined to a ground truth: formats, remedies for mismatches, allowances."""

import math
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import force_setattr

from deteval.errors import nearest, usage_error
from deteval.records.findings import allowable

BOX_FORMATS = ("xywh", "xyxy", "cxcywh")
IMAGE_KEYS = ("id", "file_name", "stem")

CategoryMap = Mapping[int | str, int | str]


class Reading(Struct, frozen=True):
    """Options of loading; nothing of it happens unless asked for, and what it did is counted among the findings.

    box_format: how predicted boxes are written (corners, or centre and size); they become x, y, width, height.
    category_offset: added to predicted category ids. category_map: predicted id or name -> ground truth's id or
    name. closed_map: ids that the map does not hold are unknown, rather than kept.
    match_images: join predictions by image id, by file_name, or by file_name without folder and ending.
    default_score: the score of detections that have none; they are then unranked. allow: codes of findings.
    """

    box_format: str = "xywh"
    category_offset: int = 0
    category_map: CategoryMap = field(default_factory=dict)
    closed_map: bool = False
    match_images: str = "id"
    default_score: float | None = None
    allow: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value, valid in (("box_format", self.box_format, BOX_FORMATS),
                                   ("match_images", self.match_images, IMAGE_KEYS)):
            if value not in valid:
                hint = nearest(value, list(valid))
                raise usage_error(f"{name}: {value!r} is not one of {', '.join(valid)}{hint}")
        if self.default_score is not None and not math.isfinite(self.default_score):
            raise usage_error(f"default_score: {self.default_score} is not a finite number")
        codes = (self.allow,) if isinstance(self.allow, str) else self.allow
        force_setattr(self, "allow", allowable(frozenset(codes)))


COCO_80_TO_91: CategoryMap = dict(enumerate(
    number for number in range(1, 91) if number not in {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
))
"""The 80 contiguous class ids that many trainers use -> COCO's own ids."""
