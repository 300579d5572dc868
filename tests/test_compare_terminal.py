"""`deteval compare` at a terminal: narrow screens, progress, Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import deteval
from deteval.reports.compare_csv import render_csv
from deteval.reports.compare_table import Show, render_table
from deteval.reports.layout import Look, display_width

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"
BASE, NEW, GT = SAMPLE / "preds.json", SAMPLE / "preds_new.json", SAMPLE / "gt.json"


@pytest.mark.parametrize("width", [200, 80, 50])
def test_a_narrow_table_keeps_difference_and_interval(width):
    gt = deteval.load_ground_truth(GT)
    result = deteval.compare(*(deteval.match(gt, deteval.load_detections(path, gt)) for path in (BASE, NEW)), "AP,AP50",
                             resampling=deteval.Resampling(replicates=200))
    lines = render_table(result, Look(width=width), Show(power=True)).splitlines()
    assert max(map(display_width, lines)) <= width
    for heading in (line for line in lines if line.startswith(("metric", "class  ", "id"))):
        assert re.search(r"difference +95 % interval", heading)


def test_control_characters_of_class_names_do_not_reach_a_spreadsheet():
    truth = json.loads(GT.read_text())
    truth["categories"][0]["name"] = "per\x1b[2Json\u202e"
    gt = deteval.load_ground_truth(truth)
    result = deteval.compare(*(deteval.match(gt, deteval.load_detections(path, gt)) for path in (BASE, NEW)), "AP",
                             resampling=deteval.Resampling(replicates=200))
    assert "per\ufffd[2Json\ufffd" in (text := render_csv(result))
    assert text.replace("\n", "").isprintable()


def test_colour_is_for_terminals_and_follows_the_verdict():
    gt = deteval.load_ground_truth(GT)
    result = deteval.compare(*(deteval.match(gt, deteval.load_detections(path, gt)) for path in (BASE, NEW)), "AP",
                             resampling=deteval.Resampling(replicates=200))
    plain, coloured = (render_table(result, Look(colour=colour), Show()) for colour in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain
    for name, code in (("person", 31), ("car", 32), ("dog", 2)):
        assert re.search(rf"^\x1b\[{code}m\d +{name} .*\x1b\[0m$", coloured, re.MULTILINE), name


def in_terminal(*arguments, until="", then=None):
    """How a command ends, and what it writes to its stderr where that is a terminal.

    Once `until` stands there the process is sent the signal `then`.
    """
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # tests that run in the background of a shell hand down a SIGINT that is ignored
        [sys.executable, "-m", "deteval", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=theirs,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    os.close(theirs)
    written = ""
    try:
        while piece := os.read(ours, 65536):
            written += piece.decode()
            if then is not None and until in written:
                process.send_signal(then)
                then = None
    except OSError:  # how a terminal ends
        pass
    os.close(ours)
    return process.wait(60), written


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_is_for_terminals_only(deteval_run):
    assert "resampling" not in deteval_run("compare", BASE, NEW, "--gt", GT).err
    code, shown = in_terminal("compare", BASE, NEW, "--gt", GT)
    assert code == 0
    assert re.search(r"\rresampling +\d+%", shown)
    assert "%\x1b[K\r\x1b[K" in shown, "the line is wiped"
    assert in_terminal("compare", BASE, NEW, "--gt", GT, "-q") == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_ctrl_c_leaves_no_file_and_ends_with_130(tmp_path):
    code, shown = in_terminal("compare", BASE, NEW, "--gt", GT, "--replicates", 300_000, "-o", tmp_path / "result.txt",
                              until="resampling", then=signal.SIGINT)
    assert code == 130
    assert shown.endswith("\r\x1b[K\r\ndeteval: interrupted\r\n")
    assert list(tmp_path.iterdir()) == []
