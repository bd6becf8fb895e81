"""The command line: one file per command, imported when it is used.

``cli/<command>.py`` defines the function ``<command>`` (typed with dashes for underscores) and
``PANEL``, the heading under which ``--help`` lists it. The first line of the function's docstring
is its summary there. ``--help`` reads both in the source: importing every command takes longer.
"""

import errno
import gc
import os
import re
import sys
import threading
import warnings
from difflib import get_close_matches
from io import TextIOWrapper
from pathlib import Path
from traceback import print_exception
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from genderscope import __version__
from genderscope.cli import _output, _renamed
from genderscope.core import plugins
from genderscope.core.errors import GenderscopeError, ModelWarning

INTERRUPTED = 130
# Errors of a full or failing disk, and of a closed standard output.
LOST_OUTPUT = {
    *(errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF),
    getattr(errno, "EDQUOT", errno.ENOSPC),
}
EMPTY = re.compile("--[a-z-]+=")
PANELS = ("Use", "Measure", "Data", "Train")


class Command(TyperCommand):
    """A command that also accepts the old names of its options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = {name for parameter in self.params for name in parameter.opts}
        return super().parse_args(ctx, _renamed.options(self.name or "", args, options))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the options by group."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            group = getattr(parameter, "rich_help_panel", None) or kind
            if record := parameter.get_help_record(ctx):
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            if records:
                with formatter.section(group):
                    formatter.write_dl(records)


class Commands(TyperGroup):
    """The files of this folder as a group of commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name.replace("_", "-") for name in plugins.names("cli")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = cmd_name.replace("-", "_")
        if name not in plugins.names("cli"):
            return None
        command = typer.Typer(add_completion=False, rich_markup_mode=None)
        command.command(cmd_name, cls=Command)(getattr(plugins.load("cli", name), name))
        return typer.main.get_command(command)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Accept ``-q`` and ``-v`` anywhere before ``--``, since they apply to every command."""
        if not ctx.resilient_parsing and any(not word or EMPTY.fullmatch(word) for word in args):
            ctx.fail("An argument is empty; is a variable not set?")
        end = args.index("--") if "--" in args else len(args)
        words, names = args[:end], args[end:]
        _output.quiet = bool({"-q", "--quiet"} & {*words})
        _output.verbose = bool({"-v", "--verbose"} & {*words})
        flags = ("-q", "--quiet", "-v", "--verbose")
        return super().parse_args(ctx, [*(word for word in words if word not in flags), *names])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        commands = self.list_commands(ctx)
        args = _renamed.command(args, commands)
        if args[0] not in commands and (near := get_close_matches(args[0], commands, n=1)):
            ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by panel, each with its summary."""
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
        for name in plugins.names("cli"):
            source = Path(__file__).with_name(f"{name}.py").read_text("utf-8")
            [panel] = re.findall(r'^PANEL = "(.+)"', source, re.M)
            [summary] = re.findall(rf'^def {name}\([\s\S]*?"""(.+)', source, re.M)
            panels[panel].append((name.replace("_", "-"), summary))
        width = max(len(name) for rows in panels.values() for name, _ in rows)
        for panel, rows in panels.items():
            if rows:
                with formatter.section(panel):
                    formatter.write_dl([(name.ljust(width), summary) for name, summary in rows])

    def invoke(self, ctx: Any) -> Any:
        """Run a command; report its errors and a lost output in one line on standard error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader closed the pipe: Typer exits silently
        except (GenderscopeError, OSError) as error:
            if _output.verbose:
                print_exception(error)
            cause = error if isinstance(error, OSError) else error.__cause__
            lost = isinstance(cause, OSError) and cause.errno in LOST_OUTPUT
            message = str(error)
            if isinstance(error, OSError):  # such as an output that cannot be written
                if error.filename is None and not lost:
                    raise
                message = f"{error.filename or 'the output'}: {error.strerror}"
            _output.error(f"genderscope: {message}")
            raise typer.Exit(1 if lost else 2) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


# Rich would format the help, but importing it takes longer than everything else.
app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only results and errors; for any command.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print more, such as tracebacks of errors.")
    ] = False,
) -> None:
    """Classify the perceived gender presentation of faces, and audit such classifiers.

    Exit codes: 0 success, 1 some pictures failed, 2 usage error, 130 interrupted.
    """


def main() -> None:
    """The console script."""
    default = warnings.showwarning

    def show(
        message: Warning | str, category: type[Warning], *location: Any, **options: Any
    ) -> None:
        if category is ModelWarning:
            _output.error(f"warning: {message}")
        else:
            default(message, category, *location, **options)

    warnings.showwarning = show
    # Each is None where it is closed, and the next file that is opened would take its place. The
    # output is opened for reading: writing to it fails, so that no result is lost in silence.
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):  # a name may hold what its encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="genderscope")
    except OSError as error:  # from --help; Commands.invoke reports those of commands
        if error.errno not in LOST_OUTPUT:
            raise
        _output.error(f"genderscope: the output: {error.strerror}")
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED and any(thread.daemon for thread in threading.enumerate()):
            # A thread that is still in native code aborts the process when Python exits.
            _flush()
            os._exit(INTERRUPTED)
        raise
    finally:
        _flush()
        gc.freeze()  # else Python searches all modules for cycles as it exits


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:  # already reported; Python would report it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
