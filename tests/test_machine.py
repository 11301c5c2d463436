"""How many cores there are: of the affinity, of quotas, of a job."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from segeval.machine import usable_cores

ALL = len(os.sched_getaffinity(0))
V1 = Path("/sys/fs/cgroup/cpu")
COUNT = "from segeval.machine import usable_cores; print(usable_cores())"


@pytest.fixture(autouse=True)
def outside_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


def written(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def quota() -> Iterator[Path]:
    """A real control group of half a core."""
    group = V1 / f"segeval-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control group of version 1 can be made here")
    (group / "cpu.cfs_period_us").write_text("100000")
    (group / "cpu.cfs_quota_us").write_text("50000")
    yield group
    group.rmdir()


def test_a_real_quota_of_half_a_core_is_one_core(quota: Path) -> None:
    enter = f"open({str(quota / 'tasks')!r}, 'w').write('0'); "
    done = subprocess.run([sys.executable, "-c", enter + COUNT], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_without_quota_or_job_it_is_the_affinity(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == ALL
    one = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); {COUNT}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert one.stdout == "1\n"


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("own", "above", "cores"),
    [
        ("200000 100000", "max 100000", 2),
        ("250000 100000", "max 100000", 3),  # what is begun counts, as loky and the JVM have it
        ("max 100000", "400000 100000", 4),
        ("1600000 100000", "400000 100000", 4),
        ("max 100000", "max 100000", 64),
        ("1000 100000", "max 100000", 1),
        ("rubbish", "", 64),
    ],
)
def test_quotas_of_version_2_hold_for_all_groups_below(own: str, above: str, cores: int, tmp_path: Path) -> None:
    root = written(
        tmp_path, proc__self__cgroup="0::/job/step\n",
        sys__fs__cgroup__job__step__cpuDOTmax=own, sys__fs__cgroup__job__cpuDOTmax=above,
    )  # fmt: skip
    assert usable_cores(root) == cores


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("quota_us", "cores"), [("300000", 3), ("-1", 64), ("", 64)])
def test_quotas_of_version_1_as_a_container_sees_them(quota_us: str, cores: int, tmp_path: Path) -> None:
    """The path is the host's, and the container's own group is mounted as the root."""
    root = tmp_path
    group = root / "sys/fs/cgroup/cpu,cpuacct"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text(quota_us)
    (group / "cpu.cfs_period_us").write_text("100000\n")
    written(root, proc__self__cgroup="4:cpu,cpuacct:/docker/0123\n3:memory:/docker/0123\n")
    assert usable_cores(root) == cores


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("job", "cores"), [("8", 8), ("100", 64), ("0", 64), ("many", 64), ("", 64)])
def test_a_slurm_job_has_its_tasks_cores(job: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", job)
    assert usable_cores(tmp_path) == cores
