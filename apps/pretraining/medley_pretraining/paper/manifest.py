"""Where training data may come from: a shard, a folder of shards (as `medley export` writes them), a CSV or a JSONL file.

CSV and JSONL need the columns `image` (a path, relative to the file), `text` and `licence`; `source`, `group`, `question` and `answer` are read
where they are there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .samples import DataError, Rejection, Sample
from .shards import from_detail, read_shard

REQUIRED = ("image", "text", "licence")
OTHER_NAMES = {"license": "licence", "path": "image", "image_path": "image", "caption": "text"}


def read_sources(paths: Iterable[Path]) -> Iterator[Sample | Rejection]:
    """All samples of all sources, in the order given; files of a folder by name."""
    for path in paths:
        if path.is_dir():
            yield from read_folder(path)
        elif not path.exists():
            raise DataError(
                f'Data "{path}" does not exist. Expected a .tar, .csv or .jsonl file or a folder of .tar files.'
            )
        elif path.suffix == ".tar":
            yield from read_shard(path)
        elif path.suffix == ".csv":
            yield from read_csv(path)
        elif path.suffix in (".jsonl", ".ndjson"):
            yield from read_jsonl(path)
        else:
            raise DataError(
                f'Data "{path}" ends in "{path.suffix}", expected .tar, .csv or .jsonl, or a folder of .tar files.'
            )


def read_folder(folder: Path) -> Iterator[Sample | Rejection]:
    """Every shard in the folder; a Medley export also holds a manifest of its own, which repeats what the shards say."""
    shards = sorted(folder.glob("*.tar"))
    if not shards:
        raise DataError(f'Folder "{folder}" holds no .tar file. Name a CSV or JSONL file to read loose pictures.')
    for shard in shards:
        yield from read_shard(shard)


def read_csv(path: Path) -> Iterator[Sample | Rejection]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        _check_columns(path, rows.fieldnames or ())
        for number, row in enumerate(rows, start=2):
            yield from_row({name: value for name, value in row.items() if isinstance(name, str)}, path, number)


def read_jsonl(path: Path) -> Iterator[Sample | Rejection]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"a {type(row).__name__}, expected an object")
            except ValueError as error:
                yield Rejection(path.name, f"line {number}", "unreadable line", str(error))
                continue
            yield from_row(row, path, number)


def from_row(row: dict[str, Any], path: Path, number: int) -> Sample | Rejection:
    """One row; `number` is its line, for the name of a row that has no picture."""
    row = {OTHER_NAMES.get(name.strip().lower(), name.strip().lower()): value for name, value in row.items()}
    image = str(row.pop("image", None) or "").strip()
    if not image:
        return Rejection(path.name, f"line {number}", "no picture", 'column "image" is empty')
    try:
        picture = (path.parent / image).read_bytes()
    except OSError as error:
        return Rejection(path.name, image, "no picture", f'"{image}" cannot be read: {error.strerror}')
    if row.get("question") and "questions" not in row:
        row["questions"] = [{"question": row.pop("question"), "answer": row.pop("answer", "") or ""}]
    return from_detail(image, picture, str(row.get("text") or ""), row, path.name)


def _check_columns(path: Path, found: Iterable[str]) -> None:
    names = {OTHER_NAMES.get(name.strip().lower(), name.strip().lower()) for name in found}
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise DataError(f'"{path}" has the columns {sorted(names)}, but no {" and no ".join(missing)}.')
