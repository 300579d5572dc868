"""Scores of the same objects as large as floats go: no overflow, and nothing said."""

import numpy as np
import pytest

from deteval.differences.kept_objects import Pairs, scores_remark


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("largest", [1e308, -1.7e308])
def test_scores_too_large_to_compare(largest):
    ones = np.ones(20)
    pairs = Pairs(base_scores=np.linspace(0, 1, 20) * -largest, new_scores=np.linspace(0, 1, 20) * largest,
                  base_similarity=ones, new_similarity=ones, category=np.zeros(20, np.int32),
                  image=np.arange(20, dtype=np.int32), names=("cat",), n_images=20, classes=1, similarity_name="IoU")
    assert scores_remark(pairs, order_kept=False) == ""
