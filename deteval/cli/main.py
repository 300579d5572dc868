"""The command line: commands found by name, and every way to end turned into an exit code."""

import gc
import os
import sys
from typing import Any

import click

from deteval.errors import INTERNAL, INTERRUPTED, USAGE, DetevalError, nearest
from deteval.version import VERSION

COMMANDS = {
    "score": "COCO metrics of predictions on a ground truth.",
    "compare": "Is a model better or worse than another, and is it real?",
    "explain": "Why is AP what it is, or why did it change?",
    "gate": "Fail a build when a model got worse than rules allow.",
    "sweep": "Measure models over a grid of settings, and find the best point.",
    "operating-points": "The score to deploy at, per class: best F1, a precision or a recall.",
    "check": "What is wrong, or suspicious, in predictions and ground truth.",
    "crosscheck": "Compare every number with pycocotools.",
}


class _Commands(click.Group):
    """A group whose commands are imported only when they are called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = getattr(import_module(f"deteval.cli.{name.replace('-', '_')}"), name.replace("-", "_"))
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            raise click.UsageError(f"there is no command {args[0]!r}{nearest(args[0], list(COMMANDS))}", context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EPILOG = """\b
Examples:
  deteval score preds.json gt.json
  deteval compare base.json new.json --gt gt.json
  deteval explain new.json gt.json --base base.json
  deteval gate preds.json gt.json --config gate.yaml
  deteval sweep sweep.yaml
  deteval operating-points preds.json gt.json
  deteval check preds.json gt.json
  deteval crosscheck preds.json gt.json

deteval COMMAND --help tells more. Exit codes: 0 done, 1 gate failed, 2 usage or
a file that cannot be opened, 3 input content invalid, 4 no verdict is possible,
5 cross-check mismatch, 70 internal error, 130 interrupted.
"""


def _show_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from deteval.kernels.compiled import mode

        where, why = mode()
        place = {"built": "built", "jit": f"compiled on use: {why}", "python": f"plain Python: {why}"}[where]
        click.echo(f"deteval {VERSION} (kernels: {place})")
        context.exit()


@click.group(cls=_Commands, epilog=EPILOG, no_args_is_help=True,
             context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
              help="Show the version, and where the kernels come from, and exit.")
def main() -> None:
    """COCO-style object-detection evaluation: exact, explained, fast."""


def run(arguments: list[str] | None = None) -> None:
    """The entry point: runs a command and exits with its code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here multiplies matrices: its threads only spin
    gc.disable()  # arrays and texts go with their last reference; circles are few, and the process is short
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _exit_code(arguments)
    gc.freeze()  # else the interpreter searches all that is left for circles before it ends
    sys.exit(code)


def _exit_code(arguments: list[str] | None) -> int:
    try:
        return int(main.main(arguments, prog_name="deteval", standalone_mode=False) or 0)
    except DetevalError as error:
        return _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.UsageError as error:
        where = f"; see {error.ctx.command_path} --help" if error.ctx else ""
        return _fail(error.format_message().rstrip(".") + where, USAGE)
    except click.ClickException as error:
        return _fail(error.format_message(), USAGE)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return 0
    except MemoryError:
        return _fail("out of memory", INTERNAL)
    except Exception as error:
        if os.environ.get("DETEVAL_TRACEBACK"):
            raise
        return _fail(f"internal error, a defect of deteval: {type(error).__name__}: {error}; "
                     "DETEVAL_TRACEBACK=1 shows where", INTERNAL)


def _fail(message: str, code: int) -> int:
    from deteval.cli.output import say

    for line in message.split("\n"):
        say(f"deteval: {line}")
    return code
