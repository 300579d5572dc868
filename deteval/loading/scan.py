"""The fastest decode: bytes of a good file to columns by compiled kernels, piece by piece on several threads.

Pieces begin where a record seems to begin. A piece counts only if the one before it ended exactly there, so that a
guess within a string or a nested list is found out; the rest is then scanned in one go. What is accepted, Python's
`json` accepts with equal values; whatever is unusual is declined, and left to `decode` and `untyped`.
"""

import re
from functools import cache
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deteval.kernels import json_columns as kernels
from deteval.kernels.numbers import powers_of_five
from deteval.loading.columns import DetectionColumns, GroundTruthColumns
from deteval.loading.source import Text
from deteval.loading.tables import decode_images
from deteval.records.dataset import Floats, Ints
from deteval.threads import map_chunks

Bytes = NDArray[np.uint8]
PIECE = 1 << 21
"""Bytes of a piece: several per thread in a large file, so that no thread waits long for another."""
SHORTEST = {kernels.DETECTION: 56, kernels.ANNOTATION: 46}
"""Bytes that a record and its comma take at least: how much room a piece of a file needs."""
HAS_SCORE, HAS_AREA, HAS_IS_CROWD, HAS_IGNORE, HAS_ID = (1 << bit for bit in range(5))
_KEY = re.compile(rb'[ \t\r\n]*"([^"\\\x00-\x1f]*)"[ \t\r\n]*:[ \t\r\n]*')
_SPACE = re.compile(rb"[ \t\r\n]*")
_records_decoder = msgspec.json.Decoder(list[dict[str, Any]])


class Declined(Exception):
    """The text is not for this decode."""


class _Columns(Struct, frozen=True):
    """Records of a list. number: scores of detections, areas of annotations; seen: which optional fields each had."""

    image_id: Ints
    category_id: Ints
    boxes: Floats
    number: Floats
    annotation_id: Ints
    is_crowd: NDArray[np.uint8]
    ignore: NDArray[np.uint8]
    seen: NDArray[np.uint8]


def scan_detections(text: Text, threads: int) -> DetectionColumns | None:
    """The columns of a predictions file, or None."""
    try:
        section, has_sections = "detections", False
        if text.first_byte() == b"{":
            sections = _Sections(text, threads, kernels.DETECTION, ("annotations", "predictions"))
            found = [name for name in ("annotations", "predictions") if name in sections.lists]
            if len(found) != 1:
                return None
            section, columns = found[0], sections.lists[found[0]]
            has_sections = "images" in sections.spans or "categories" in sections.spans
        else:
            columns, end = _scan_list(_as_bytes(text), _start(text), kernels.DETECTION, threads)
            _check_end(text, end)
    except Declined:
        return None
    return DetectionColumns(
        file=text.name, section=section, size=text.size, has_sections=has_sections, image_id=columns.image_id,
        category_id=columns.category_id, category_name=None, file_name=None, boxes=columns.boxes,
        scores=columns.number, row=np.arange(len(columns.number)), records=len(columns.number),
    )


def scan_ground_truth(text: Text, threads: int, image_fields: bool = False) -> GroundTruthColumns | None:
    """The columns of a ground-truth file, or None. image_fields: keep the image records as they are."""
    if text.first_byte() != b"{":
        return None
    try:
        sections = _Sections(text, threads, kernels.ANNOTATION, ("annotations",))
        if not {"images", "categories"} <= set(sections.spans) or "annotations" not in sections.lists:
            return None
        columns_of_images = None if image_fields else decode_images(sections.bytes_of("images"))
        images = columns_of_images or _records_decoder.decode(sections.bytes_of("images"))
        categories = _records_decoder.decode(sections.bytes_of("categories"))
    except (Declined, msgspec.MsgspecError, RecursionError):
        return None
    columns = sections.lists["annotations"]
    seen = columns.seen
    with_id = (seen & HAS_ID) != 0
    if with_id.any() and not with_id.all():
        return None
    return GroundTruthColumns(
        file=text.name, size=text.size, images=images, categories=categories, image_id=columns.image_id,
        category_id=columns.category_id, boxes=columns.boxes,
        area=np.where(seen & HAS_AREA, columns.number, np.nan), is_crowd=columns.is_crowd.astype(bool),
        ignore=columns.ignore.astype(bool), row=np.arange(len(seen)),
        annotation_ids=columns.annotation_id if with_id.any() else [None] * len(seen),
        without_iscrowd=int(((seen & HAS_IS_CROWD) == 0).sum()), with_ignore=int(columns.ignore.sum()),
        with_score=int(((seen & HAS_SCORE) != 0).sum()),
    )


class _Sections:
    """The top level of an object: named lists of records scanned, other values passed over."""

    def __init__(self, text: Text, threads: int, kind: int, names: tuple[str, ...]) -> None:
        self.text = text
        self.lists: dict[str, _Columns] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        data, position = _as_bytes(text), _start(text) + 1
        while True:
            key = _KEY.match(text.data, position)
            if key is None:
                raise Declined
            name = key[1].decode()
            if name in self.lists or name in self.spans:
                raise Declined
            if name in names:
                self.lists[name], end = _scan_list(data, key.end(), kind, threads)
            else:
                end = kernels.skip_json(data, key.end(), len(data))
                self.spans[name] = (key.end(), end)
            if end < 0:
                raise Declined
            after = _SPACE.match(text.data, end)
            position = after.end() if after else end
            delimiter = text.data[position : position + 1]
            position += 1
            if delimiter == b"}":
                _check_end(text, position)
                return
            if delimiter != b",":
                raise Declined

    def bytes_of(self, name: str) -> bytes:
        """The text of a section that was passed over."""
        start, end = self.spans[name]
        return bytes(self.text.data[start:end])


def _start(text: Text) -> int:
    found = _SPACE.match(text.data)
    return found.end() if found else 0


def _check_end(text: Text, position: int) -> None:
    """Decline a text that goes on after its value."""
    found = _SPACE.match(text.data, position)
    if found is None or found.end() != len(text.data):
        raise Declined


def _as_bytes(text: Text) -> Bytes:
    return np.frombuffer(text.data, np.uint8)


@cache
def _powers() -> NDArray[np.uint64]:
    return np.array(powers_of_five(), np.uint64)


def _scan_list(data: Bytes, opening: int, kind: int, threads: int) -> tuple[_Columns, int]:
    """The records of the list that opens at a position, and the position after it."""
    begin = kernels.next_value(data, opening, len(data))
    if begin < 0:
        raise Declined
    begins = _piece_begins(data, begin, threads)
    limits = [*begins[1:], len(data)]
    pieces = map_chunks(lambda piece: _scan_piece(data, *piece, kind), list(zip(begins, limits, strict=True)), threads)
    accepted: list[_Columns] = []
    position = begin
    for start, piece in zip(begins, pieces, strict=True):
        if piece is None or start != position:
            break
        columns, position, at_end = piece
        accepted.append(columns)
        if at_end:
            return _joined(accepted, threads), position
    rest = _scan_piece(data, position, len(data), kind)
    if rest is None or not rest[2]:
        raise Declined
    return _joined([*accepted, rest[0]], threads), rest[1]


def _piece_begins(data: Bytes, begin: int, threads: int) -> list[int]:
    """Where records seem to begin, about a piece apart; the first is where one does."""
    begins = [begin]
    if threads > 1:
        for guess in range(begin + PIECE, len(data) - PIECE // 2, PIECE):
            if guess > begins[-1]:
                found = kernels.next_record(data, guess, len(data))
                if found < 0:  # nor after any later guess: looking again and again would be quadratic
                    break
                begins.append(found)
    return begins


def _scan_piece(data: Bytes, begin: int, limit: int, kind: int) -> tuple[_Columns, int, bool] | None:
    """Records from `begin` to the first at or after `limit`, where that is, and whether the list ended; or None."""
    room = (limit - begin) // SHORTEST[kind] + 2
    optional = room if kind == kernels.ANNOTATION else 0
    boxes, number = np.empty(4 * room), np.empty(room)
    columns = _Columns(np.empty(room, np.int64), np.empty(room, np.int64), boxes, number,
                       np.empty(optional, np.int64), *(np.zeros(optional, np.uint8) for _ in range(3)))
    stop = np.zeros(2, np.int64)
    count = kernels.scan_records(
        data, begin, limit, len(data), kind, _powers(), columns.image_id, columns.category_id,
        boxes.view(np.uint64), number.view(np.uint64), columns.annotation_id, columns.is_crowd, columns.ignore,
        columns.seen, stop)
    if count < 0:
        return None
    scanned = _Columns(columns.image_id[:count], columns.category_id[:count], boxes[: 4 * count], number[:count],
                       columns.annotation_id[:count], columns.is_crowd[:count], columns.ignore[:count],
                       columns.seen[:count])
    return scanned, int(stop[0]), bool(stop[1])


def _joined(pieces: list[_Columns], threads: int) -> _Columns:
    """The columns of all pieces one after the other, boxes of shape (records, 4)."""
    names = ("image_id", "category_id", "boxes", "number", "annotation_id", "is_crowd", "ignore", "seen")
    joined = map_chunks(lambda name: np.concatenate([getattr(piece, name) for piece in pieces]), names, threads)
    columns: dict[str, Any] = dict(zip(names, joined, strict=True))
    return _Columns(**columns | {"boxes": columns["boxes"].reshape(-1, 4)})
