"""What is no sound evidence is refused in words, and never crashes."""

import io
import json
import struct
import tokenize
import zipfile
import zlib
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
    assert str(error.value).replace("\0", "").isprintable()
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
    (lambda header: header.update(fingerprint=""), "at `$.fingerprint`"),
    (lambda header: header.update(fingerprint="0" * 16 + "\n"), "at `$.fingerprint`"),
    (lambda header: header.update(fingerprint="\x1b[31m](http://x) "), "at `$.fingerprint`"),
    (lambda header: header["params"].update(similarity="\x1b[2J\n" * 1000), "its settings: similarity: '"),
    (lambda header: header.update(fields={"camera": [{}] * 40}), "at `$.fields[...][0]`"),
    (lambda header: header.update(fields={"camera": [float("inf")] * 40}), "header.json holds Infinity"),
], ids=range(17))
def test_a_wrong_header(saved, change, problem):
    rewrite(saved, header=change)
    code, text = refusal(saved)
    assert code == 3
    assert text.startswith("the evidence is damaged (")
    assert problem in text


RANKS = "its ranks do not count the scores of an image and class down"


@pytest.mark.parametrize("name, array, problem", [
    ("image", lambda column: column + 40, "its detections refer to images or classes that it does not hold"),
    ("category", lambda column: column.astype(np.int8) - 1, "its detections refer to images or classes"),
    ("gt_image", lambda column: column.astype(np.int64) - 1, "its ground truths refer to images or classes"),
    ("image", lambda column: column[::-1], "its detections are not in order"),
    ("gt_category", lambda column: column[::-1], "its ground truths are not in order"),
    ("rank", lambda column: column.astype(np.int32) - 1, RANKS),
    ("scores", lambda column: column * np.nan, "its rows or scores are none"),
    ("scores", lambda column: column[1:], "scores has shape (504,), (505,) is needed"),
    ("scores", lambda column: column.astype(np.float32), "scores holds float32"),
    ("scores", lambda column: column[:, None], "scores has shape (505, 1), (505,) is needed"),
    ("row", lambda column: column.astype(float), "row holds float64"),
    ("true_positive", lambda column: column[:, :2], "true_positive has shape (505, 2, 1), (505, 4, 1) is needed"),
    ("true_positive", lambda column: column | 1, "a detection is both a true positive and ignored"),
    ("true_positive", lambda column: column * 0 + 1024, "it is marked at thresholds that it does not have"),
    ("ignored", lambda column: column | 1024, "it is marked at thresholds that it does not have"),
    ("found", lambda column: column | 1024, "it is marked at thresholds that it does not have"),
    ("rank", lambda column: column * 0, RANKS),
    ("rank", lambda column: np.arange(len(column)), RANKS),
    ("scores", lambda column: np.arange(505.0), RANKS),
    ("image", lambda column: column.astype(np.int64) + 2**32, "image holds numbers beyond int32"),
    ("rank", lambda column: column.astype(np.int64) - 2**32, "rank holds numbers beyond int32"),
    ("found", lambda column: column.astype(np.uint64) + 2**32, "found holds numbers beyond uint32"),
    ("row", lambda column: column + np.uint64(2**63), "row holds numbers beyond int64"),
    ("width", lambda column: column * np.inf, "its images do not fit together"),
    ("height", lambda column: column[:, None], "its images do not fit together"),
    ("gt_ignored", lambda column: column | True, "it has more true positives than ground truths"),
    ("found", lambda column: np.asfortranarray(column), "found holds uint16"),
    ("gt_ignored", lambda column: column.astype(np.uint8), "gt_ignored holds uint8"),
    ("image_ids", lambda column: column[::-1], "its images do not fit together"),
    ("category_ids", lambda column: column * 0, "its classes do not fit together"),
    ("width", lambda column: column[1:], "its images do not fit together"),
], ids=range(31))
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


def test_an_image_has_no_more_hits_than_objects(saved):
    """Though its class has objects enough on other images."""
    columns = np.load(saved)
    hits, image, category = columns["true_positive"].copy(), columns["image"], columns["category"]
    objects = {*zip(columns["gt_category"].tolist(), columns["gt_image"].tolist(), strict=True)}
    elsewhere = [row for row in range(len(image)) if (category[row], image[row]) not in objects
                 and hits[category == category[row], 0].any()]
    hit = np.flatnonzero((category == category[elsewhere[0]]) & hits[:, 0, 0].astype(bool))[0]
    hits[elsewhere[0], 0], hits[hit] = hits[hit, 0], 0
    rewrite(saved, true_positive=as_npy(hits))
    assert refusal(saved) == damaged("it has more true positives than ground truths")


@pytest.mark.parametrize("old, new", [
    (b"'descr': '<f8'", b"'descr': '<f\\'"), (b"{'descr'", b"{{descr'"), (b"(505,)", b"[505,]"),
    (b"(505,)", b"(505L)"), (b"(505,)", b"(1e3,)"), (b"(505,)", b"(\\d,)"), (b"(505,)", b"(((((("),
    (b"(505,)", b"('\\d')"), (b"'<f8'", b"('<',"), (b"(505,)", b"(505,\0"), (b"(505,)", b"(True)"),
    (b"(505,)", b"(\xff\xff,)"), (b"False", b"\n \t \n"),
], ids=range(13))
def test_odd_column_headers_are_no_crash(saved, old, new, recwarn):
    data = as_npy(np.zeros(505))
    assert old in data
    rewrite(saved, scores=data.replace(old, new))
    assert refusal(saved)[0] == 3
    assert not recwarn.list


@pytest.mark.parametrize("error", [SyntaxError("a\nb"), TypeError(), zlib.error("x"), struct.error(), KeyError("k"),
                                   RecursionError(), tokenize.TokenError("x", (1, 2)), MemoryError()], ids=repr)
def test_whatever_reading_raises_is_damage(saved, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("deteval.loading.evidence_file._column", fail)
    assert refusal(saved)[1].startswith("the evidence is damaged (")


def test_encrypted_and_compressed_members_are_refused(saved):
    parts = members(saved)
    with zipfile.ZipFile(saved, "w") as archive:
        for name, data in parts.items():
            kind = zipfile.ZIP_DEFLATED if name == "scores.npy" else zipfile.ZIP_STORED
            archive.writestr(name, data, kind)
    assert refusal(saved) == damaged("scores.npy is compressed")
    with zipfile.ZipFile(saved, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    data = bytearray(saved.read_bytes())
    place = data.index(b"PK\x01\x02") + 8
    data[place] |= 1  # the first member, the header, is encrypted
    saved.write_bytes(data)
    assert refusal(saved)[0] == 3
