"""The figures that docs/statistics.md promises, by simulation: in small by default, in full with `-m long`.

A full run writes its figures into the table on the page.
"""

import pytest
from acceptance import GAP, REPLICATES, Tally, compare_clips, compare_still_images, write_row

QUICK = 200
"""Replicates of the quick versions."""


def coverage_text(tally: Tally, names: tuple[str, ...]) -> str:
    """Coverage, and how often the interval lay below and above the truth."""
    parts = []
    for name in names:
        below, above = (tally.share(f"{name} {side}", f"{name} intervals") for side in ("below", "above"))
        parts.append(f"{name} {tally.coverage(name):.1f} % (misses {below:.1f} and {above:.1f} %)")
    return "; ".join(parts)


def size_text(sets: int, gap: float = GAP) -> str:
    return f"{sets:,} sets x {REPLICATES:,} replicates, true difference {'0' if not gap else 'about -1 point'}"


@pytest.mark.parametrize("classes, images, sets, low, high", [(1, 300, 60, 85, 100), (80, 300, 20, 80, 100),
                                                              (10, 100, 60, 85, 100)])
def test_intervals_cover_in_small(classes, images, sets, low, high):
    tally = compare_still_images(classes, images, 0.0, sets, QUICK)
    for name in ("AP", "AP@.5"):
        assert low <= tally.coverage(name) <= high, name
    assert not tally.events["verdicts below 10 images"]


def test_a_true_drop_is_found_and_equal_models_pass_in_small():
    equal = compare_still_images(10, 200, 0.0, 40, QUICK, correct="max-t")
    worse = compare_still_images(10, 200, 0.4, 10, QUICK, correct="max-t", population=1000)
    assert equal.share("significant") <= 15
    assert equal.share("family error") <= 20
    assert worse.share("significant") >= 80


def test_clips_need_their_clusters_in_small():
    tally = compare_clips(20, 20, QUICK)
    assert tally.coverage("clips") >= 75
    assert tally.coverage("images") <= 75


COVERAGE_ROWS = [
    # classes, images, lowest and highest coverage, largest one-sided miss
    (1, 300, 92.5, 97.0, 100.0),
    (10, 100, 91.5, 97.0, 100.0),
    (80, 300, 93.0, 98.0, 4.0),
    (80, 1000, 93.0, 98.0, 4.0),
]


@pytest.mark.long
@pytest.mark.parametrize("classes, images, low, high, side", COVERAGE_ROWS)
def test_intervals_cover(classes, images, low, high, side):
    tally = compare_still_images(classes, images, GAP, 1000)
    names = ("AP", "AP@.5")
    bar = f"{low:g}-{high:g} %" + (f", one-sided misses at most {side:g} %" if side < 100 else "")
    noun = "class" if classes == 1 else "classes"
    write_row(f"coverage, {classes} {noun}, {images:,} images", bar, coverage_text(tally, names), size_text(1000))
    if classes == 80:
        count = int(tally.events["rare intervals"])
        write_row(f"coverage per class on 10 to 49 images, of {images:,}", "93.5-98 %",
                  coverage_text(tally, ("rare",)).removeprefix("rare "), f"{count:,} intervals of the same sets")
    assert not tally.events["verdicts below 10 images"]
    for name in names:
        assert low <= tally.coverage(name) <= high, name
        assert tally.worst_side(name) <= side, name
    if classes == 80:
        assert 93.5 <= tally.coverage("rare") <= 98


@pytest.mark.long
def test_equal_models_are_rarely_called_worse():
    tally = compare_still_images(80, 500, 0.0, 1000)
    write_row("false alarms of mode significant, 80 classes, 500 images", "1.2-4.5 %",
              f"{tally.share('significant'):.1f} % (beyond: {tally.share('beyond'):.1f} %)", size_text(1000, 0))
    assert 1.2 <= tally.share("significant") <= 4.5


@pytest.mark.long
def test_drops_are_proven_as_often_as_their_standard_error_says():
    """What `detectable` rests on: a drop of 2.8 standard errors is proven in 80 % of data sets."""
    tally = compare_still_images(10, 500, 2 * GAP, 1000)
    found, expected = tally.share("proven"), tally.share("expected")
    write_row("power, 10 classes, 500 images", "within 5 points of what the standard errors say",
              f"proven {found:.1f} %, expected {expected:.1f} %",
              f"1,000 sets x {REPLICATES:,} replicates, true difference about -2 points")
    assert abs(found - expected) <= 5


@pytest.mark.long
def test_a_family_of_classes_rarely_errs():
    tally = compare_still_images(80, 1000, 0.0, 500, correct="max-t")
    write_row("family error, 80 classes, 1,000 images", "at most 5.5 %", f"{tally.share('family error'):.1f} %",
              size_text(500, 0))
    assert tally.share("family error") <= 5.5


@pytest.mark.long
def test_clips_need_their_clusters():
    tally = compare_clips(20, 500)
    write_row("20 clips of 10 to 50 frames", "whole clips 90.5-97.5 %, single frames below 60 %",
              f"whole clips {tally.coverage('clips'):.1f} %, single frames {tally.coverage('images'):.1f} %",
              f"{size_text(500, 0)}; {tally.share('clips without a verdict'):.1f} % without a verdict")
    assert 90.5 <= tally.coverage("clips") <= 97.5
    assert tally.coverage("images") < 60
