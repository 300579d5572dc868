"""What `--html` costs: `python -m benchmarks.page B`.

`deteval score` with and without a page, in processes that take turns; times and peak memory are medians. The size of
the page is told, and of that what is the run's own data.
"""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import click

from benchmarks.measure import run_process
from benchmarks.recipes import default_folder
from benchmarks.run import ensure_data

SCORE, PAGE = "score", "score --html"
MOST_SECONDS, MOST_MEMORY = 1.5, 1.5
"""What a page may cost, as a multiple of the command without it."""
MOST_BYTES, MOST_OWN = 6_000_000, 1_000_000
"""Of a page of 80 classes without pictures, and of the run's own data in it."""


def plotly_bytes() -> int:
    """The size of the plotting library, which every page with a chart holds."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise click.ClickException("plotly is not installed; pip install 'deteval[report]'")
    return (Path(found.origin).parent / "package_data" / "plotly.min.js").stat().st_size


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--repeats", default=5, show_default=True)
def main(names: tuple[str, ...], repeats: int) -> None:
    """A line of markdown per data set."""
    library = plotly_bytes()
    click.echo("| data | score s | with page s | ratio | limit | score MiB | with page MiB | ratio | page MB | "
               "own MB |")
    click.echo("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name in names:
        data = ensure_data(name, default_folder())
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "page.html"
            command = [sys.executable, "-m", "deteval", "score", str(data / "dt.json"), str(data / "gt.json"), "-q"]
            samples: dict[str, list[tuple[float, int]]] = {SCORE: [], PAGE: []}
            for _ in range(repeats):
                for what, more in ((SCORE, []), (PAGE, ["--html", str(target)])):
                    seconds, peak, _ = run_process(what, [*command, *more])
                    samples[what].append((seconds, peak))
            size = target.stat().st_size
        (plain, memory), (paged, more_memory) = (
            (median(one for one, _ in taken), median(one for _, one in taken)) for taken in samples.values())
        click.echo(f"| {name} | {plain:.2f} | {paged:.2f} | {paged / plain:.2f} | {MOST_SECONDS:g} | "
                   f"{memory / 2**20:,.0f} | {more_memory / 2**20:,.0f} | {more_memory / memory:.2f} | "
                   f"{size / 1e6:.2f} | {(size - library) / 1e6:.2f} |")
        if size > MOST_BYTES or size - library > MOST_OWN:
            raise click.ClickException(f"{name}: the page is larger than {MOST_BYTES:,} bytes, or its own data than "
                                       f"{MOST_OWN:,}")


if __name__ == "__main__":
    main()
