"""The similarity kernels: the hand-computed table, the oracle bit for bit, bounds and order."""

import math

import numpy as np
import oracle
import pycocotools.mask
import pytest
from datasets import random_dataset
from hypothesis import given, settings
from test_oracle import SIMILARITIES, boxes, steps

from deteval.kernels.similarity import KINDS, similarities

ORDER = ("iou", "giou", "diou", "ciou")


def kernel(kind, detections, ground_truths, is_crowd=None):
    """All pairs of one group, shape (detections, ground truths)."""
    detections, ground_truths = (np.array(boxes, float).reshape(-1, 4) for boxes in (detections, ground_truths))
    crowd = np.zeros(len(ground_truths), np.uint8) if is_crowd is None else np.array(is_crowd, np.uint8)
    out = np.full((len(detections), len(ground_truths)), np.nan)
    written = similarities(KINDS[kind], 0, 1, 0, len(detections), np.array([0, len(detections)]),
                           np.array([0, len(ground_truths)]), detections.ravel(), ground_truths.ravel(), crowd,
                           out.ravel())
    assert written == out.size
    return out


@pytest.mark.parametrize("detection, ground_truth, expected", SIMILARITIES)
def test_by_hand(detection, ground_truth, expected):
    for kind, value in zip(ORDER, expected, strict=True):
        assert kernel(kind, [detection], [ground_truth]).item() == pytest.approx(value, abs=1e-15)
        assert kernel(kind, [ground_truth], [detection]).item() == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("kind", ORDER)
def test_crowds_by_hand(kind):
    """Half of the detection lies in the first crowd, all of it in the second, none in the third: no match at all."""
    values = kernel(kind, [[0, 0, 2, 2]], [[1, 0, 9, 9], [0, 0, 2, 2], [5, 5, 9, 9]], [1, 1, 1])
    assert values.tolist() == [[0.5, 1.0, -math.inf]]


@pytest.mark.parametrize("seed", range(200))
def test_equal_to_the_oracle(seed):
    data = random_dataset(seed)
    _, _, truths, found = oracle.rows_of(data.ground_truth, data.detections)
    if truths and found:
        sides = [row.box for row in found], [row.box for row in truths], [row.is_crowd for row in truths]
        for kind in ORDER:
            expected = oracle.similarity(kind, *sides)
            if kind == "iou":  # both stand for no match
                expected = np.where(np.array(sides[2]) & (expected == 0), -math.inf, expected)
            if kind == "ciou":  # its terms may be summed in another order
                assert kernel(kind, *sides) == pytest.approx(expected, rel=0, abs=1e-14)
            else:
                assert np.array_equal(kernel(kind, *sides), expected)


@settings(deadline=None, max_examples=300)
@given(boxes, boxes, steps)
def test_bounds_and_order(detection, other, step):
    """Boxes with sides of 1e-3 to 1e6 and coordinates below 1e7, far from each other and near."""
    (x, y, w, h), (across, down, wider, higher) = detection, step
    near = [x + across * w, y + down * h, w * (1 + wider), h * (1 + higher)]
    for truth in (other, near):
        iou, giou, diou, ciou = (kernel(kind, [detection], [truth]).item() for kind in ORDER)
        top = 1.0 if detection == truth else iou
        assert -1 - 1e-9 <= giou <= top + 1e-9
        assert -1 - 1e-9 <= diou <= top + 1e-9
        assert -1.5 - 1e-9 <= ciou <= diou + 1e-9


@pytest.mark.parametrize("box", [[1, 1, 2, 3], [0.1, 0.2, 0.3, 0.7], [5, 5, 0, 0], [0, 0, 4, 0]])
def test_equal_boxes_are_one_by_definition(box):
    assert [kernel(kind, [box], [box]).item() for kind in ORDER[1:]] == [1.0, 1.0, 1.0]


def test_iou_of_a_box_with_itself_need_not_be_one():
    """(x + w) - x is not w here, in the reference neither."""
    box = [0.3, 0.1, 0.6, 0.7]
    assert kernel("iou", [box], [box]).item() == pycocotools.mask.iou([box], [box], [0]).item() == 0.9999999999999994
