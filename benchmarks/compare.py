"""segeval and other tools on the same volumes, in turn, as whole processes: times, memory, agreement, and the targets.

Run: python benchmarks/compare.py [--only ct,small] [--rounds 5] [--write]. It makes what it needs, volumes and an
environment for each tool, in a cache folder. Only ratios from one run on one machine mean anything.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import make_volumes
from cases import CASES, Case, Contender
from environments import REQUIREMENTS, ROOT, NotInstallable, peer_python, segeval_program, versions
from measuring import Measured, in_turn
from page import CaseResult, machine, render, show
from rich.console import Console


class Bench:
    """Where everything is, and who takes part."""

    def __init__(self, cache: Path, segeval: Path | None, peers: Sequence[str], heavy: bool, console: Console) -> None:
        self.volumes, self._environments = cache / "volumes", cache / "environments"
        self._heavy, self._console = heavy, console
        self.absent: dict[str, str] = {name: "left out" for name in REQUIREMENTS if name not in peers}
        self._pythons: dict[str, Path] = {}
        console.print("installing segeval" if segeval is None else f"segeval is {segeval}")
        self._segeval = (segeval or segeval_program(self._environments)).resolve()
        for name in peers:
            console.print(f"environment of {name}")
            try:
                self._pythons[name] = peer_python(name, self._environments)
            except NotInstallable as error:
                self.absent[name] = f"not installable here: {error}"

    def run(self, case: Case, rounds: int) -> CaseResult:
        """All contenders of a case that can take part, in turn."""
        make_volumes.make(self.volumes, case.volumes or ("nothing",), self._console.print)
        skipped = {who.name: Measured(why_not=why) for who in case.contenders if (why := self._why_not(who))}
        running = [who for who in case.contenders if who.name not in skipped]
        with self._console.status("") as status:
            found = in_turn(
                {who.name: self._command(who) for who in running},
                rounds,
                once=frozenset(who.name for who in running if who.once),
                peers=frozenset(who.name for who in running if who.environment in REQUIREMENTS),
                tell=lambda what: status.update(f"{case.title}: {what}"),
            )
        everyone = found | skipped
        return CaseResult(case, {who.name: everyone[who.name] for who in case.contenders})

    def versions(self) -> dict[str, dict[str, str]]:
        """Versions of what was compared, by environment."""
        found = {"segeval": versions(self._beside_segeval())}
        for name, python in self._pythons.items():
            found[name] = versions(python, REQUIREMENTS[name])
        return found

    def _why_not(self, contender: Contender) -> str:
        if contender.heavy and not self._heavy:
            return "only with --heavy"
        return self.absent.get(contender.environment, "")

    def _command(self, contender: Contender) -> list[str]:
        arguments = [argument.replace("{volumes}", str(self.volumes.resolve())) for argument in contender.arguments]
        if contender.environment == "segeval":
            return [str(self._segeval), *arguments]
        ours = contender.environment == "segeval-python"
        python = self._beside_segeval() if ours else self._pythons[contender.environment].absolute()
        return [str(python), str(ROOT / "benchmarks" / arguments[0]), *arguments[1:]]

    def _beside_segeval(self) -> Path:
        return self._segeval.with_name("python")


def main() -> None:
    """Run the chosen cases and print their tables; exit 1 where a target was measured and missed."""
    keys, parser = [case.key for case in CASES], argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"cases, comma-separated: {', '.join(keys)}")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender beside the warm-up")
    parser.add_argument("--peers", default=",".join(REQUIREMENTS), help="environments, comma-separated; default: all")
    parser.add_argument("--heavy", action="store_true", help="also what takes minutes, or 22 GB (MONAI on 14 labels)")
    parser.add_argument("--segeval", type=Path, help="the program to measure; default: this checkout, installed")
    parser.add_argument("--cache", type=Path, default=make_volumes.default_folder(), help="volumes and environments")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else keys
    peers = [name for name in options.peers.split(",") if name]
    if unknown := (set(chosen) - set(keys)) | (set(peers) - set(REQUIREMENTS)):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    console, machine_words = Console(), machine()
    bench = Bench(options.cache, options.segeval, peers, options.heavy, console)
    page, results = ROOT / "docs" / "performance.md", []
    for case in CASES:
        if case.key in chosen:
            results.append(bench.run(case, options.rounds))
            show(results[-1], console)
            if options.write:  # after every case: a run that is stopped leaves what it measured
                page.write_text(render(results, options.rounds, machine_words, bench.versions(), page))
    sys.exit(any(judgement.held is False for result in results for judgement in result.judgements()))


if __name__ == "__main__":
    main()
