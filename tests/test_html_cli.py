"""`--html`: every command writes a page whose numbers are those of its JSON, or refuses early and in words."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("plotly")
Image = pytest.importorskip("PIL.Image")

SAMPLE = Path(__file__).parent.parent / "fixtures" / "sample"
GT, PREDS, NEW = SAMPLE / "gt.json", SAMPLE / "preds.json", SAMPLE / "preds_new.json"


def numbers(value):
    """Every fraction of a JSON document."""
    if isinstance(value, float):
        return {value}
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(numbers, values))


@pytest.fixture
def page(deteval_run, tmp_path):
    """Runs a command with `--html` and `--format json`: its exit code, document and page."""

    def run(*arguments):
        outcome = deteval_run(*arguments, "--format", "json", "--html", tmp_path / "page.html")
        assert f"wrote {tmp_path / 'page.html'}" in outcome.err
        return outcome.code, json.loads(outcome.out), (tmp_path / "page.html").read_text(encoding="utf-8")

    return run


def test_score(page):
    code, document, html = page("score", PREDS, GT)
    assert code == 0
    wanted = numbers(document["metrics"]) | numbers([one["metrics"] for one in document["classes"]])
    assert len(wanted) > 30
    assert [value for value in wanted if repr(value) not in html] == []
    assert document["fingerprint"] in html
    for key in ("confusion", "error-kinds", "calibration", "precision-recall", "score-histogram"):
        assert f'id="{key}"' in html


def test_compare(page):
    code, document, html = page("compare", PREDS, NEW, "--gt", GT, "--replicates", 200)
    assert code == 0
    wanted = numbers([{name: one[name] for name in ("base", "new", "difference", "low", "high")}
                      for one in document["comparisons"][0]["metrics"].values()])
    assert [value for value in wanted if repr(value) not in html] == []
    assert "Kinds of change" in html  # the detail table was asked for
    estimates = document["comparisons"][0]["metrics"].values()
    for one in estimates:
        toned = f"class={'down' if one['difference'] < 0 else 'up'} data-value={one['difference']!r}>"
        assert (toned in html) == one["differs"], "only a proven difference has a colour"
    assert {one["differs"] for one in estimates} == {True, False}


def test_compare_without_resampling(page):
    code, _, html = page("compare", PREDS, NEW, "--gt", GT, "--replicates", 0)
    assert code == 0
    assert "Nothing was resampled" in html


def test_compare_of_several_models(page):
    _, _, html = page("compare", PREDS, NEW, PREDS, "--gt", GT, "--replicates", 200)
    assert 'id="new1-classes"' in html
    assert 'id="new2-metrics"' in html
    assert 'id="new2-differences"' not in html, "identical models have no charts"


def test_compare_of_identical_models_is_a_sentence(page):
    _, _, html = page("compare", PREDS, PREDS, "--gt", GT, "--replicates", 200)
    assert "<b>Identical:</b>" in html
    assert 'class="plot"' not in html


def test_compare_evidence_says_what_it_cannot_tell(page, deteval_run, saved, tmp_path):
    assert deteval_run("score", NEW, GT, "--save-evidence", tmp_path / "new.npz").code == 0
    code, _, html = page("compare", saved, tmp_path / "new.npz", "--replicates", 200)
    assert code == 0
    assert "--detail .5" in html


def test_explain_alone_and_with_a_base(page):
    _, document, html = page("explain", PREDS, GT)
    costs = numbers(document["error_kinds"]["all"]["kinds"])
    assert [value for value in costs if repr(value) not in html] == []
    assert "AP@.5" in html
    assert '"missed"],"rows"' in html
    assert "score too high by" in html
    _, document, html = page("explain", NEW, GT, "--base", PREDS)
    shares = numbers([one["share"] for one in document["classes"] + document["kinds"]])
    assert [value for value in shares if repr(value) not in html] == []
    assert re.search("<th[^>]*>found by both, boxes fit differently</th>", html)
    assert "<b>Attention:</b>" not in html
    assert not re.search("class=[\"']?(number )?(up|down)", html), "nothing here was tested"


def test_operating_points(page):
    _, document, html = page("operating-points", PREDS, GT, "--ci", "--replicates", 200)
    wanted = numbers([one["threshold"] for one in document["classes"]])
    assert [value for value in wanted if repr(value) not in html] == []
    assert "chosen cut" in html


def test_sweep(deteval_run, tmp_path):
    config = tmp_path / "sweep.yaml"
    config.write_text(f"version: 1\npredictions: {{a: {PREDS}}}\nground_truth: {GT}\n"
                      "sweep: {min_score: [.1, .3, .5], nms: [.5, none], max_dets: [10, 100]}\n"
                      "metrics: [AP, 'F1@.5']\nobjective: 'F1@.5'\n")
    outcome = deteval_run("sweep", config, "--format", "json", "--html", tmp_path / "s.html")
    document, html = json.loads(outcome.out), (tmp_path / "s.html").read_text(encoding="utf-8")
    wanted = numbers(document["points"])
    assert [value for value in wanted if repr(value) not in html] == []
    for pair in ("map-min-score-nms", "map-min-score-max-dets", "map-nms-max-dets"):
        assert f'id="{pair}"' in html
    assert "The best point is marked." in html
    charts = json.loads(re.search('id="charts">(.*?)</script>', html).group(1))
    lines = charts["lines-min-score-by-nms"]
    assert lines["y_titles"] == {group["name"]: group["name"].partition(",")[0] for group in lines["groups"]}
    assert document["best"][0]["settings"] == {"min_score": 0.5, "nms": 0.5, "max_dets": 10}
    assert "at the highest min_score and the lowest nms and the lowest max_dets; a higher min_score may be" in html


def test_a_failed_gate_has_a_page(deteval_run, tmp_path):
    target = tmp_path / "gate.html"
    outcome = deteval_run("gate", PREDS, GT, "--min", "AP=.9", "--html", target)
    assert outcome.code == 1
    assert "FAIL: 1 of 1 test failed" in target.read_text(encoding="utf-8")


def test_saved_evidence_is_the_same_with_a_page(deteval_run, tmp_path):
    for name, more in (("plain", ()), ("paged", ("--html", tmp_path / "x.html"))):
        assert deteval_run("score", PREDS, GT, "--save-evidence", tmp_path / f"{name}.npz", *more).code == 0
    assert (tmp_path / "plain.npz").read_bytes() == (tmp_path / "paged.npz").read_bytes()


def test_pictures(deteval_run, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    records = json.loads(GT.read_text())["images"]
    for one in records[::2]:
        Image.new("RGB", (one["width"], one["height"]), (90, 120, 90)).save(folder / one["file_name"])
    (folder / records[1]["file_name"]).write_bytes(b"no image")
    target = tmp_path / "p.html"
    assert deteval_run("score", PREDS, GT, "--html", target, "--images-dir", folder).code == 0
    html = target.read_text(encoding="utf-8")
    assert 0 < html.count("data:image/jpeg;base64,") <= 24
    assert "No picture of" in html
    assert "there is no such file" in html
    assert "; drawn: " in html
    empty = tmp_path / "empty"
    empty.mkdir()
    assert deteval_run("score", PREDS, GT, "--html", target, "--images-dir", empty).code == 0
    html = target.read_text(encoding="utf-8")
    assert f"No pictures: {empty} holds none of the" in html
    assert "<figcaption><b>" not in html


def test_what_is_drawn_is_what_the_caption_counts(tmp_path):
    """At a high cut, objects that only a detection below it finds are a kind of their own."""
    from deteval.cli.models import read_with_boxes
    from deteval.loading.settings import make_settings
    from deteval.reports.page.image_sections import image_boxes, pictures

    (run, boxes), = read_with_boxes([(str(PREDS),)], str(GT), make_settings({}), detail=(0.5,), image_fields=True)
    records = {one["id"]: one for one in json.loads(GT.read_text())["images"]}
    ids = run.evidence.images.ids.tolist()
    for one in records.values():
        Image.new("RGB", (one["width"], one["height"])).save(tmp_path / one["file_name"])
    found = [{cut: Counter(box.tone for box in image_boxes(run.evidence, boxes, image, 0, cut)) for cut in (0.0, 0.6)}
             for image in range(len(ids))]
    below = [image for image, one in enumerate(found) if one[0.6]["below the cut"]]
    assert below
    for one in found:
        assert one[0.0]["below the cut"] == 0
        assert one[0.0]["truth"] == one[0.6]["truth"] + one[0.6]["below the cut"]
        assert one[0.6]["truth"] == one[0.6]["true positive"]
        assert one[0.0]["missed"] == one[0.6]["missed"]
    count, key = found[below[0]][0.6], ids[below[0]]
    shown = pictures(run, boxes, str(tmp_path), [key], ["costs 1.0 points"], 0.5, 0.6).items[0]
    assert shown.caption.startswith(f"costs 1.0 points; drawn: {count['truth']} found, {count['missed']} missed, "
                                    f"{count['below the cut']} found only below the cut; {count['true positive']} true")
    errors = [box for box in shown.boxes if box.tone in ("missed", "below the cut", "false positive")]
    assert [box for box in shown.boxes if box.written] == (errors if len(errors) <= 8 else [])


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "a/../../b.jpg", "C:\\x.jpg", "..\\x.jpg", "", None,
                                  "a\0b"])
def test_names_that_lead_out_of_the_folder(name, tmp_path):
    from deteval.loading.thumbnails import make_thumbnails, path_under

    assert path_under(str(tmp_path), name) is None
    assert make_thumbnails(str(tmp_path), [(name, 1.0, 1.0)])[0].source is None


def test_pictures_are_limited_in_number_and_bytes(tmp_path, monkeypatch):
    from deteval.loading import thumbnails

    Image.effect_noise((400, 300), 90).convert("RGB").save(tmp_path / "a.png")
    monkeypatch.setattr(thumbnails, "MOST_BYTES", 150_000)
    found = thumbnails.make_thumbnails(str(tmp_path), [("a.png", 400.0, 300.0)] * 30)
    assert len(found) == 24
    assert 0 < sum(len(one.source or "") for one in found) <= 150_000
    assert "limited" in found[-1].problem


@pytest.mark.parametrize(("arguments", "words"), [
    (("--html", "-"), "html: - is not a file"),
    (("--html", GT), "is an input too"),
    (("--images-dir", SAMPLE), "images-dir: pictures stand on a page; give --html FILE too"),
    (("--html", "same.html", "-o", "same.html"), "same.html: is given for -o and for --html"),
    (("--html", "x.html", "--images-dir", "nowhere"), "images-dir: nowhere is not a folder"),
    (("--html", "nowhere/x.html"), "does not exist"),
])
@pytest.mark.parametrize("command", ["score", "explain", "gate"])
def test_refusals(deteval_run, tmp_path, monkeypatch, command, arguments, words):
    monkeypatch.chdir(tmp_path)
    more = ("--min", "AP=.1") if command == "gate" else ()
    outcome = deteval_run(command, PREDS, GT, *more, *arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_without_the_option_nothing_of_it_is_imported():
    code = ("import sys; from deteval.cli.main import main\n"
            f"try: main(['score', {str(PREDS)!r}, {str(GT)!r}])\n"
            "except SystemExit: pass\n"
            "bad = [m for m in sys.modules if m.split('.')[0] in ('PIL', 'jinja2', 'plotly') or 'reports.page' in m "
            "or m in ('deteval.cli.page', 'deteval.score_curves')]\n"
            "sys.stderr.write(repr(bad))")
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[]")
