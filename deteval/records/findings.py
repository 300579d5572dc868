"""What can be wrong with the input: the catalogue of findings, their severity, and what may be allowed."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from deteval.errors import DetevalError, counted, nearest, usage_error

ERROR, WARNING, NOTE = "error", "warning", "note"


class Kind(Struct, frozen=True):
    """One kind of finding. allowed: what `--allow` makes of it; empty if it can never be allowed."""

    severity: str
    what: str
    allowed: str = ""


CATALOGUE: dict[str, Kind] = {
    "bad-encoding": Kind(ERROR, "the file is not UTF-8 text, or its gzip data is damaged"),
    "bad-json": Kind(ERROR, "the file is not JSON, is cut off, or holds something after its end"),
    "missing-section": Kind(ERROR, "the file lacks a list that it must hold"),
    "not-a-record": Kind(ERROR, "an entry is not a JSON object"),
    "missing-field": Kind(ERROR, "a record lacks a field that it must hold"),
    "bad-id": Kind(ERROR, "an id is neither a 64-bit integer nor a string, or kinds of ids are mixed"),
    "bad-iscrowd": Kind(ERROR, "iscrowd or ignore is not 0, 1, true or false"),
    "box-shape": Kind(ERROR, "a box is not a list of four numbers"),
    "not-finite": Kind(ERROR, "NaN, infinity, text or nothing where a number belongs, or a box that overflows"),
    "negative-box": Kind(ERROR, "a box of negative width or height", "scored as the reference does"),
    "negative-area": Kind(ERROR, "a negative area field", "width times height is used"),
    "missing-score": Kind(ERROR, "a detection without a score"),
    "unknown-image": Kind(ERROR, "a detection on an image that the ground truth does not list", "dropped"),
    "unknown-category": Kind(ERROR, "a detection of a class that the ground truth does not list", "dropped"),
    "orphan-annotation": Kind(ERROR, "an annotation on an unlisted image or of an unlisted category", "dropped"),
    "duplicate-image": Kind(ERROR, "an image id listed twice with different records", "the first is kept"),
    "duplicate-category": Kind(ERROR, "a category id or name listed twice", "names: shown as name#id"),
    "image-in-two-files": Kind(ERROR, "the same image in two prediction files", "concatenated"),
    "nothing-evaluable": Kind(ERROR, "no image, no category, or every requested metric is undefined"),
    "default-score": Kind(WARNING, "missing scores were filled in: the detections are unranked"),
    "duplicate-annotation-id": Kind(WARNING, "an annotation id twice; the reference scores the last one twice"),
    "annotation-id-zero": Kind(WARNING, "an annotation id of 0; the reference counts its match as a miss"),
    "duplicate-box": Kind(WARNING, "the same box twice"),
    "no-area": Kind(WARNING, "annotations without area: width times height is used"),
    "no-iscrowd": Kind(WARNING, "annotations without iscrowd: 0 is used"),
    "ignore-without-crowd": Kind(WARNING, "annotations with ignore, which COCO overwrites by iscrowd"),
    "empty-predictions": Kind(WARNING, "no detection at all"),
    "federated": Kind(WARNING, "LVIS-style ground truth: COCO counts unlabelled classes as false positives"),
    "looks-swapped": Kind(WARNING, "predictions and ground truth may be swapped"),
    "looks-xyxy": Kind(WARNING, "boxes may be corners, x1, y1, x2, y2"),
    "looks-normalised": Kind(WARNING, "boxes may be fractions of the image"),
    "looks-shifted": Kind(WARNING, "category ids would join with a constant added"),
    "looks-80-to-91": Kind(WARNING, "category ids may be COCO's 0..79 instead of its 1..90"),
    "looks-shuffled": Kind(WARNING, "confident detections lie on objects of other classes throughout"),
    "looks-like-file-names": Kind(WARNING, "image ids may be file names"),
    "looks-like-other-type": Kind(WARNING, "ids would join if numbers and text were the same"),
    "few-overlaps": Kind(WARNING, "confident detections lie on hardly any object"),
    "zero-size-box": Kind(WARNING, "boxes without width or height, which overlap nothing"),
    "scores-out-of-range": Kind(WARNING, "scores below 0 or above 1"),
    "many-ties": Kind(WARNING, "many detections of a class share their score"),
    "cut-by-cap": Kind(WARNING, "detections beyond the largest cap were not scored"),
    "pre-cut-scores": Kind(WARNING, "low scores were cut off before they were saved"),
    "images-without-detections": Kind(WARNING, "images with ground truth and no detection"),
    "nothing-kept": Kind(WARNING, "score cuts that no detection reaches"),
    "box-outside-image": Kind(WARNING, "boxes that reach far beyond their image"),
    "area-contradicts-box": Kind(WARNING, "area fields larger than their boxes"),
    "far-coordinates": Kind(WARNING, "coordinates so far out that boxes lose precision"),
    "settings-sorted": Kind(NOTE, "a setting was sorted or its repeated values taken once"),
    "category-map": Kind(NOTE, "category ids were mapped"),
    "match-images": Kind(NOTE, "images were matched by name"),
    "box-format": Kind(NOTE, "boxes were converted"),
    "cuts-from-elsewhere": Kind(NOTE, "score cuts that were chosen under other settings"),
    "default-cut": Kind(NOTE, "classes without a score cut of their own: the default holds"),
    "dropped-class": Kind(NOTE, "classes of which nothing is kept"),
    "emptied-images": Kind(NOTE, "images with ground truth on which no detection reaches the score cuts"),
    "left-out": Kind(NOTE, "detections on images or of classes that were not asked for, below a score cut, or "
                           "suppressed"),
}


class Finding(Struct, frozen=True):
    """One kind of thing found in the input: how often, and a message that names the first case.

    severity: that of its code unless given; an allowed error is a warning. firm: this case of an allowable code
    cannot be allowed.
    """

    code: str
    count: int
    message: str
    severity: str = ""
    firm: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "severity", self.severity or CATALOGUE[self.code].severity)

    def to_dict(self) -> dict[str, str | int]:
        """The form of the JSON report."""
        return {"code": self.code, "severity": self.severity, "count": self.count, "message": self.message}


def many_ties(tied: int, detections: int) -> Finding:
    """Detections whose score another of their class has."""
    return Finding("many-ties", tied, f"{tied:,} of {detections:,} detections share their score with another of their "
                   "class: image order and file order decide between them")


def cut_by_cap(count: int, cap: int) -> Finding:
    """Detections of a rank beyond the largest cap."""
    return Finding("cut-by-cap", count, f"{counted(count, 'detection')} beyond the {cap} best of their image and "
                   "class, not scored; --max-dets raises the cap")


def images_without_detections(count: int, image_id: str) -> Finding:
    """Images with ground truth on which nothing was detected; image_id: the first of them."""
    return Finding("images-without-detections", count, f"{counted(count, 'image')} with ground truth and without "
                   f"detections, as image {image_id}: did the model run on all of them?")


def emptied_images(count: int, image_id: str) -> Finding:
    """Images with ground truth of whose detections none reaches the score cuts; image_id: the first of them."""
    keep = "keeps" if count == 1 else "keep"
    return Finding("emptied-images", count, f"{counted(count, 'image')} with ground truth {keep} no detection at these "
                   f"score cuts, as image {image_id}")


def allowable(codes: Iterable[str]) -> frozenset[str]:
    """The codes given with `--allow`, checked; `DetevalError` (usage) for one that is unknown or never allowed."""
    valid = [code for code, kind in CATALOGUE.items() if kind.allowed]
    codes = list(codes)
    for code in codes:
        if code not in CATALOGUE:
            raise usage_error(f"allow: there is no finding {code!r}{nearest(code, valid)}")
        if code not in valid:
            raise usage_error(f"allow: {code} can never be allowed; these can: {', '.join(valid)}")
    return frozenset(codes)


ALLOWABLE = allowable(code for code, kind in CATALOGUE.items() if kind.allowed)


def apply_allowances(findings: Iterable[Finding], allow: frozenset[str]) -> tuple[Finding, ...]:
    """The findings, those of an allowed code turned into warnings that say what was done."""
    applied = []
    for finding in findings:
        if finding.code in allow and finding.severity == ERROR and not finding.firm:
            message = f"{finding.message}; allowed: {CATALOGUE[finding.code].allowed}"
            finding = replace(finding, message=message, severity=WARNING)
        applied.append(finding)
    return tuple(applied)


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raise one `DetevalError` (input) that lists every error-level finding, with the hints that explain them."""
    findings = tuple(findings)
    lines = [finding for finding in findings if finding.severity == ERROR]
    if not lines:
        return
    hints = [finding for finding in findings if finding.code.startswith("looks-")]
    raise DetevalError("\n".join([*(f"{finding.message} [{finding.code}]" for finding in lines),
                                  *(f"hint: {finding.message} [{finding.code}]" for finding in hints)]))


def departures(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The allowances among findings, in words: reasons why numbers differ from a run without them."""
    return tuple(f"{finding.count:,} cases of {finding.code} were allowed: {CATALOGUE[finding.code].allowed}"
                 for finding in findings
                 if CATALOGUE[finding.code].severity == ERROR and finding.severity == WARNING
                 and "; allowed: " in finding.message)
