"""Small copies of image files for a page. The only import of Pillow."""

import base64
import io
import math
import os
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath

from msgspec import Struct

MOST_PICTURES = 24
MOST_BYTES = 2_000_000
"""Of all pictures together, as they stand in the page."""
LONGEST_SIDE = 512
NO_FILE = "there is no such file"
QUALITY = 78
ORIENTATION, SIDEWAYS = 0x0112, 5
"""The EXIF tag, and the values from which on an image is stored on its side."""


class Thumbnail(Struct, frozen=True):
    """A picture. source: a data URI, None where there is none and `problem` says why; width, height: of the file."""

    source: str | None
    width: float = 0.0
    height: float = 0.0
    problem: str = ""


def make_thumbnails(folder: str, wanted: Sequence[tuple[str | None, float, float]]) -> list[Thumbnail]:
    """Thumbnails of image files under a folder, in the order wanted, until the bytes are used up.

    wanted: file name, width and height as the image record has them, NaN where it has none. Never an error: what
    cannot be shown says why.
    """
    left, found = MOST_BYTES, []
    for name, width, height in wanted[:MOST_PICTURES]:
        path = path_under(folder, name)
        if path is None:
            problem = "the image record has no file name" if not name else "the file name leads out of the folder"
            found.append(Thumbnail(None, problem=problem))
            continue
        if not os.path.isfile(path):
            found.append(Thumbnail(None, problem=NO_FILE))
            continue
        one = _thumbnail(path, width, height)
        if one.source is not None and len(one.source) > left:
            one = Thumbnail(None, one.width, one.height, "the pictures of this page are limited to 2 MB")
        left -= len(one.source or "")
        found.append(one)
    return found


def path_under(folder: str, name: str | None) -> str | None:
    """A file of a name under a folder; None for a name that is absolute, leads out of it, or is none.

    Links inside the folder may lead where they will: who made the folder made them.
    """
    if not name or "\0" in name:
        return None
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if PureWindowsPath(name).drive or PurePosixPath(name.replace("\\", "/")).is_absolute() or ".." in parts:
        return None
    return os.path.join(folder, *parts)


def _thumbnail(path: str, width: float, height: float) -> Thumbnail:
    """One picture as JPEG; turned as its EXIF data say only if the record counts its pixels so."""
    import warnings

    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large images, and of odd metadata
            with Image.open(path) as opened:
                size = opened.size
                opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                image: Image.Image = opened
                if opened.getexif().get(ORIENTATION, 1) >= SIDEWAYS and (height, width) == size != (width, height):
                    image, size = ImageOps.exif_transpose(opened), (size[1], size[0])
                image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                stream = io.BytesIO()
                image.convert("RGB").save(stream, "JPEG", quality=QUALITY)
    except Exception as error:  # decoders raise whatever they like on a damaged file, and no picture is worth a failure
        return Thumbnail(None, problem=f"the file is no image that can be read ({type(error).__name__})")
    known = math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0
    source = "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
    return Thumbnail(source, *((width, height) if known else (float(size[0]), float(size[1]))))
