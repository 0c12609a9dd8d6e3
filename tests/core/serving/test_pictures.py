from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fovea.errors import PluginError
from fovea.plugin import (
    Domain,
    DomainInfo,
    Fitted,
    Image,
    Measures,
    Region,
    Sample,
    TaskSpec,
    Unreadable,
    ViewSettings,
    per_picture,
)
from fovea.serving.pictures import Broken, Viewing, is_per_picture, look, regions_for

INFO = DomainInfo(name="toy", title="Toy", intended_use="Tests.", limits="Nothing else.")


def picture(level):
    return Image(pixels=np.full((2, 2, 3), level, np.uint8))


def load(root, samples, view, side):
    for sample in samples:
        yield (
            Unreadable(code="empty", reason="The file is empty.")
            if "bad" in sample.source
            else picture(len(sample.source))
        )


def running_count(pairs, view, fitted):
    for count, _ in enumerate(pairs, start=1):
        yield Measures(values={"count": float(count)})


def toy(**parts):
    return Domain(info=INFO, read_samples=lambda root, view: (), **({"load_images": load} | parts))


def looked_at(domain, *names):
    samples = [name if isinstance(name, Sample) else Sample(source=name) for name in names]
    return look(domain=domain, root=Path(), samples=samples, view=ViewSettings(), fitted=Fitted(), side=None)


def viewing(domain):
    return Viewing(domain=domain, root=Path(), view=ViewSettings(), fitted=Fitted(), side=None)


def test_a_measure_keeps_its_state_over_the_unit():
    seen = list(looked_at(toy(measure=running_count), "a.png", "b.png", "c.png"))

    assert [one.measures.values["count"] for one in seen] == [1, 2, 3]


def test_a_fault_is_an_answer_that_measure_does_not_see():
    seen = list(looked_at(toy(measure=running_count), "a.png", "bad.png", "c.png"))

    assert [one.fault.code if one.fault else one.measures.values["count"] for one in seen] == [1, "empty", 2]
    assert seen[1].image is None


def test_parts_of_one_source_are_loaded_by_one_call():
    asked = []

    def counted(root, samples, view, side):
        asked.append([sample.part for sample in samples])
        yield from load(root, samples, view, side)

    parts = [Sample(source=source, part=part) for source, part in (("a", "0"), ("a", "1"), ("b", "0"), ("a", "2"))]
    list(looked_at(toy(load_images=counted), *parts))

    assert asked == [["0", "1"], ["0"], ["2"]]


def test_measure_sees_the_prepared_picture():
    def darken(image, sample, view):
        return replace(image, pixels=image.pixels * 0)

    brightness = per_picture(lambda image, sample, view, fitted: Measures(values={"mean": float(image.pixels.mean())}))
    seen = list(looked_at(toy(prepare=darken, measure=brightness), "abc.png"))

    assert seen[0].measures.values["mean"] == 0
    assert seen[0].image.pixels.max() == 0


def test_each_picture_is_answered_before_the_next_is_loaded():
    told = []

    def loud_load(root, samples, view, side):
        for sample in samples:
            told.append(f"load {sample.source}")
            yield picture(1)

    def loud_measure(pairs, view, fitted):
        for sample, _ in pairs:
            told.append(f"measure {sample.source}")
            yield Measures()

    for one in looked_at(toy(load_images=loud_load, measure=loud_measure), "a", "b"):
        told.append(f"out {one.sample.source}")  # noqa: PERF401 - told grows inside the loop too

    assert told == ["load a", "measure a", "out a", "load b", "measure b", "out b"]


def test_pictures_do_not_pile_up():
    pixels = []

    def load_watched(root, samples, view, side):
        for _ in samples:
            made = np.zeros((4, 4, 3), np.uint8)
            pixels.append(weakref.ref(made))
            image = Image(pixels=made)
            del made
            yield image
            del image

    samples = [Sample(source="film", part=str(number)) for number in range(6)]
    most = 0
    for one in looked_at(toy(load_images=load_watched, measure=running_count), *samples):
        del one
        gc.collect()
        most = max(most, sum(reference() is not None for reference in pixels))

    assert most <= 2  # one in the plugin's own loop


@pytest.mark.parametrize(
    "measure, sentence",
    [
        (lambda pairs, view, fitted: [Measures() for _ in list(pairs)], "asked for the next picture before"),
        (lambda pairs, view, fitted: iter(()), "ended without an answer for a.png"),
        (lambda pairs, view, fitted: (Measures() for _ in range(9)), "answered before it had asked for a.png"),
        (lambda pairs, view, fitted: ({"blur": 1} for _ in pairs), "gave a value of type dict for a.png"),
        (lambda pairs, view, fitted: (m for _ in pairs for m in (Measures(), Measures())), "had asked for b.png"),
    ],
    ids=["eager", "ends early", "does not ask", "wrong type", "answers twice"],
)
def test_a_breach_of_lock_step_says_what_to_mend(measure, sentence):
    with pytest.raises(PluginError, match="'toy' failed in measure: .*" + sentence):
        list(looked_at(toy(measure=measure), "a.png", "b.png"))


def test_a_breach_that_the_plugin_swallows_is_still_told():
    def swallowing(pairs, view, fitted):
        pairs = iter(pairs)
        next(pairs)
        try:
            next(pairs)
        except Exception:  # noqa: BLE001
            yield Measures()

    with pytest.raises(PluginError, match=r"before answering for a\.png"):
        list(looked_at(toy(measure=swallowing), "a.png"))


def test_an_answer_after_the_last_picture_is_refused():
    def generous(pairs, view, fitted):
        for _ in pairs:
            yield Measures()
        yield Measures()

    with pytest.raises(PluginError, match="once more after the last picture"):
        list(looked_at(toy(measure=generous), "a.png"))


@pytest.mark.parametrize(
    "given, sentence",
    [
        ((), r"no answer for a\.png"),
        ((1, 2), r"more answers than it was given samples, the last of them a\.png"),
        ((None,), r"gave None for a\.png; yield an Image or an Unreadable"),
    ],
)
def test_load_images_answers_exactly_once(given, sentence):
    def wrong(root, samples, view, side):
        return [picture(1) if isinstance(one, int) else one for one in given]

    with pytest.raises(PluginError, match="'toy' failed in load_images: .*" + sentence):
        list(looked_at(toy(load_images=wrong), "a.png"))


def test_what_a_plugin_raises_comes_under_its_name():
    def raising(image, sample, view):
        raise KeyError(sample.source)

    with pytest.raises(PluginError, match=r"'toy' failed in prepare: raised KeyError: 'a\.png'"):
        list(looked_at(toy(prepare=raising), "a.png"))


def test_a_viewing_goes_on_after_a_fault_of_the_plugin():
    def fussy(pairs, view, fitted):
        for count, (sample, _) in enumerate(pairs, start=1):
            if sample.source == "b":
                raise ValueError("b is no good")
            yield Measures(values={"count": float(count)})

    seen = list(viewing(toy(measure=fussy)).see([Sample(source=name) for name in "abcd"]))

    assert [one.error.function if isinstance(one, Broken) else one.measures.values["count"] for one in seen] == [
        1,
        "measure",
        1,
        2,
    ]


def test_a_failing_source_costs_the_rest_of_that_source_only():
    def breaks_off(root, samples, view, side):
        yield picture(1)
        if len(samples) > 1:
            raise OSError("the film ends here")

    parts = [Sample(source="film", part=str(number)) for number in range(3)]
    seen = list(viewing(toy(load_images=breaks_off)).see([*parts, Sample(source="photo")]))

    assert [isinstance(one, Broken) for one in seen] == [False, True, True, False]


def test_a_viewing_kept_open_equals_one_look():
    samples = [Sample(source=name) for name in "abcde"]
    kept = viewing(toy(measure=running_count))
    pieces = [one.measures for chunk in (samples[:2], samples[2:]) for one in kept.see(chunk)]
    kept.finish()

    assert pieces == [one.measures for one in looked_at(toy(measure=running_count), *"abcde")]


def test_a_sequence_without_readable_pictures_needs_no_measure():
    def never(pairs, view, fitted):
        raise AssertionError

    assert [one.fault.code for one in looked_at(toy(measure=never), "bad1", "bad2")] == ["empty", "empty"]


def test_a_function_of_one_picture_is_known_as_such():
    assert is_per_picture(toy())
    assert not is_per_picture(toy(measure=running_count))


def test_regions_follow_the_prefix_of_the_role():
    leaf = Region(name="leaf-1", left=0, top=0, right=0.5, bottom=1)
    fruit = Region(name="fruit-1", left=0.5, top=0, right=1, bottom=1)
    spec = TaskSpec(kind="classify", on="leaf")

    assert regions_for(spec, Measures(regions=(leaf, fruit))) == (leaf,)
    assert regions_for(spec, Measures(regions=(fruit,))) == ()
    assert regions_for(spec, Measures()) == (None,)
