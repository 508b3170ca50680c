"""What a run leaves to read: losses.csv (a row for each logged step), TensorBoard events, and the curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from .curves import draw_curves


class RunLog:
    """Goes on at `step`: rows and events of later steps, written before the run was killed, are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.folder = folder / "losses.csv", folder
        self._rows = [row for row in read_rows(self.path) if int(row["step"]) < step] if self.path.exists() else []
        self._names = list(self._rows[0]) if self._rows else []
        self._rewrite()
        self._stream = self.path.open("a", newline="")
        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)

    def write(self, step: int, values: dict[str, float]) -> None:
        row = {"step": str(step), **{name: repr(value) for name, value in values.items()}}
        if not self._names:
            self._names = list(row)
            csv.writer(self._stream).writerow(self._names)
        csv.writer(self._stream).writerow([row.get(name, "") for name in self._names])
        self._stream.flush()
        self._rows.append(row)
        for name, value in values.items():
            self._events.add_scalar(name, value, step)

    def draw(self) -> None:
        """curves.png: every loss over the steps."""
        names = [name for name in self._names if name == "loss" or name.startswith("loss/")]
        curves = {name: [(int(row["step"]), float(row[name])) for row in self._rows if row.get(name)] for name in names}
        draw_curves(curves, self.folder / "curves.png", f"{self.folder.name}: losses")

    def close(self) -> None:
        self.draw()
        self._stream.close()
        self._events.close()

    def _rewrite(self) -> None:
        with self.path.open("w", newline="") as stream:
            if self._names:
                writer = csv.DictWriter(stream, self._names, lineterminator="\r\n")
                writer.writeheader()
                writer.writerows(self._rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a losses.csv; a last row that a kill cut short is left out."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row for row in rows if all(value not in (None, "") for value in row.values())]
