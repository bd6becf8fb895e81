"""The command line: one file a command, found by its name and imported when it is asked for.

``cli/<command>.py`` defines the function ``<command>``, with dashes for the underscores when typed.
Those files import little at their top, so that help comes at once.
"""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from genderscope import __version__
from genderscope.core import plugins
from genderscope.core.errors import GenderscopeError
from genderscope.sinks import printable as printable

INTERRUPTED = 130


class Commands(TyperGroup):
    """The files of this folder as a group of commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name.replace("_", "-") for name in plugins.names("cli")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = cmd_name.replace("-", "_")
        if name not in plugins.names("cli"):
            return None
        command = typer.Typer(add_completion=False, rich_markup_mode=None)
        command.command(cmd_name)(getattr(plugins.load("cli", name), name))
        return typer.main.get_command(command)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error is one line where it says what is wrong."""
        try:
            return super().invoke(ctx)
        except GenderscopeError as error:
            typer.echo(f"genderscope: {printable(str(error))}", err=True)
            raise typer.Exit(2) from error
        except OSError as error:  # an output that cannot be written
            if error.filename is None:
                raise
            typer.echo(f"genderscope: {printable(f'{error.filename}: {error.strerror}')}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


# Without Rich's help, which would cost more time to import than all the rest.
app = typer.Typer(
    cls=Commands,
    add_completion=False,
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
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Perceived gender presentation of faces, compact, real-time and auditable.

    Exit codes: 0 all done, 1 some pictures failed, 2 wrong usage, 130 interrupted.
    """


def main() -> None:
    """The console script."""
    app(prog_name="genderscope")
