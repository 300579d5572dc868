"""One run of one program, in a fresh process: `python -m benchmarks.measure NAME GT DT`.

A new process is charged with the memory of the one that starts it, up to the moment it begins its own
program. So this module and all that import it keep clear of numpy: no child then seems larger than it is.
"""

import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import click

from benchmarks.peers import NAMES, PROGRAMS, Program

TIME_LIMIT = 1800.0  # seconds for one process

# Put behind a program's text: the whole process is then the shortest script on its API.
SCRIPT = """
import sys
print(score(sys.argv[1], sys.argv[2]))
"""

# Put behind it for a warm run. What the programs themselves print, from any language, is thrown away.
WARM = """
import json, os, resource, sys, time
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
clock = [time.perf_counter()]
numbers = []
for call in range(2):
    numbers.append(score(sys.argv[1], sys.argv[2]))
    clock.append(time.perf_counter())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answer = {"seconds": [clock[1] - clock[0], clock[2] - clock[1]], "numbers": numbers, "ru_maxrss": peak}
os.write(out, json.dumps(answer).encode())
"""


@dataclass(frozen=True)
class Sample:
    """One process: `seconds` from start to exit; of a warm run also those of the `first` and `second` call.

    `peak_bytes` is the largest resident set, `numbers` the twelve in the order of NAMES, -1 where undefined.
    """

    program: str
    warm: bool
    seconds: float
    first: float | None
    second: float | None
    peak_bytes: int
    numbers: tuple[float, ...]


class FailedRun(Exception):
    """A program that ended with an error or gave no numbers; the message says which and how."""


def measure(program: Program, gt: Path, dt: Path, warm: bool) -> Sample:
    """Run a program once in a new process.

    A warm run scores the files twice in the process, one that is not warm once.

    Raises FailedRun.
    """
    seconds, peak, output = run_process(program.name, _arguments(program, gt.resolve(), dt.resolve(), warm))
    try:
        if not warm:
            return Sample(program.name, False, seconds, None, None, peak, _printed_numbers(program, output))
        answer = json.loads(output)
        first, second = answer["seconds"]
        numbers, again = map(tuple, answer["numbers"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise FailedRun(f"{program.name}: no twelve numbers in its output ({error!r})") from error
    if numbers != again:
        raise FailedRun(f"{program.name}: two calls in one process give {numbers} and {again}")
    return Sample(program.name, True, seconds, first, second, _bytes(answer["ru_maxrss"]), numbers)


def _arguments(program: Program, gt: Path, dt: Path, warm: bool) -> list[str]:
    if not program.command:
        return [sys.executable, "-c", program.api + (WARM if warm else SCRIPT), str(gt), str(dt)]
    name, *rest = (part.format(gt=gt, dt=dt) for part in program.command)
    installed = Path(sysconfig.get_path("scripts")) / name
    return [str(installed) if installed.exists() else name, *rest]


def _printed_numbers(program: Program, output: str) -> tuple[float, ...]:
    """The twelve numbers that a whole process printed: JSON of a command, the last line of a script."""
    if not program.command:
        return tuple(map(float, json.loads(output.splitlines()[-1])))
    metrics = json.loads(output)["metrics"]
    return tuple(-1.0 if metrics.get(name) is None else float(metrics[name]) for name in NAMES)


def run_process(name: str, arguments: list[str]) -> tuple[float, int, str]:
    """Seconds from start to exit, peak memory in bytes, and what was printed. Raises FailedRun, which calls it `name`.

    It runs in an empty folder, so that the installed package is measured and not one that lies around;
    `os.wait4` tells the peak of this very process.
    """
    with TemporaryDirectory() as folder, TemporaryFile() as out, TemporaryFile() as err:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(arguments, stdout=out, stderr=err, cwd=folder)
        except OSError as error:
            raise FailedRun(f"{name}: cannot be started ({error.strerror})") from error
        alarm = threading.Timer(TIME_LIMIT, process.kill)
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        alarm.cancel()
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            lines = err.read().decode(errors="replace").strip().splitlines() or ["no message"]
            last = _without_folders(lines[-1], arguments)
            raise FailedRun(f"{name}: exit code {process.returncode}: {last}")
        return seconds, _bytes(usage.ru_maxrss), out.read().decode()


def _without_folders(message: str, arguments: list[str]) -> str:
    """The message with the files' names alone: results are published, folders are nobody's business."""
    for argument in arguments[-4:]:
        message = message.replace(argument, Path(argument).name)
    return message


def _bytes(maxrss: int) -> int:
    """`ru_maxrss` is in kilobytes, but in bytes on macOS."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024


@click.command()
@click.argument("name", type=click.Choice([program.name for program in PROGRAMS]))
@click.argument("gt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("dt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--warm", is_flag=True, help="Two calls in one process, instead of a whole process.")
def main(name: str, gt: Path, dt: Path, warm: bool) -> None:
    """Measure one run of the program NAME on the files GT and DT."""
    program = next(program for program in PROGRAMS if program.name == name)
    if warm and not program.api:
        raise click.UsageError(f"{name} is a command line: it has no warm calls")
    try:
        click.echo(json.dumps(asdict(measure(program, gt, dt, warm)), indent=2))
    except FailedRun as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
