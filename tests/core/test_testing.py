from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pillow

from fovea.errors import FoveaError
from fovea.plugin import (
    Action,
    Decision,
    Domain,
    DomainInfo,
    Exporter,
    Fitted,
    Measures,
    Param,
    Report,
    Sample,
    TaskSpec,
    Text,
    find_files,
    hookimpl,
    per_picture,
)
from fovea.testing import check_plugin

COUNT = itertools.count()


def read_samples(root, view):
    for source in find_files(root):
        yield Sample(source=source, unit="yard", targets={"colour": source.split("/")[0]})


def read_another_order(root, view):
    samples = list(read_samples(root, view))
    return reversed(samples) if next(COUNT) % 2 else samples


def read_without_answers(root, view):
    return [Sample(source=source) for source in find_files(root)]


def brightened_in_place(image, sample, view):
    image.pixels[...] = np.minimum(image.pixels, 200) + 7
    return image


def measure_brightness(image, sample, view, fitted):
    return Measures(values={"brightness": float(image.pixels.mean())})


def measure_anew(image, sample, view, fitted):
    return Measures(values={"count": float(next(COUNT))})


class Same:
    """Changes every picture in the same way, whatever the seed."""

    def __call__(self, pixels, *, seed, mask=None):
        return 255 - pixels, mask


def same_for_every_seed(role, size):
    return Same()


def different_for_every_call(role, size):
    return Noisy()


class Noisy:
    """Changes a picture without looking at the seed."""

    def __call__(self, pixels, *, seed, mask=None):
        return np.roll(pixels, next(COUNT), axis=0), mask


def decide_by_count(entries, policy, fitted):
    for _ in entries:
        yield Decision(key=f"number {next(COUNT)}", subject="yard", label="seen")


def decide_on_predictions_only(entries, policy, fitted):
    for entry in entries:
        label = entry.predictions["colour"][0].label
        yield Decision(key=entry.sample.source, subject="yard", label=label)


def fit_levels(units, view, policy):
    levels = [entry.measures.values["brightness"] for entries in units.values() for entry in entries]
    return Fitted(values={"most": max(levels), "unit": "yard"}, arrays={"levels": np.array(levels)})


def fit_anew(units, view, policy):
    return Fitted(values={"count": next(COUNT)})


def fit_endless(units, view, policy):
    return Fitted(values={"most": float("inf")})


def fit_a_list(units, view, policy):
    return Fitted(arrays={"levels": [1.0, 2.0]})


def fit_on_predictions_only(units, view, policy):
    return Fitted(values={"label": units["yard"][0].predictions["colour"][0].label})


def fit_pairs(units, view, policy):
    return Fitted(values={"pair": (1, 2)})


def hear(event, settings):
    assert event.time.tzinfo is not None
    assert settings == {}


def hear_with_settings_only(event, settings):
    settings["to"]


def report_of_a_number(site, policy):
    return Report(title="Report", blocks=(Text(body=(3,)),))


def write_lines(site, target, policy):
    target.write_text("\n".join(result.sample.source for result in site.results()))


def nothing_wrong(path):
    return ()


def a_line_too_many(path):
    return ("line 3 is too long",)


def no_answer(path):
    return None


def greet(arguments, view, policy):
    return Report(title="Greeting", blocks=(Text(body=(str(arguments["folder"]),)),))


def stumble(arguments, view, policy):
    raise KeyError("folder")


def exporter(check=nothing_wrong):
    return Exporter(title="Lines", suffix=".txt", write=write_lines, check=check)


def action(run=greet, example=(("folder", "{folder}"),)):
    params = (Param(name="folder", help="which", kind="path", required=True),)
    return Action(help="Greets.", run=run, params=params, example=dict(example))


def plugin(**parts):
    info = DomainInfo(
        name="toy",
        title="Toy",
        intended_use="Tells colours apart.",
        limits="Only a toy.",
        tasks={"colour": TaskSpec(kind="classify")},
    )
    good = {
        "info": info,
        "read_samples": read_samples,
        "measure": per_picture(measure_brightness),
        "exports": {"lines": exporter()},
        "actions": {"greet": action()},
    }
    domain = Domain(**(good | parts))

    @hookimpl
    def fovea_domains():
        return [domain]

    return SimpleNamespace(__name__="toy", fovea_domains=fovea_domains)


def hearing(made, hear):
    """The same plugin, which listens besides."""
    made.fovea_on_event = hookimpl(hear)
    return made


@pytest.fixture
def folder(tmp_path):
    noise = np.random.default_rng(7)
    for name in ("red/1.png", "red/2.png", "blue/3.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(noise.integers(0, 256, (60, 80, 3), np.uint8)).save(path)
    return tmp_path / "pictures"


def steps_at_fault(conformance):
    return {step.name for step in conformance.steps if step.fault}


def test_a_plugin_that_keeps_the_contract_passes_every_step(folder):
    checked = check_plugin(plugin(), folder).require()

    assert checked.faults == checked.notes == ()
    assert [step.name for step in checked.steps] == [
        "loading",
        "read_samples",
        "load_images",
        "prepare",
        "measure",
        "pickling",
        "augmentations",
        "batch",
        "decide",
        "report",
        "export lines",
        "action greet",
    ]


@pytest.mark.parametrize(
    "parts,step,says",
    [
        ({"prepare": brightened_in_place}, "prepare", "changed the picture it was given"),
        ({"read_samples": read_another_order}, "read_samples", "another item at"),
        ({"measure": per_picture(measure_anew)}, "measure", "differently the second time"),
        ({"augmentations": same_for_every_seed}, "augmentations", "every seed gave the same changed picture"),
        ({"augmentations": different_for_every_call}, "augmentations", "the same seed gave two pictures"),
        ({"decide": decide_by_count}, "decide", "the keys are others"),
        ({"decide": decide_on_predictions_only}, "decide", "without predictions"),
        ({"fit": fit_anew}, "fit", "fitted again, the numbers are others"),
        ({"fit": fit_endless}, "fit", "is inf, want text or a finite number"),
        ({"fit": fit_a_list}, "fit", "raised AttributeError"),
        ({"fit": fit_on_predictions_only}, "fit", "without predictions"),
        ({"fit": fit_pairs}, "fit", "is (1, 2), want text or a finite number"),
        ({"report": report_of_a_number}, "report", "does not render to a page"),
        ({"exports": {"lines": exporter(a_line_too_many)}}, "export lines", "line 3 is too long"),
        ({"exports": {"lines": exporter(no_answer)}}, "export lines", "answered NoneType None, want a list of faults"),
        ({"actions": {"greet": action(stumble)}}, "action greet", "raised KeyError"),
        ({"actions": {"greet": action(example=())}}, "action greet", "wants folder"),
    ],
)
def test_what_a_plugin_does_wrong_is_named(folder, parts, step, says):
    faults = check_plugin(plugin(**parts), folder).faults

    assert any(fault.startswith(f"{step}: ") and says in fault for fault in faults), faults


def test_a_function_that_cannot_be_sent_to_a_worker_is_named(folder):
    checked = check_plugin(plugin(prepare=lambda image, sample, view: image), folder)

    assert steps_at_fault(checked) == {"pickling"}


def test_all_faults_are_told_at_once(folder):
    broken = plugin(
        prepare=brightened_in_place,
        exports={"lines": exporter(a_line_too_many)},
        actions={"greet": action(stumble)},
    )

    checked = check_plugin(broken, folder)

    assert {"prepare", "export lines", "action greet"} <= steps_at_fault(checked)
    with pytest.raises(FoveaError) as told:
        checked.require()
    assert set(str(told.value).splitlines()) >= set(checked.faults)


def test_a_decide_that_fails_is_told_once_and_by_its_own_step(folder):
    checked = check_plugin(plugin(decide=decide_on_predictions_only), folder)

    assert steps_at_fault(checked) == {"batch", "decide"}


def test_pictures_without_answers_are_a_note_and_no_fault(folder):
    checked = check_plugin(plugin(read_samples=read_without_answers), folder).require()

    assert [note for note in checked.notes if "no sample has an answer for colour" in note]


def test_a_plugin_that_does_not_load_is_told_as_a_fault(folder):
    assert steps_at_fault(check_plugin(plugin(decide=None), folder)) == {"loading"}


def test_a_folder_that_is_not_there_is_refused(folder):
    with pytest.raises(FoveaError, match="there is no folder"):
        check_plugin(plugin(), folder / "elsewhere")


def test_a_domain_with_a_fit_of_its_own_and_ears_is_tried_on_both(folder):
    checked = check_plugin(hearing(plugin(fit=fit_levels), hear), folder).require()

    assert [step.name for step in checked.steps][-6:] == [
        "decide",
        "fit",
        "report",
        "export lines",
        "action greet",
        "listener",
    ]


def test_a_listener_that_wants_settings_is_told_for_each_kind_of_event(folder):
    faults = check_plugin(hearing(plugin(), hear_with_settings_only), folder).faults

    assert faults[0] == ("listener: listener 'toy' failed: KeyError: 'to' (event batch.finished, without settings)")
    assert faults[-1] == "listener: and 6 more of the kind"


def test_a_plugin_that_only_listens_is_tried_on_that(folder):
    heard = []
    bell = hearing(SimpleNamespace(__name__="bell"), lambda event, settings: heard.append(event.kind))
    checked = check_plugin(bell, folder).require()

    assert (checked.domain, [step.name for step in checked.steps]) == ("bell", ["loading", "listener"])
    findings = ("finding.opened", "finding.changed", "finding.closed")
    kinds = ("batch.finished", "source.lost", "source.found", *findings, "case.new", "case.read", "case.signed")
    assert heard == [kind for one in kinds for kind in (one, one)]
