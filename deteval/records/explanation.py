"""Why AP changed from a base to a new model: its difference shared out to classes, images and kinds of change."""

from typing import Any

from msgspec import Struct

from deteval.records.comparison import Model
from deteval.records.params import Params, signature
from deteval.records.scores import settings_dict

SCHEMA = "deteval.explanation/1"


class ImageShare(Struct, frozen=True):
    """What one image adds to the difference. lost, gained: objects that only the base, or only the new model finds;
    false_positives: how many more the new model has. At the IoU threshold of the kinds.
    """

    image_id: int | str
    file_name: str | None
    share: float
    lost: int
    gained: int
    false_positives: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {"image_id": self.image_id, "file_name": self.file_name, "share": self.share, "lost": self.lost,
                "gained": self.gained, "false_positives": self.false_positives}


class ClassShare(Struct, frozen=True):
    """One class. share: of the difference of the metric, exactly; None for a class without ground truth.

    images: those of the largest shares, for the classes that matter; elsewhere: the other images together; remainder:
    what the attribution to images leaves unexplained. The three add up to share.
    """

    id: int | str
    name: str
    n_gt: int
    base: float | None
    new: float | None
    share: float | None
    images: tuple[ImageShare, ...] = ()
    elsewhere: float = 0.0
    remainder: float = 0.0


class KindShare(Struct, frozen=True):
    """One kind of change. group: `lost`, `gained`, `kept` (found by both) or `false positives`; count: objects, or
    false positives of base and of new in this kind.
    """

    group: str
    kind: str
    base: int
    new: int
    share: float


class SliceShare(Struct, frozen=True):
    """A named set of images; sets may overlap."""

    name: str
    n_images: int
    share: float


class Explanation(Struct, frozen=True):
    """The difference of one metric between two models, shared out.

    metric: of the difference, by canonical name; iou: the threshold at which kinds of change are told. classes: all of
    them, their shares add up to the difference. images: over all classes, the largest first; elsewhere: the other
    images; remainder: what images (and kinds: the same) leave unexplained. kinds: empty where the detail table is
    missing, as `missing` says. remarks: what stands out, in sentences.
    """

    params: Params
    base: Model
    new: Model
    metric: str
    iou: float
    base_value: float | None
    new_value: float | None
    difference: float | None
    classes: tuple[ClassShare, ...]
    images: tuple[ImageShare, ...]
    elsewhere: float
    remainder: float
    kinds: tuple[KindShare, ...]
    slices: tuple[SliceShare, ...] = ()
    missing: dict[str, str] = {}
    n_images: int = 0
    remarks: tuple[str, ...] = ()
    versions: dict[str, str] = {}

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, at full precision and with every class; `deteval/explanation.schema.json` describes it."""
        return {
            "schema": SCHEMA, "signature": signature(self.params), "settings": settings_dict(self.params),
            "metric": self.metric, "iou": self.iou, "base": self.base_value, "new": self.new_value,
            "difference": self.difference,
            "classes": [{"id": one.id, "name": one.name, "n_gt": one.n_gt, "base": one.base, "new": one.new,
                         "share": one.share, "images": [image.to_dict() for image in one.images],
                         "elsewhere": one.elsewhere, "remainder": one.remainder} for one in self.classes],
            "images": [one.to_dict() for one in self.images], "elsewhere": self.elsewhere,
            "kinds": [{"group": one.group, "kind": one.kind, "base": one.base, "new": one.new, "share": one.share}
                      for one in self.kinds],
            "remainder": self.remainder,
            "slices": [{"name": one.name, "images": one.n_images, "share": one.share} for one in self.slices],
            "missing": dict(self.missing), "n_images": self.n_images,
            "models": [{"name": one.name, "fingerprint": one.fingerprint or None,
                        "not_comparable": list(one.not_comparable),
                        "inputs": [{"path": each.path, "bytes": each.bytes, **each.counts} for each in one.inputs],
                        "findings": [finding.to_dict() for finding in one.findings]} for one in (self.base, self.new)],
            "remarks": list(self.remarks), "versions": dict(self.versions),
        }
