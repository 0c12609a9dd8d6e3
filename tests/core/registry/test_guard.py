from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

from fovea.plugin import PARAMETERS, Measures, Sample, ViewSettings, hookimpl, nothing_measured
from fovea.registry import Registry, guard, own_parts

OATS = """
    from fovea.plugin import Domain, DomainInfo, Sample, ViewSettings, hookimpl


    class View(ViewSettings):
        name: str = "a.jpg"


    def read_samples(root, view):
        yield Sample(source=view.name)


    @hookimpl
    def fovea_domains():
        info = DomainInfo(name="oats", title="Oats", intended_use="Sorts.", limits="Not for grading.", view=View)
        return [Domain(info=info, read_samples=read_samples)]
"""


def test_a_guarded_domain_travels_to_another_process_and_still_works(written):
    oats = Registry.of(written("fovea_oats", OATS)).domain("oats")
    travelled = pickle.loads(pickle.dumps(oats))
    samples = list(travelled.read_samples(root=Path(), view=travelled.info.view(name="b.jpg")))
    assert samples == [Sample(source="b.jpg")]


def test_a_domain_that_is_sound_answers_through_its_guard_as_without(domain):
    def read_samples(root, view):
        yield Sample(source=f"{root}/a.jpg")

    guarded = guard(domain(read_samples=read_samples))
    assert list(guarded.read_samples(root=Path("farm"), view=ViewSettings())) == [Sample(source="farm/a.jpg")]


def test_own_parts_tells_what_the_plugin_brings_from_what_is_the_default(written):
    oats = Registry.of(written("fovea_oats", OATS)).domain("oats")
    assert own_parts(oats) == {name: name == "read_samples" for name in PARAMETERS}


def test_a_guard_shows_whether_measure_keeps_state(domain):
    def measure(pairs, view, fitted):
        for _ in pairs:
            yield Measures()

    assert guard(domain(measure=nothing_measured)).measure.per_picture
    assert not guard(domain(measure=measure)).measure.per_picture


def test_a_guarded_domain_keeps_its_own_info(domain):
    plain = domain()
    plugin = SimpleNamespace(fovea_domains=hookimpl(lambda: [plain]))
    assert Registry.of(plugin).domain("wheat").info is plain.info
