""".ci/real unpacks what is wanted of an archive, and writes nowhere else."""

from __future__ import annotations

import io
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from scripts import loaded

FOLDER = Path(__file__).parents[2] / ".ci"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=".ci is not beside the tests")


@pytest.fixture
def script() -> ModuleType:
    return loaded(FOLDER / "real_packages.py")


def sdist(path: Path, *names: str, links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 3
            archive.addfile(entry, io.BytesIO(b"abc"))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return path


def wheel(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"abc")
    return path


def test_what_is_wanted_is_unpacked_and_links_are_not(script: ModuleType, tmp_path: Path) -> None:
    one = sdist(tmp_path / "x-1.tar.gz", "x-1/data/a.png", "x-1/setup.py", links={"x-1/data/b.png": "/etc/passwd"})
    script.unpack(one, tmp_path / "one", ["data/*"])
    script.unpack(wheel(tmp_path / "x-1.whl", "data/a.png", "x/code.py"), tmp_path / "two", ["data/*"])
    for folder in ("one", "two"):
        found = [path for path in (tmp_path / folder).rglob("*") if path.is_file()]
        assert [path.relative_to(tmp_path / folder).as_posix() for path in found] == ["data/a.png"]
        assert found[0].read_bytes() == b"abc"


@pytest.mark.parametrize("name", ["data/../../../out", "/data/out", "data/..\\out", "data/c:out"])
@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_a_name_that_leads_out_is_refused(kind: str, name: str, script: ModuleType, tmp_path: Path) -> None:
    archive = sdist(tmp_path / "x.tar.gz", f"x-1/{name}") if kind == "sdist" else wheel(tmp_path / "x.whl", name)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(SystemExit, match="leads out of its folder"):
        script.unpack(archive, tmp_path / "into", ["*"])
    assert set(tmp_path.rglob("*")) == before


def test_every_package_is_pinned_by_its_digest() -> None:
    packages = tomllib.loads((FOLDER / "real_packages.toml").read_text(encoding="utf-8"))
    for name, package in packages.items():
        assert len(bytes.fromhex(package["sha256"])) == 32, name
        assert package["version"][0].isdecimal(), name
        assert package["wanted"], name
