"""`deteval sweep` at a terminal: narrow screens, colour, progress with the time left, Ctrl-C."""

import re
import signal
import sys

import numpy as np
import pytest
from sweep_data import GRID, MODELS, SAMPLE
from test_compare_terminal import in_terminal

import deteval
from deteval.cli.output import _time_left, remark, say
from deteval.loading.sweep_file import read_sweep
from deteval.records.sweep import Objective, Plan
from deteval.reports.layout import Look, display_width
from deteval.reports.sweep_table import render_table
from deteval.studies.sweep import sweep


@pytest.fixture
def result(tmp_path):
    """Two models on the grid, with a cap that is the same everywhere."""
    (tmp_path / "sweep.yaml").write_text(MODELS + GRID.replace("sweep:\n", "sweep:\n  max_dets: 100\n"))
    config = read_sweep(tmp_path / "sweep.yaml")
    gt = deteval.load_ground_truth(SAMPLE / "gt.json")
    plan = Plan(deteval.Params(), tuple(config.axes.values()), config.metrics, Objective(config.objective))
    models = {name: deteval.load_detections(SAMPLE / f"{name}.json", gt) for name in ("preds", "preds_new")}
    return sweep(gt, models, plan)


@pytest.mark.parametrize("width, lost", [(100, ""), (60, "max_dets"), (50, "max_dets, AP"), (30, "max_dets, AP")])
def test_a_narrow_table_keeps_the_grid_and_the_objective(result, width, lost):
    text = render_table(result, Look(width=width))
    heading = next(line for line in text.splitlines() if line.startswith("model"))
    columns = ["model", "max_dets", "iou", "min_score", "nms", "AP", "F1"]
    assert heading.split() == [name for name in columns if name not in lost.split(", ")]
    assert ("for want of room" in text) == bool(lost)
    assert f"for want of room without {lost} " in " ".join(text.split()) + " " or not lost
    grid = max(map(display_width, text.split("\n\n")[1].splitlines()))
    assert all(display_width(line) <= max(width, grid) for line in text.splitlines())


def test_the_best_rows_are_in_colour(result):
    plain, coloured = (render_table(result, Look(colour=colour)).splitlines() for colour in (False, True))
    first = next(place for place, line in enumerate(plain) if line.startswith("model")) + 1
    best = [first + model * result.plan.points + int(np.nanargmax(result.models[model].values[..., 1]))
            for model in (0, 1)]
    assert [place for place, line in enumerate(coloured) if "\x1b[32m" in line] == best
    assert [re.sub(r"\x1b\[\d*m", "", line) for line in coloured] == plain


@pytest.mark.parametrize("share, seconds, text", [
    (0.5, 0.9, ""), (0.01, 30, ""), (1.0, 60, ""), (0.5, 10, ", 10 s left"), (0.25, 30, ", 90 s left"),
    (0.5, 100.0, ", 2 min left"), (0.1, 3600, ", 9 h 0 min left"), (0.9, 1.1, ", 1 s left"),
])
def test_time_left(share, seconds, text):
    assert _time_left(share, seconds) == text


LONG = MODELS + """\
sweep: {iou: ".05:1:.05", max_dets: [1, 3, 5, 10, 30, 100], min_score: "0:.41:.001"}
metrics: [AP]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_and_ctrl_c(tmp_path):
    (tmp_path / "sweep.yaml").write_text(LONG)
    code, shown = in_terminal("sweep", tmp_path / "sweep.yaml", "-o", tmp_path / "out.csv", until="sweeping",
                              then=signal.SIGINT)
    assert code == 130
    assert re.search(r"\rsweeping +\d+%", shown)
    assert shown.endswith("\r\x1b[K\r\ndeteval: interrupted\r\n")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_lines_on_a_terminal_break_between_words(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    text = "old: F1 0.7842 at iou .5, min_score 0.5; one step away loses more than 1 %"
    remark(text, False)
    assert capsys.readouterr().err == text + "\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    remark(text, False)
    assert capsys.readouterr().err == "old: F1 0.7842 at iou .5, min_score 0.5;\n  one step away loses more than 1 %\n"
    remark(text, True)
    say("")
    assert capsys.readouterr().err == "\n"
