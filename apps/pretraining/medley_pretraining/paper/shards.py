"""WebDataset shards: tar files in which the members NAME.jpg|png|webp, NAME.txt and NAME.json make one sample.

The JSON holds `licence`, `source`, `group`, `questions` and whatever a writer adds (scores, provenance); `license` is read as well. The same
samples give the same bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .samples import DataError, Question, Rejection, Sample, checked

PICTURE_ENDINGS = ("jpg", "jpeg", "png", "webp")
LARGEST_MEMBER = 64 * 2**20  # bytes; one picture or text
SAMPLES_PER_SHARD = 5_000


def read_shard(path: Path) -> Iterator[Sample | Rejection]:
    """Samples in the order of the tar. Raises DataError when the file is no tar at all; what is cut off ends with a Rejection."""
    place = path.name
    try:
        archive = tarfile.open(path)  # noqa: SIM115  (closed below, after the last sample is asked for)
    except (tarfile.ReadError, EOFError) as error:
        raise DataError(f'Shard "{path}" is not a tar file: {error}. Is it complete?') from error
    except OSError as error:
        raise DataError(f'Shard "{path}" cannot be read: {error.strerror}.') from error
    with archive:
        name, members = "", dict[str, bytes]()
        members_of = iter(archive)
        while True:
            try:
                member = next(members_of, None)
                content = None
                if member is not None and member.isfile() and member.size <= LARGEST_MEMBER:
                    stream = archive.extractfile(member)
                    content = stream.read() if stream else None
            except (tarfile.ReadError, EOFError, OSError) as error:
                yield Rejection(place, name or "(first member)", "cut-off shard", str(error))
                return
            if member is None:
                break
            if not member.isfile():
                continue
            stem, _, ending = member.name.rpartition("/")[2].partition(".")
            stem = member.name[: len(member.name) - len(ending) - 1] if stem else member.name
            if stem != name and members:
                yield assemble(name, members, place)
                members = {}
            name = stem
            if content is None:
                yield Rejection(place, name, "member too large", f"{member.size} bytes, allowed are {LARGEST_MEMBER}")
                continue
            members[ending.lower()] = content
        if members:
            yield assemble(name, members, place)


def assemble(name: str, members: dict[str, bytes], place: str) -> Sample | Rejection:
    """One sample of its members, by ending."""
    picture = next((members[ending] for ending in PICTURE_ENDINGS if ending in members), None)
    if picture is None:
        return Rejection(place, name, "no picture", f"it has {', '.join(sorted(members))}")
    try:
        detail = json.loads(members.get("json", b"{}"))
        text = members["txt"].decode() if "txt" in members else str(detail.get("text", ""))
    except (ValueError, AttributeError) as error:
        return Rejection(place, name, "unreadable text", str(error))
    if not isinstance(detail, dict):
        return Rejection(place, name, "unreadable text", f"the JSON is a {type(detail).__name__}, expected an object")
    return from_detail(name, picture, text, detail, place)


def from_detail(key: str, picture: bytes, text: str, detail: dict[str, Any], place: str) -> Sample | Rejection:
    """A sample of a JSON object as shards and manifests hold it."""
    licence = detail.get("licence", detail.get("license", ""))
    if not isinstance(licence, str):
        return Rejection(place, key, "no licence", f'"licence" is {licence!r}, expected its name or address')
    try:
        questions = tuple(read_question(question) for question in detail.get("questions") or ())
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return Rejection(place, key, "wrong question", f"{error}; expected question and answers")
    rest = {name: value for name, value in detail.items() if name not in ("licence", "license", "questions", "text")}
    source, group = str(detail.get("source") or ""), str(detail.get("group") or "")
    return checked(Sample(key, picture, text.strip(), licence, source, group, questions, rest), place)


def read_question(raw: dict[str, Any]) -> Question:
    """{"question", "answers": {answer: weight} | [answer, ...] | "answer": one}. A list counts every answer by its share."""
    answers = raw["answers"] if "answers" in raw else [raw["answer"]]
    if not isinstance(answers, dict):
        answers = {answer: answers.count(answer) / len(answers) for answer in answers}
    weights = {str(answer): float(weight) for answer, weight in answers.items() if str(answer).strip()}
    if not str(raw["question"]).strip() or not weights or min(weights.values()) <= 0:
        raise ValueError(f"question {raw['question']!r} has the answers {answers!r}")
    return Question(str(raw["question"]), weights)


def write_shards(samples: Iterable[Sample], folder: Path, per_shard: int = SAMPLES_PER_SHARD) -> list[Path]:
    """FOLDER/00000.tar and so on, each complete before it gets its name. Member names are numbered, so keys may hold anything."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    archive: tarfile.TarFile | None = None
    partial = folder / "shard.partial"
    count = 0
    for count, sample in enumerate(samples):
        if count % per_shard == 0:
            _finish(archive, partial, paths)
            paths.append(folder / f"{len(paths):05d}.tar")
            archive = tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        assert archive is not None
        _add(archive, f"{count:08d}", sample)
    _finish(archive, partial, paths)
    if not paths:
        raise DataError(f'There is no sample to write to "{folder}".')
    return paths


def _add(archive: tarfile.TarFile, name: str, sample: Sample) -> None:
    detail: dict[str, Any] = {"key": sample.key, **sample.detail, "licence": sample.licence, "source": sample.source}
    if sample.group:
        detail["group"] = sample.group
    if sample.questions:
        detail["questions"] = [
            {"question": question.text, "answers": question.answers} for question in sample.questions
        ]
    encoded = json.dumps(detail, ensure_ascii=False, sort_keys=True).encode()
    for ending, content in (
        (picture_ending(sample.picture), sample.picture),
        ("json", encoded),
        ("txt", sample.text.encode()),
    ):
        member = tarfile.TarInfo(f"{name}.{ending}")
        member.size, member.mode = len(content), 0o644
        archive.addfile(member, io.BytesIO(content))


def _finish(archive: tarfile.TarFile | None, partial: Path, paths: list[Path]) -> None:
    if archive is not None:
        archive.close()
        partial.replace(paths[-1])


def picture_ending(picture: bytes) -> str:
    """By the first bytes; what is neither JPEG nor WebP is called PNG."""
    if picture[:3] == b"\xff\xd8\xff":
        return "jpg"
    return "webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else "png"
