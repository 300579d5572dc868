"""The sentences about differences, which compare and gate share: what they claim, and what they never claim."""

import pytest
from msgspec.structs import replace

from deteval.records.resampling import Estimate, Resampling, Units
from deteval.reports import inference_words as words

FELL = Estimate(metric="AP", base=0.4, new=0.391, difference=-0.009, low=-0.015, high=-0.003, p_value=0.004,
                standard_error=0.003, detectable=0.0084, units=5000, differs=True, identical=False, reason="")
OPEN = replace(FELL, difference=-0.001, low=-0.007, high=0.005, p_value=0.7, detectable=0.009, differs=False)


def test_a_proven_drop():
    assert words.sentence(FELL, 0.05) == "AP fell by 0.9 points (95 % interval -1.5 to -0.3): a drop is proven."


def test_a_proven_rise():
    rose = replace(FELL, difference=0.01, low=0.003, high=0.018)
    assert words.sentence(rose, 0.1, "dog") == "dog rose by 1.0 point (90 % interval 0.3 to 1.8): a rise is proven."


def test_what_is_not_proven_is_not_called_equal():
    assert words.sentence(OPEN, 0.05) == (
        "AP fell by 0.1 points (95 % interval -0.7 to 0.5). No difference proven. Drops up to 0.7 points are not ruled "
        "out; this test set reliably shows drops of 0.9 or more.")


def test_identical_undefined_and_undecided():
    same = replace(FELL, difference=0.0, low=0.0, high=0.0, p_value=1.0, standard_error=0.0, detectable=0.0,
                   differs=False, identical=True)
    assert words.sentence(same, 0.05) == "AP is identical."
    absent = replace(FELL, base=None, difference=None, low=None, high=None, differs=None,
                     reason="undefined in the base model")
    assert words.sentence(absent, 0.05) == "AP is undefined; no verdict: undefined in the base model."
    few = replace(FELL, low=None, high=None, differs=None, reason="too few images (7 of the 10 needed)")
    assert words.sentence(few, 0.05) == "AP fell by 0.9 points; no verdict: too few images (7 of the 10 needed)."
    level = replace(OPEN, difference=0.0)
    assert words.sentence(level, 0.05).startswith("AP is unchanged (95 % interval -0.7 to 0.5). No difference proven.")


@pytest.mark.parametrize("difference, text", [(-0.00891, "-0.9"), (0.0, "0.0"), (0.0004, "0.04"), (-0.00095, "-0.1"),
                                              (0.12345, "12.3"), (1e-9, "0.0"), (-1e-9, "0.0"), (-1.0, "-100.0")])
def test_points(difference, text):
    assert words.points(difference) == text


def test_one_tolerance():
    assert words.smaller_than(0.003) == "Any drop is smaller than 0.3 points."
    assert words.smaller_than(0.01) == "Any drop is smaller than 1.0 point."


def test_what_was_drawn_and_tested():
    assert words.drawn(Resampling(seed=7), Units(40)) == (
        "Paired bootstrap: 2,000 replicates, seed 7; each draws 40 of 40 images with replacement and measures both "
        "models on them.")
    videos = Units(12, cluster=(), name="clusters of video")
    assert "12 of 12 clusters of video with" in words.drawn(Resampling(), videos)
    assert words.family(80, Resampling(alpha=0.1)).startswith(
        "80 classes tested as one family (max-T): the chance that equal models show a difference in any of them is 10")
    assert words.family(80, Resampling(correct="none")) == (
        "80 classes tested one by one, without correction: of equal models 5 % of them show a difference by chance.")
    assert "2.8 standard errors" in words.power(Resampling())
    assert "3.4 standard errors" in words.power(Resampling(alpha=0.01))


@pytest.mark.parametrize("estimate", [FELL, OPEN, replace(OPEN, low=0.0), replace(OPEN, low=None, differs=None)])
def test_absence_is_never_claimed(estimate):
    assert "no regression" not in words.sentence(estimate, 0.05).lower()
