"""What an export, a fit or a whole module gets wrong has its sentence too."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fovea.errors import PluginError
from fovea.plugin import Decision, Domain, DomainInfo, Exporter, Fitted, hookimpl
from fovea.registry import Registry, guard


def domain(name="wheat", **parts):
    info = DomainInfo(name=name, title="Wheat", intended_use="Sorts wheat photos.", limits="Not for grading.")
    return Domain(info=info, **({"read_samples": lambda root, view: iter(())} | parts))


@pytest.mark.parametrize("answer", [None, 7, "bad thing", ["good", 7]])
def test_an_export_s_check_answers_a_list_of_texts(answer):
    exporter = Exporter(title="Letter", suffix=".txt", write=lambda **_: None, check=lambda path: answer)
    guarded = guard(domain(exports={"letter": exporter}))
    with pytest.raises(PluginError, match=r"in exports\['letter'\].check: answered .*, want a list of faults"):
        guarded.exports["letter"].check(path=None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1.0]])
def test_fitted_numbers_are_finite_or_texts(value):
    guarded = guard(domain(fit=lambda units, view, policy: Fitted(values={"above": value})))
    with pytest.raises(PluginError, match=r"in fit: value 'above' is .*, want text or a finite number"):
        guarded.fit(units={}, view=None, policy=None)


@pytest.mark.parametrize(
    "odd,said",
    [
        ({"evidence": ("a.png",)}, "has evidence ('a.png',), want a tuple of Evidence"),
        ({"evidence": None}, "has evidence None, want a tuple of Evidence"),
        ({"place": (48.0, 16.0)}, "has place (48.0, 16.0), want a Place"),
        ({"label": 7}, "has a subject, label or reason that is no text"),
    ],
)
def test_a_decision_is_made_of_what_the_contract_says(odd, said):
    decision = replace(Decision(key="k", subject="s", label="l"), **odd)
    guarded = guard(domain(decide=lambda entries, policy, fitted: iter([decision])))
    with pytest.raises(PluginError) as told:
        list(guarded.decide(entries=(), policy=None, fitted=Fitted()))
    assert str(told.value) == f"plugin 'wheat' failed in decide: decision 'k' {said}"


def leaving(root, view):
    sys.exit("I leave")
    yield


def test_a_plugin_that_leaves_the_program_is_named():
    with pytest.raises(PluginError, match="plugin 'wheat' failed in read_samples: raised SystemExit: I leave"):
        list(guard(domain(read_samples=leaving)).read_samples(root=None, view=None))


def test_two_domains_of_one_name_in_one_plugin_are_told_as_that():
    module = SimpleNamespace(__name__="fields", fovea_domains=hookimpl(lambda: [domain(), domain()]))
    with pytest.raises(PluginError, match="it gives two domains the name 'wheat'; the second is left out"):
        Registry.of(module)
