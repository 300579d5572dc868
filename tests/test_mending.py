"""Mended outcomes: the kernels against evidence that is edited and measured, bit for bit."""

import mending_by_evidence as slowly
import numpy as np
import pytest
from datasets import random_dataset
from msgspec.structs import replace
from test_error_kinds import by_hand, matched
from test_exactness import params_of

from deteval.diagnosis.error_kinds import judge_misses
from deteval.diagnosis.mending import NONE, Cell, Edits, bits_at, edited_values, mend, ranked_outcomes
from deteval.measures import Ranked
from deteval.records.error_kinds import BACKGROUND


def assert_same_bits(evidence, iou, threads=2):
    """AP of all classes together and of each, as it is and with every kind mended, in every area range."""
    ranked, threshold = Ranked(evidence, threads), evidence.params.iou.index(iou)
    misses = judge_misses(evidence, threshold, BACKGROUND, threads)
    outcomes = ranked_outcomes(ranked, threshold, misses.codes, threads)
    for area in range(len(evidence.params.areas)):
        found = mend(Cell(ranked, threshold, area), misses, outcomes[area], threads)
        expected = slowly.mended_values(ranked, iou, area)
        assert np.array_equal(found.values, [one.values[0] for one in expected], equal_nan=True)
        assert np.array_equal(found.classes, [one.classes[0] for one in expected], equal_nan=True)


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_mending_is_measuring_what_is_mended(first):
    for seed in range(first, first + 30):
        data = random_dataset(seed)
        params = params_of(data)
        assert_same_bits(matched(data, params), params.iou[seed % len(params.iou)], threads=1 + seed % 3)


def test_scores_that_tie_across_classes():
    """An error that is put into another class stands behind that class's own row of the same score and image."""
    boxes = [(1, [0, 0, 10, 10]), (2, [50, 0, 10, 10]), (2, [80, 80, 10, 10])]
    evidence = by_hand(boxes, [(1, [50, 0, 10, 10], 0.5), (2, [80, 80, 10, 10], 0.5), (2, [20, 20, 5, 5], 0.5),
                               (1, [0, 0, 10, 10], 0.5)])
    assert_same_bits(evidence, 0.5)


def test_more_than_one_word_of_thresholds():
    data = random_dataset(5)
    params = replace(params_of(data), iou=tuple(n / 100 for n in range(50, 95)))
    assert_same_bits(matched(data, params), 0.85)


def test_edits_of_single_outcomes():
    """A hit more, a hit less, a ground truth more or less, each measured as evidence that is edited."""
    for seed in range(40):
        evidence = matched(random_dataset(seed), params_of(random_dataset(seed)))
        ranked = Ranked(evidence)
        rows = slowly.counted_rows(ranked, 0)
        hit = rows.cell.true_positive[:, 0, 0] != 0
        outcomes = ranked_outcomes(ranked, 0, np.zeros(len(evidence), np.int8), 1)[0]
        positives = Cell(ranked, 0, 0).objects(~evidence.gt_ignored[:, 0])
        cases = [(rows.place[i], NONE) for i in np.flatnonzero(~hit)[:2]] + [
            (NONE, rows.place[i]) for i in np.flatnonzero(hit)[:2]]
        for gained, lost in cases:
            k = evidence.category[max(gained, lost)]
            more = positives[k] + (gained != NONE) - (lost != NONE)
            edits = Edits(*(np.array([one], np.int64) for one in (k, more, gained, lost)))
            true_positive = rows.cell.true_positive.copy()
            true_positive[rows.place == gained], true_positive[rows.place == lost] = 1, 0
            edited = replace(rows.cell, true_positive=true_positive)
            held = np.flatnonzero(~evidence.gt_ignored[:, 0] & (evidence.gt_category == k))
            if lost != NONE:
                fewer = np.zeros(len(evidence.gt_row), bool)
                fewer[held[0]] = True
                edited = replace(edited, gt_ignored=edited.gt_ignored | fewer[:, None])
            elif gained != NONE:
                edited = replace(edited, gt_ignored=np.append(edited.gt_ignored, [[False]], axis=0),
                                 gt_category=np.append(edited.gt_category, k), gt_image=np.append(edited.gt_image, 0),
                                 gt_row=np.append(edited.gt_row, 0), found=np.append(edited.found, [[[1]]], axis=0))
                order = np.argsort(edited.gt_category, kind="stable")
                edited = replace(edited, **{name: getattr(edited, name)[order] for name in (
                    "gt_ignored", "gt_category", "gt_image", "gt_row", "found")})
            value = slowly.average_precision(edited).classes[0, k]
            assert np.array_equal(edited_values(ranked, outcomes, edits), [value], equal_nan=True)


def test_bits_beyond_the_first_word():
    words = np.zeros((2, 1, 2), np.uint32)
    words[1, 0, 1] = 1 << 3
    assert bits_at(words, 0, 35).tolist() == [False, True]
