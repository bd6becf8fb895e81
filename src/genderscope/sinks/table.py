"""A table on standard output, printed at the end; failed pictures are left out."""

import rich.console
import rich.table
from rich.text import Text

from genderscope.core.errors import UsageError
from genderscope.core.terminal import percent, printable, show
from genderscope.core.types import Scene
from genderscope.sinks import STANDARD_OUTPUT, BaseSink


class Table(BaseSink):
    """Writes to standard output; ``UsageError`` for another target."""

    def __init__(self, target: str = STANDARD_OUTPUT) -> None:
        if target != STANDARD_OUTPUT:
            raise UsageError(f"a table is written to standard output, not to {target}: name -")
        self._table = rich.table.Table(box=None, pad_edge=False)
        self._table.add_column("picture", overflow="fold")
        for name in ("label", "confidence", "face at x, y", "size"):
            self._table.add_column(name, justify="right", no_wrap=True)

    def close(self) -> None:
        if self._table.row_count:
            show(rich.console.Console(highlight=False), self._table)

    def write(self, scene: Scene) -> None:
        rows: list[tuple[str, ...]] = []
        for result in scene.results:
            prediction, box = result.prediction, result.face.box
            place, size = f"{box.x:.0f}, {box.y:.0f}", f"{box.width:.0f} x {box.height:.0f}"
            rows.append((prediction.label, percent(prediction.confidence, 1), place, size))
        if scene.frame.error is None:
            name = Text(printable(scene.frame.path))
            for row in rows or [("no face",)]:
                self._table.add_row(name, *row)
                name = Text()  # only the first row has the name


create = Table
