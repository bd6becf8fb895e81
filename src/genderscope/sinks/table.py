"""A table for people on standard output, printed at the end; failed pictures are not in it."""

from types import TracebackType
from typing import Self

import rich.console
import rich.table
from rich.text import Text

from genderscope.core.types import Scene
from genderscope.sinks import printable


class Table:
    """See ``create``."""

    def __init__(self) -> None:
        self._table = rich.table.Table(box=None, pad_edge=False)
        self._table.add_column("picture", overflow="fold")
        for name in ("label", "confidence", "face at x, y", "size"):
            self._table.add_column(name, justify="right", no_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._table.row_count:
            rich.console.Console(highlight=False).print(self._table)

    def write(self, scene: Scene) -> None:
        rows: list[tuple[str, ...]] = [
            (
                result.prediction.label,
                f"{result.prediction.confidence:.1%}",
                f"{result.face.box.x:.0f}, {result.face.box.y:.0f}",
                f"{result.face.box.width:.0f} x {result.face.box.height:.0f}",
            )
            for result in scene.results
        ]
        if scene.frame.error is None:
            name = Text(printable(scene.frame.path))
            for row in rows or [("no face",)]:
                self._table.add_row(name, *row)
                name = Text()  # once a picture


def create(target: str = "-") -> Table:
    """Make the sink; it knows no target but standard output."""
    return Table()
