"""The JSON output is what its schema says, and what the docs may rely on."""

import json
from pathlib import Path

import jsonschema
import pytest
from datasets import random_dataset
from test_exactness import params_of

import deteval

SCHEMA = json.loads((Path(deteval.__file__).parent / "scores.schema.json").read_text())


@pytest.mark.parametrize("seed", range(0, 120, 3))
def test_scores_fit_the_schema(seed):
    data = random_dataset(seed)
    gt = deteval.load_ground_truth(data.ground_truth)
    scores = deteval.evaluate(gt, deteval.load_detections(data.detections, gt), params_of(data))
    document = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    jsonschema.validate(document, SCHEMA)
    assert set(document) <= set(SCHEMA["properties"])
    assert set(document["undefined"]) == {name for name, value in document["metrics"].items() if value is None}
    totals = document["totals"]
    assert totals["true_positives"] + totals["false_negatives"] == totals["n_gt"]
    for name, total in (("n_gt", "n_gt"), ("n_det", "n_det"), ("true_positives", "true_positives"),
                        ("false_positives", "false_positives"), ("false_negatives", "false_negatives")):
        assert sum(one[name] for one in document["classes"]) == totals[total]


def test_a_wrong_document_does_not_fit():
    data = random_dataset(0)
    gt = deteval.load_ground_truth(data.ground_truth)
    document = deteval.evaluate(gt, deteval.load_detections(data.detections, gt)).to_dict()
    document["metrics"]["AP"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
