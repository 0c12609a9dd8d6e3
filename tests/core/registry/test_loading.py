from __future__ import annotations

import logging
import sys
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from fovea.errors import PluginError, UnknownName
from fovea.plugin import Event, hookimpl
from fovea.registry import Registry
from fovea.registry.loading import _Found


def plugin_of(*domains: object, name: str = "wheat") -> SimpleNamespace:
    return SimpleNamespace(__name__=name, fovea_domains=hookimpl(lambda: list(domains)))


def event() -> Event:
    return Event(id="1", kind="finding.opened", subject="s", site="n", time=datetime(2026, 5, 1, tzinfo=UTC))


def test_our_four_plugins_load():
    registry = Registry.load()
    ours = [plugin.name for plugin in registry.loaded if plugin.distribution == "fovea"]
    assert (ours, registry.broken) == (["crop", "medical", "notify", "security"], ())
    assert {"crop", "medical", "security"} <= set(registry.domains)
    assert "notify" in registry.listeners()


def test_ours_load_before_a_stranger_whose_name_sorts_first(monkeypatch, found, domain):
    strangers = [
        found("a", plugin_of(domain("a")), "aardvark"),
        found("b", plugin_of(domain("b")), "fovea"),
        found("c", plugin_of(domain("c")), "aaa"),
    ]
    monkeypatch.setattr("fovea.registry.loading._installed", lambda: iter(strangers))
    assert [plugin.name for plugin in Registry.load().loaded] == ["b", "c", "a"]


def test_loading_stops_albumentations_from_calling_home(monkeypatch):
    import os

    monkeypatch.delenv("NO_ALBUMENTATIONS_UPDATE", raising=False)
    Registry.load()
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


def test_a_plugin_that_raises_when_imported_is_named_and_the_others_load(found, domain, written):
    def load() -> object:
        return written("fovea_rye", "raise ImportError('no module\\nnamed barley')")

    broken = _Found(name="rye", distribution="fovea-rye", version="1.0", load=load)
    registry = Registry([broken, found("wheat", plugin_of(domain()))])
    [left_out] = registry.broken
    assert (left_out.name, left_out.distribution) == ("rye", "fovea-rye")
    assert left_out.fault == "it does not load: ImportError: no module named barley"
    assert list(registry.domains) == ["wheat"]


def test_a_plugin_that_exits_when_imported_does_not_end_the_program(found, domain):
    leaver = _Found(name="rye", distribution="fovea-rye", version="1.0", load=lambda: sys.exit("goodbye"))
    registry = Registry([leaver, found("wheat", plugin_of(domain()))])
    assert [plugin.fault for plugin in registry.broken] == ["it does not load: SystemExit: goodbye"]
    assert list(registry.domains) == ["wheat"]


def test_a_taken_domain_name_is_refused_by_name(found, domain):
    first, second = found("wheat", plugin_of(domain()), "elder"), found("grain", plugin_of(domain()), "younger")
    registry = Registry([first, second])
    [refused] = registry.broken
    assert refused.fault == "the domain name 'wheat' is taken by 'elder'; choose another"
    assert refused.distribution == "younger"


def test_a_taken_plugin_name_is_refused_and_the_elder_stays(found, domain):
    elder = SimpleNamespace(fovea_on_event=hookimpl(lambda event: None))
    registry = Registry([found("notify", elder, "elder"), found("notify", plugin_of(domain()), "younger")])
    assert [plugin.fault for plugin in registry.broken] == [
        "the plugin name 'notify' is taken by 'elder'; choose another"
    ]
    assert registry.listeners() == ("notify",)


def test_a_misspelt_hook_is_refused_with_the_right_name(found):
    plugin = SimpleNamespace(fovea_domain=hookimpl(lambda: None))
    [refused] = Registry([found("wheat", plugin)]).broken
    assert refused.fault == (
        "plugin 'wheat' failed in fovea_domain: there is no such hook; did you mean fovea_domains?"
    )


def test_a_hook_without_its_mark_is_refused(found):
    plugin = SimpleNamespace(fovea_domains=list)
    [refused] = Registry([found("wheat", plugin)]).broken
    assert refused.fault == "plugin 'wheat' failed in fovea_domains: it is not marked; write @hookimpl above it"


def test_a_hook_with_a_parameter_of_its_own_is_refused_on_one_line(found):
    plugin = SimpleNamespace(fovea_domains=hookimpl(lambda colour: []))
    [refused] = Registry([found("wheat", plugin)]).broken
    assert "colour" in refused.fault
    assert "\n" not in refused.fault


@pytest.mark.parametrize(
    "answer,fault",
    [
        (None, "answered NoneType None, want a list of Domain"),
        ("wheat", "answered str 'wheat', want a list of Domain"),
        (["wheat"], "the list holds str 'wheat', want Domain values"),
    ],
)
def test_a_wrong_answer_of_fovea_domains_is_refused(found, answer, fault):
    plugin = SimpleNamespace(fovea_domains=hookimpl(lambda: answer))
    [refused] = Registry([found("wheat", plugin)]).broken
    assert refused.fault == f"plugin 'wheat' failed in fovea_domains: {fault}"


def test_a_refused_plugin_no_longer_listens(found):
    plugin = SimpleNamespace(fovea_on_event=hookimpl(lambda event: None), fovea_domains=hookimpl(lambda: None))
    assert Registry([found("wheat", plugin)]).listeners() == ()


def test_one_bad_domain_does_not_take_its_neighbour_along(found, domain):
    registry = Registry([found("farm", plugin_of(domain(decide="no function"), domain("rye")))])
    assert list(registry.domains) == ["rye"]
    assert [plugin.fault for plugin in registry.broken] == [
        "plugin 'wheat' failed in decide: is str, want a function of (entries, policy, fitted)"
    ]


@pytest.mark.parametrize(
    "change,fault",
    [
        ({"name": "Wheat!"}, "the name 'Wheat!' must be lower-case letters, digits and hyphens"),
        ({"view": dict}, "view is type <class 'dict'>, want a subclass of ViewSettings"),
        ({"policy": None}, "policy is NoneType None, want a subclass of PolicySettings"),
        ({"tasks": ["rust"]}, "tasks is list ['rust'], want a mapping of role to TaskSpec"),
        ({"tasks": {"rust": "classify"}}, "task 'rust' is str 'classify', want a TaskSpec"),
    ],
)
def test_a_wrong_info_is_refused(found, domain, change, fault):
    sound = domain()
    changed = replace(sound, info=replace(sound.info, **change))
    [refused] = Registry([found("wheat", plugin_of(changed))]).broken
    assert refused.fault.endswith(f"failed in info: {fault}")


def test_an_export_that_is_none_is_refused(found, domain):
    [refused] = Registry([found("wheat", plugin_of(domain(exports={"geojson": print})))]).broken
    assert "failed in exports['geojson']: is builtin_function_or_method" in refused.fault
    assert refused.fault.endswith("want a value of Exporter")


def test_an_author_is_told_at_once():
    with pytest.raises(PluginError, match=r"plugin 'rye' failed in loading: .* want a list of Domain"):
        Registry.of(SimpleNamespace(__name__="rye", fovea_domains=hookimpl(lambda: 7)))


def test_an_unknown_domain_is_answered_with_the_known_ones(domain):
    with pytest.raises(UnknownName, match=r"there is no domain 'weat'; did you mean 'wheat'\? \(there is: wheat\)"):
        Registry.of(plugin_of(domain())).domain("weat")


def test_a_listener_is_told_and_given_its_settings():
    heard = []

    @hookimpl
    def fovea_on_event(event, settings):
        heard.append((event.id, settings["to"]))

    registry = Registry.of(SimpleNamespace(__name__="bell", fovea_on_event=fovea_on_event))
    assert registry.tell("bell", event(), {"to": "me"}) is None
    assert heard == [("1", "me")]


def test_a_failing_listener_is_logged_and_answered_with_a_sentence(caplog):
    @hookimpl
    def fovea_on_event(event):
        msg = "no line"
        raise OSError(msg)

    registry = Registry.of(SimpleNamespace(__name__="bell", fovea_on_event=fovea_on_event))
    with caplog.at_level(logging.DEBUG, logger="fovea.registry"):
        assert registry.tell("bell", event(), {}) == "listener 'bell' failed: OSError: no line"
    assert "listener 'bell' failed on 1" in caplog.text


def test_telling_one_listener_does_not_tell_another():
    heard = []
    bell = SimpleNamespace(__name__="bell", fovea_on_event=hookimpl(lambda event: heard.append("bell")))
    horn = SimpleNamespace(__name__="horn", fovea_on_event=hookimpl(lambda event: heard.append("horn")))
    Registry.of(bell, horn).tell("horn", event(), {})
    assert heard == ["horn"]
