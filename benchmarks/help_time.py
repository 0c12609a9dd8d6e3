"""Measure the CPU time of ``fovea --help`` beside that of a Python that does nothing.

    python benchmarks/help_time.py [RUNS]

The two run in turn, so that both meet the same machine. Bytecode is kept in a folder of its own, written by a first
run that does not count: a user's second call finds it too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

RUNS = 20


def main() -> None:
    """Run both in turn and print the times."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "fovea --help": [str(Path(sys.executable).with_name("fovea")), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(runs + 1):
            for name, command in commands.items():
                seconds = _cpu_seconds(command, environment)
                if turn:
                    times[name].append(seconds)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, {runs} runs each")
    print(f"{'CPU seconds':18s}{'median':>8s}{'least':>8s}{'most':>8s}")
    for name, found in times.items():
        print(f"{name:18s}{statistics.median(found):8.3f}{min(found):8.3f}{max(found):8.3f}")
    ours, bare = times["fovea --help"], times["python -c pass"]
    beyond = [one - other for one, other in zip(ours, bare, strict=True)]
    print(f"{'the help itself':18s}{statistics.median(beyond):8.3f}{min(beyond):8.3f}{max(beyond):8.3f}")


def _cpu_seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """User and system time of one child, as the kernel accounts it when the child is waited for."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
