"""The README's commands, typed as they stand there, in a folder like the one it speaks of."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The page trains from ImageNet weights at full size; a test has neither the weights nor the time.
SMALL = "--recipe weights=none --recipe backbone=torchvision:mobilenet_v3_small --recipe size=64 --recipe epochs=1"


def _commands() -> list[str]:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```console\n(.*?)```", page, re.DOTALL)
    assert block is not None
    return [line.removeprefix("$ ") for line in block[1].splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    make = [sys.executable, str(ROOT / "sample_data" / "make.py"), str(folder / "drawn")]
    subprocess.run([*make, "--plants", "6", "--size", "96", "--workers", "1"], check=True, capture_output=True)
    shutil.move(folder / "drawn" / "train", folder / "leaves")
    shutil.move(folder / "drawn" / "site", folder / "fields")
    (folder / "fields" / "site.toml").unlink()
    return folder


def _run(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    program = Path(sys.executable).with_name(words[0])
    environment = {**os.environ, "FOVEA_HOME": str(place / "home")}
    return subprocess.run(
        [program, *words[1:]], cwd=place, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_five_commands_work_as_they_stand(place):
    commands = _commands()
    assert len(commands) == 5
    for command in commands:
        typed = f"{command} {SMALL}" if " train " in command else command
        done = _run(typed, place)
        wanted = 3 if " batch " in command else 0  # the drawn farm holds three files that cannot be read
        assert done.returncode == wanted, done.stderr
    report = _run("fovea report my-farm", place)
    assert report.returncode == 0, report.stderr
    assert (place / "home" / "reports" / "my-farm" / "report.html").exists()
    assert _run("fovea cases list --json", place).stdout.startswith("[")


def test_the_first_two_commands_are_targets_of_the_makefile():
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE):
        assert re.search(rf"^{command}:", made, re.MULTILINE)
