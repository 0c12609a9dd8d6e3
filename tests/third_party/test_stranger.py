"""A plugin that ``fovea new-plugin`` wrote, built, installed and used by somebody who has only the wheels."""

from __future__ import annotations

import json
import re
import shlex

import pytest

pytestmark = pytest.mark.slow

# The page trains from ImageNet weights at full size; a test has neither the weights nor the time.
SMALL = "--recipe weights=none --recipe backbone=torchvision:mobilenet_v3_small --recipe size=64 --recipe epochs=1"


def commands_of(page: str) -> list[list[str]]:
    """The words of the console blocks of a page, block by block and line by line."""
    return [block.splitlines() for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL)]


def test_what_answers_there_came_from_the_wheels(place):
    names = ["fovea", "fovea_apps", "fovea_tyres", *place.ours.values()]
    done = place.run("python", "-c", f"import {', '.join(names)}; print({'.__file__, '.join(names)}.__file__)")
    assert done.returncode == 0, done.stderr
    assert all(path.startswith(str(place.folder)) for path in done.stdout.split())


def test_our_plugins_are_there_or_are_not(full, bare):
    assert sorted(full.ours) == ["crop", "medical", "notify", "security"]
    looked = f"from importlib.util import find_spec; print([n for n in {list(full.ours.values())} if find_spec(n)])"
    assert bare.run("python", "-c", looked).stdout.strip() == "[]"
    assert full.run("python", "-c", looked).stdout.strip() == str(list(full.ours.values()))


def test_the_strangers_own_tests_pass(place, project):
    done = place.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", str(project / "tests"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b4 passed", done.stdout)


def test_the_plugins_are_listed(place):
    done = place.run("fovea", "plugins", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert {one["name"] for one in listed["loaded"]} >= {*place.ours, "tyres"}
    [stranger] = [one for one in listed["loaded"] if one["name"] == "tyres"]
    assert (stranger["distribution"], stranger["domains"]) == ("fovea-tyres", ["tyres"])


@pytest.mark.parametrize(
    "name,says",
    [
        ("rude-import", "it does not load: RuntimeError: no camera here"),
        ("rude-absent", "it does not load: ModuleNotFoundError"),
        ("rude-exit", "it does not load: SystemExit: no licence found"),
        ("rude-hook", "there is no such hook; did you mean fovea_domains?"),
        ("rude-domain", "the domain name 'crop' is taken by 'fovea'"),
        ("crop", "the plugin name 'crop' is taken by 'fovea'"),
    ],
)
def test_a_plugin_that_does_what_none_should_is_named_and_stops_nobody(listed, name, says):
    [broken] = [one for one in listed["broken"] if one["name"] == name]
    assert broken["distribution"] == "rude-plugins"
    assert says in broken["fault"]


@pytest.fixture(scope="module")
def listed(full):
    done = full.run("fovea", "plugins", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def worked(place, project):
    """The environment after all that the project's page tells to do with pictures."""
    (*_, show), train, work = commands_of((project / "README.md").read_text(encoding="utf-8"))
    for command in [show, *train, *work]:
        done = place.run(*shlex.split(f"{command} {SMALL}" if " train " in command else command))
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return place


def summary_of(place):
    report = place.work / "home" / "reports" / "my-site" / "report.json"
    return json.loads(report.read_text(encoding="utf-8"))["summary"]


def test_the_projects_page_holds_from_training_to_cases(worked):
    asked = json.loads(worked.run("fovea", "cases", "list", "--json").stdout)
    assert summary_of(worked) == f"A person is asked about {len(asked)} of 4 pictures."


def test_a_setting_of_the_strangers_decides_again_and_looks_at_nothing_again(worked):
    for sure, asked in (("0", 0), ("1", 4)):
        worked.run("fovea", "site", "set", "my-site", f"policy.sure={sure}")
        again = json.loads(worked.run("fovea", "batch", "my-site", "--json").stdout)
        worked.run("fovea", "report", "my-site")
        assert (again["scored"], summary_of(worked)) == (0, f"A person is asked about {asked} of 4 pictures.")


def test_the_commands_that_it_prints_work(full):
    done = full.run("fovea", "new-plugin", "wheat-rust", "--folder", "my work/wheat")
    install, test, train = done.stdout.partition("Next:\n")[2].splitlines()
    for command in (install, test):
        ran = full.run(*shlex.split(command))
        assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    assert train.strip() == "fovea train wheat-rust PICTURES"


def test_a_name_is_taken_once_its_plugin_is_installed(place):
    done = place.run("fovea", "new-plugin", "tyres", "--folder", "again")
    assert done.returncode == 2
    assert "'fovea-tyres' is installed" in done.stderr
    assert not (place.work / "again").exists()


def test_a_wheel_without_plugins_still_names_what_is_there(bare):
    done = bare.run("fovea", "site", "add", ".", "--domain", "crop")
    assert done.returncode == 2
    assert "there is no domain 'crop'" in done.stderr
