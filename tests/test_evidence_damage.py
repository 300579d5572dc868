"""What is no sound evidence is refused in words, and never crashes."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from records_equal import differing

import deteval

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {member.filename: archive.read(member) for member in archive.infolist()}


def rewrite(path, **changes):
    """The file with members replaced, or left out where the change is None; `header` is a function of the header."""
    parts = members(path)
    change = changes.pop("header", None)
    if change is not None:
        header = json.loads(parts["header.json"])
        parts["header.json"] = json.dumps(change(header) or header).encode()
    parts |= {f"{name}.npy": data for name, data in changes.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            if data is not None:
                archive.writestr(name, data)


def as_npy(array):
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def refusal(path):
    with pytest.raises(deteval.DetevalError) as error:
        deteval.load_evidence(path)
    assert "\n" not in str(error.value)
    return error.value.exit_code, str(error.value).removeprefix(f"{path}: ")


def damaged(problem):
    return 3, f"the evidence is damaged ({problem}); copy or write it again"


def test_what_cannot_be_opened_is_a_usage_error(tmp_path):
    assert refusal(tmp_path / "absent.npz") == (2, "cannot be read: No such file or directory")
    assert refusal(tmp_path) == (2, "is a directory, a file is needed")
    assert refusal("a\0b")[0] == 2


def test_another_file_is_no_evidence(tmp_path):
    how = "deteval score PREDS GT --save-evidence FILE writes it"
    (tmp_path / "empty").write_bytes(b"")
    assert refusal(SAMPLE / "gt.json") == (3, f"holds no evidence; {how}")
    assert refusal(tmp_path / "empty") == (3, f"holds no evidence; {how}")
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    assert refusal(tmp_path / "other.npz") == (3, f"is a zip archive that holds no evidence; {how}")


def test_another_version_is_named(saved):
    rewrite(saved, header=lambda header: header | {"format": "deteval.evidence/2"})
    code, text = refusal(saved)
    assert code == 3
    assert text == ("holds deteval.evidence/2, this version of deteval reads deteval.evidence/1; save the "
                    "evidence again with this version")
    rewrite(saved, header=lambda header: [1])
    assert refusal(saved)[1].startswith("holds something, this version")


def test_every_truncation_is_noticed(saved):
    data = saved.read_bytes()
    for length in (5, 30, 100, 1000, len(data) // 2, len(data) - 100, len(data) - 1):
        saved.write_bytes(data[:length])
        assert refusal(saved) == damaged("file is not a zip file")


def loaded_or_code(path):
    try:
        return deteval.load_evidence(path)
    except deteval.DetevalError as error:
        return error.exit_code


def test_no_flipped_byte_passes_or_crashes(saved):
    """Nothing but dates and flags of members that nobody reads may change unnoticed."""
    data = saved.read_bytes()
    whole = deteval.load_evidence(saved)
    rng = np.random.default_rng(1)
    for place in [*rng.integers(0, len(data), 300).tolist(), *range(60), *range(len(data) - 40, len(data))]:
        broken = bytearray(data)
        broken[place] ^= int(rng.integers(1, 256))
        saved.write_bytes(broken)
        outcome = loaded_or_code(saved)
        assert outcome == 3 or differing(outcome, whole) == []


def test_a_member_that_is_missing(saved):
    rewrite(saved, scores=None)
    assert refusal(saved) == damaged("lacks scores.npy")


@pytest.mark.parametrize("change, problem", [
    (lambda header: header.pop("fingerprint") and None, "missing required field `fingerprint`"),
    (lambda header: header["params"].update(iou=[2.0]), "its settings: iou: 2 is outside (0, 1], the range of iou"),
    (lambda header: header["params"].update(similarity="nearest"), "its settings: similarity: 'nearest' is not one of"),
    (lambda header: header["params"].update(areas=[]), "its settings: area: at least one range is needed"),
    (lambda header: header["params"].update(max_dets=["many"]), "Expected `int`"),
    (lambda header: header["params"].update(iou=[n / 40 for n in range(1, 41)]), "(505, 4, 2) is needed"),
    (lambda header: header.update(file_names=[]), "its images do not fit together"),
    (lambda header: header.update(fields={"camera": ["a"]}), "its images do not fit together"),
    (lambda header: header.update(category_names=["car"]), "its classes do not fit together"),
    (lambda header: header.update(detail=[0]), "detail_taken"),
    (lambda header: header.update(image_ids=["b", "a"]), "its images do not fit together"),
], ids=range(11))
def test_a_wrong_header(saved, change, problem):
    rewrite(saved, header=change)
    code, text = refusal(saved)
    assert code == 3
    assert text.startswith("the evidence is damaged (")
    assert problem in text


@pytest.mark.parametrize("name, array, problem", [
    ("image", lambda column: column + 40, "its detections refer to images or classes that it does not hold"),
    ("category", lambda column: column.astype(np.int8) - 1, "its detections refer to images or classes"),
    ("gt_image", lambda column: column.astype(np.int64) - 1, "its ground truths refer to images or classes"),
    ("image", lambda column: column[::-1], "its detections are not in order"),
    ("gt_category", lambda column: column[::-1], "its ground truths are not in order"),
    ("rank", lambda column: column.astype(np.int32) - 1, "its ranks, rows or scores are none"),
    ("scores", lambda column: column * np.nan, "its ranks, rows or scores are none"),
    ("scores", lambda column: column[1:], "scores has shape (504,), (505,) is needed"),
    ("scores", lambda column: column.astype(np.float32), "scores holds float32"),
    ("scores", lambda column: column[:, None], "scores has shape (505, 1), (505,) is needed"),
    ("row", lambda column: column.astype(float), "row holds float64"),
    ("true_positive", lambda column: column[:, :2], "true_positive has shape (505, 2, 1), (505, 4, 1) is needed"),
    ("true_positive", lambda column: column | 1, "it has more true positives than ground truths"),
    ("true_positive", lambda column: column | 512, "it has more true positives than ground truths"),
    ("gt_ignored", lambda column: column | True, "it has more true positives than ground truths"),
    ("found", lambda column: np.asfortranarray(column), "found holds uint16"),
    ("gt_ignored", lambda column: column.astype(np.uint8), "gt_ignored holds uint8"),
    ("image_ids", lambda column: column[::-1], "its images do not fit together"),
    ("category_ids", lambda column: column * 0, "its classes do not fit together"),
    ("width", lambda column: column[1:], "its images do not fit together"),
], ids=range(20))
def test_columns_that_contradict_themselves(saved, name, array, problem):
    column = np.load(saved)[name]
    rewrite(saved, **{name: as_npy(array(column))})
    code, text = refusal(saved)
    assert (code, problem in text) == (3, True), text


def test_objects_are_not_unpickled(saved):
    rewrite(saved, scores=as_npy(np.array([print, 1], dtype=object)))
    assert refusal(saved) == damaged("scores holds object")


def test_a_column_is_as_long_as_it_says(saved):
    data = as_npy(np.zeros(505))
    rewrite(saved, scores=data.replace(b"(505,)", b"(2**9,)"))
    assert refusal(saved)[0] == 3
    rewrite(saved, scores=data[:-8])
    assert refusal(saved) == damaged("scores is not as long as it says")
    rewrite(saved, scores=data.replace(b"(505,), }          ", b"(505000000000000,),}"))
    assert refusal(saved)[0] == 3


def test_detail_refers_to_what_is_there(tmp_path):
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    run = deteval.make_run(gt, deteval.load_detections(SAMPLE / "preds.json", gt), detail=(0.5,))
    for name, problem in (("taken", "ground truths"), ("best_same", "ground truths"), ("best_other", "ground truths")):
        wrong = replace(run.evidence.detail, **{name: getattr(run.evidence.detail, name) + len(gt)})
        deteval.save_evidence(tmp_path / "run.npz", replace(run, evidence=replace(run.evidence, detail=wrong)))
        assert refusal(tmp_path / "run.npz") == damaged(f"its detail table refers to {problem} that it does not hold")
    wrong = replace(run.evidence.detail, thresholds=(10,))
    deteval.save_evidence(tmp_path / "run.npz", replace(run, evidence=replace(run.evidence, detail=wrong)))
    assert refusal(tmp_path / "run.npz") == damaged("its detail table is at thresholds that it does not have")


def test_encrypted_and_compressed_members_are_no_crash(saved):
    parts = members(saved)
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert len(deteval.load_evidence(saved).evidence) == 505  # np.savez_compressed would write it so
    data = bytearray(saved.read_bytes())
    place = data.index(b"PK\x01\x02") + 8
    data[place] |= 1  # the first member, the header, is encrypted
    saved.write_bytes(data)
    assert refusal(saved)[0] == 3
