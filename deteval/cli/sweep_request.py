"""What `deteval sweep` was asked for, from its YAML and options, all of it checked before an input is read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from deteval.cli.options import setting_values
from deteval.cli.output import make_look
from deteval.cli.targets import check_targets
from deteval.errors import DetevalError, nearest, usage_error
from deteval.loading.evidence_file import is_evidence
from deteval.loading.settings import Settings, files_of, make_settings
from deteval.loading.source import STDIN
from deteval.loading.sweep_axes import base_values, parse_axis
from deteval.loading.sweep_file import SweepConfig, allowed_positions, read_sweep
from deteval.loading.yaml_file import Keys
from deteval.records.metric import Metric, parse_metrics
from deteval.records.params import Params
from deteval.records.sweep import Axis, Objective, Plan
from deteval.records.sweep_cells import check_points

if TYPE_CHECKING:
    from deteval.reports.layout import Look

RUNNING = ("format", "digits", "threads")
"""Options that the YAML may hold beside those that shape the numbers."""
MOST_POINTS = 100_000
"""Points, those of all models together, beyond which `--yes` is asked for."""


class SweepRequest(Struct, frozen=True):
    """The grid, the files, and how to report. settings: those that all points share."""

    config: SweepConfig
    plan: Plan
    settings: Settings
    ground_truth: str
    predictions: Mapping[str, tuple[str, ...]]
    images: str | None
    format: str
    look: "Look"
    threads: int | None


def make_sweep_request(path: str, given: dict[str, Any], formats: tuple[str, ...]) -> SweepRequest:
    """The request of a YAML file and a command line; `DetevalError` (usage) for anything that does not fit."""
    config = read_sweep(path)
    options = setting_values(given, None, ("images",))
    axes = {name: parse_axis(name, [options[name]]) if name in options else axis for name, axis in config.axes.items()}
    values = dict(config.settings) | options
    settings = make_settings(base_values(values, axes))
    plan = _plan(config, settings.params, axes, given)
    truth, images = given["ground_truth"] or config.ground_truth, values.get("images")
    if truth is None:
        raise config.file.error((), "there is no ground truth; write ground_truth: FILE, or give --gt FILE")
    files = [file for shards in config.predictions.values() for file in shards]
    _check_inputs(config, truth, files, images)
    check_targets(given, [path, truth, *files, *_files_of(config)])
    running = dict(config.running) | {name: given[name] for name in RUNNING if given.get(name) is not None}
    return SweepRequest(
        config=config, plan=plan, settings=settings, ground_truth=truth, predictions=config.predictions,
        images=None if images is None else str(images), format=_format(config, running, formats),
        threads=_whole(config, running, "threads", 1, None),
        look=make_look(_whole(config, running, "digits", 0, 17, 4) or 0, given["output"]))


def _plan(config: SweepConfig, base: Params, axes: Mapping[str, Axis], given: Mapping[str, Any]) -> Plan:
    """The grid, of which every point exists."""
    asked = given["metrics"]
    metrics = config.metrics or (Metric("AP"), Metric("AR")) if asked is None else parse_metrics(asked)
    objective = None if config.objective is None else Objective(config.objective, minimum=config.minimum)
    plan = Plan(base, tuple(axes.values()), metrics, objective)
    points = plan.points * len(config.predictions)
    if points > MOST_POINTS and not given["yes"] and not given["dry_run"]:
        raise config.file.error(("sweep",), f"{points:,} points are more than {MOST_POINTS:,}, which may be a mistake; "
                                            "--dry-run shows what each axis costs, --yes sweeps them all")
    try:
        check_points(plan)
    except DetevalError as error:
        raise placed(config, error, given) from None
    if objective is None:
        return plan
    return replace(plan, objective=replace(objective, where=allowed_positions(config, axes)))


def placed(config: SweepConfig, error: DetevalError, given: Mapping[str, Any]) -> DetevalError:
    """What is wrong with a point, with the line of its axis, setting or metric if that stands in the file."""
    name = str(error).partition(":")[0]
    keys: list[Keys] = [("sweep", name), ("settings", name)] if given.get(name) in (None, ()) else []
    for metric, where in config.stated.items():
        if str(error).startswith(f"metric {metric!r}: ") and (where[0] == "objective" or given["metrics"] is None):
            keys.append(where)
    known = [one for one in keys if one in config.file.lines]
    return config.file.error(known[0], str(error)) if known else error


def _check_inputs(config: SweepConfig, truth: str, files: Sequence[str], images: Any) -> None:
    """Refuse inputs that are not there, and evidence, which was matched under the settings of its own."""
    if [truth, *files, images].count(STDIN) > 1:
        raise usage_error("stdin (-) can be read only once")
    for file in (truth, *files, *(() if images is None else (str(images),))):
        place = f"{config.places[file]}: " if file in config.places else ""
        if file != STDIN and (problem := _unreadable(file)):
            raise usage_error(f"{place}{file}: cannot be read: {problem}")
        if is_evidence(file):
            raise usage_error(f"{place}{file}: is evidence, which was matched under one set of settings; a sweep needs "
                              f"{'the ground truth' if file == truth else 'the predictions'} to match them anew")


def _files_of(config: SweepConfig) -> list[str]:
    """What the YAML names besides the predictions, whether it is used or an option wins over it."""
    named = [config.ground_truth, config.settings.get("images"), *files_of(config.settings)]
    cuts = config.axes["operating_points"].texts if "operating_points" in config.axes else ()
    return [str(path) for path in (*named, *cuts) if path]


def _unreadable(file: str) -> str:
    """Why a file is not there; empty if it is."""
    try:
        Path(file).stat()
    except OSError as error:
        return error.strerror or "No such file or directory"
    except ValueError as error:  # a path with a null byte
        return str(error)
    return ""


def _format(config: SweepConfig, running: Mapping[str, Any], formats: tuple[str, ...]) -> str:
    chosen = str(running.get("format", formats[0]))
    if chosen in formats:
        return chosen
    problem = f"format: {chosen!r} is not one of {', '.join(formats)}{nearest(chosen, list(formats))}"
    raise config.file.error(("format",), problem) if running["format"] == config.running.get("format") \
        else usage_error(problem)


def _whole(config: SweepConfig, running: Mapping[str, Any], name: str, low: int, high: int | None,
           default: int | None = None) -> int | None:
    """A whole number of the YAML; those of the command line were checked there."""
    value = running.get(name, default)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and low <= value <= (high or value)):
        return value
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    raise config.file.error((name,), f"{name}: {value!r} is not a whole number {limits}")
