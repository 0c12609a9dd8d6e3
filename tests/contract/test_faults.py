"""Each breach of the contract gives exactly its sentence, under the plugin's name and that of the function to mend."""

from __future__ import annotations

import importlib
import multiprocessing
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fovea.errors import PluginError
from fovea.plugin import (
    Chart,
    Column,
    Decision,
    Domain,
    DomainInfo,
    Fitted,
    Image,
    Measures,
    PolicySettings,
    Record,
    Region,
    Report,
    Sample,
    Series,
    Table,
    TaskSpec,
    ViewSettings,
)
from fovea.registry import guard
from fovea.registry.checks import MASK, info_fault

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)
LOCK_STEP = "yield exactly one Measures for each picture before taking the next"


def domain(*, confidential: bool = False, **parts: Any) -> Domain:
    info = DomainInfo(
        name="wheat",
        title="Wheat",
        intended_use="Sorts wheat photos.",
        limits="Not for grading.",
        tasks={
            "rust": TaskSpec(kind="classify"),
            "signs": TaskSpec(kind="multilabel"),
            "share": TaskSpec(kind="regress"),
            "normality": TaskSpec(kind="anomaly", mask="where"),
        },
        confidential=confidential,
    )
    return guard(Domain(**{"info": info, "read_samples": yielding(), **parts}))


def yielding(*answers: object):
    """A function of the contract that yields these, whatever it is given."""

    def generate(**given: Any):
        yield from answers

    return generate


def answering(answer: object):
    return lambda **given: answer


def raising(error: Exception):
    def fail(**given: Any):
        raise error

    return fail


def picture(dtype: Any = np.uint8, value: float = 0) -> Image:
    return Image(pixels=np.full((4, 6, 3), value, dtype))


def read(*answers: object) -> list[object]:
    return list(domain(read_samples=yielding(*answers)).read_samples(root=Path(), view=ViewSettings()))


def load(*answers: object) -> list[object]:
    samples = [Sample(source="a.tif", part="0"), Sample(source="a.tif", part="1")]
    loading = domain(load_images=yielding(*answers))
    return list(loading.load_images(root=Path(), samples=samples, view=ViewSettings(), side=None))


def measure(function: Any, pictures: int = 2) -> list[Measures]:
    pairs = [(Sample(source=f"{name}.jpg"), picture()) for name in "abc"[:pictures]]
    return list(domain(measure=function).measure(pairs=pairs, view=ViewSettings(), fitted=Fitted()))


def decide(*answers: object) -> list[Decision]:
    return list(domain(decide=yielding(*answers)).decide(entries=(), policy=PolicySettings(), fitted=Fitted()))


def report(answer: object) -> Report:
    return domain(report=answering(answer)).report(site=None, policy=PolicySettings())


def fault(function: str, act: Any, *given: object) -> str:
    """What the plugin is told after ``plugin 'wheat' failed in FUNCTION:``."""
    with pytest.raises(PluginError) as caught:
        act(*given)
    start = f"plugin 'wheat' failed in {function}: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_only_a_task_that_looks_for_anomalies_names_a_mask_beside_its_labels():
    tasks = {"rust": TaskSpec(kind="classify", mask="where")}
    info = DomainInfo(name="wheat", title="Wheat", intended_use="Sorts.", limits="None.", tasks=tasks)
    assert info_fault(info) == "task 'rust' has a mask 'where' and is of kind classify, want it only for anomaly"


def test_read_samples_that_raises_is_blamed_with_what_it_said():
    reading = domain(read_samples=raising(KeyError("plant")))
    told = fault("read_samples", lambda: list(reading.read_samples(root=Path(), view=ViewSettings())))
    assert told == "raised KeyError: 'plant'"


def test_read_samples_that_raises_half_way_has_given_the_first_half():
    def read_samples(root, view):
        yield Sample(source="a.jpg")
        msg = "torn\n  page"
        raise ValueError(msg)

    samples = domain(read_samples=read_samples).read_samples(root=Path(), view=ViewSettings())
    assert next(samples) == Sample(source="a.jpg")
    assert fault("read_samples", next, samples) == "raised ValueError: torn page"


@pytest.mark.parametrize(
    "answer,told",
    [
        ("a.jpg", "yielded str, want Sample or Record"),
        (Sample(source=""), "a sample's source is str '', want a text"),
        (Sample(source=Path("a.jpg")), "a sample's source is PosixPath PosixPath('a.jpg'), want a text"),
        (Sample(source="../b/a.jpg"), "source '../b/a.jpg' must be relative and stay below the root"),
        (Sample(source="/a.jpg"), "source '/a.jpg' must be relative and stay below the root"),
        (
            Sample(source="a.jpg", part=None),
            "a.jpg has part NoneType None, want text (the empty text where there is none)",
        ),
        (Sample(source="a.jpg", unit=7), "a.jpg has unit int 7, want text (the empty text where there is none)"),
        (Sample(source="a.jpg", targets={"rust": 7}), "a.jpg has label 7, want text"),
        (Sample(source="a.jpg", targets={"signs": {"x"}}), "a.jpg has target {'x'}, want a frozenset of texts"),
        (
            Sample(source="a.jpg", targets={"share": "x"}),
            "a.jpg has target 'x', want a finite number or a tuple of them",
        ),
        (Sample(source="a.jpg", targets={"where": "m.png"}), f"a.jpg has mask 'm.png', want {MASK}"),
        (Sample(source="a.jpg", time=NAIVE), "a.jpg has time 2026-05-01 12:00:00 without a zone; give it one"),
        (Sample(source="a.jpg", time="noon"), "a.jpg has time 'noon', want a datetime with a zone"),
        (Sample(source="a.jpg", attributes={"ph": None}), "a.jpg has ph = None, want a text or a finite number"),
        (
            Record(kind="rain", time=NAIVE, values={}),
            "record 'rain' has time datetime.datetime(2026, 5, 1, 12, 0), want one with a zone",
        ),
        (
            Record(kind="rain", time=NOON, values={"mm": float("nan")}),
            "record 'rain' of 2026-05-01T12:00:00+00:00 has mm = nan, want a text or a finite number",
        ),
    ],
)
def test_what_read_samples_must_not_yield(answer, told):
    assert fault("read_samples", read, answer) == told


def test_a_sample_that_comes_twice():
    told = fault("read_samples", read, Sample(source="a.jpg"), Sample(source="a.jpg", unit="x"))
    assert told == "a.jpg was yielded twice; give each sample its own source and part"


def test_a_part_that_comes_twice():
    told = fault("read_samples", read, Sample(source="a.tif", part="1"), Sample(source="a.tif", part="1"))
    assert told == "a.tif part 1 was yielded twice; give each sample its own source and part"


def test_two_parts_of_one_source_are_two_samples():
    assert len(read(Sample(source="a.tif", part="0"), Sample(source="a.tif", part="1"))) == 2


def test_an_answer_so_odd_that_the_check_fails_is_still_the_plugins_fault():
    told = fault("read_samples", read, Sample(source="a.jpg", targets=None))
    assert told.startswith("raised TypeError: ")


def test_too_few_pictures():
    told = fault("load_images", load, picture())
    assert told == "gave 1 answers; want one answer for each of the 2 samples of a.tif"


def test_too_many_pictures():
    told = fault("load_images", load, picture(), picture(), picture())
    assert told == "gave more than 2 answers; want one answer for each of the 2 samples of a.tif"


@pytest.mark.parametrize(
    "answer,told",
    [
        (None, "answered NoneType None for a.tif, want an Image"),
        (Image(pixels=[[0]]), "the pixels of a.tif are list, want a numpy array"),
        (
            Image(pixels=np.zeros((2, 2, 4), np.uint8)),
            "the pixels of a.tif have shape (2, 2, 4), want (height, width) or (height, width, 3)",
        ),
        (
            Image(pixels=np.zeros((0, 2), np.uint8)),
            "the pixels of a.tif have shape (0, 2), want (height, width) or (height, width, 3)",
        ),
        (picture(np.float64), "the pixels of a.tif are float64, want uint8, or float32 in [0, 1]"),
        (picture(np.uint16), "the pixels of a.tif are uint16, want uint8, or float32 in [0, 1]"),
        (picture(np.float32, 255), "the pixels of a.tif reach from 255 to 255, want [0, 1]"),
        (picture(np.float32, float("nan")), "the pixels of a.tif reach from nan to nan, want [0, 1]"),
        (Image(pixels=np.zeros((2, 3), np.uint8), scale=0), "scale of a.tif is 0, want more than 0 and at most 1"),
        (
            Image(pixels=np.zeros((2, 3), np.uint8), valid=np.ones((3, 2), bool)),
            "valid of a.tif has shape (3, 2), want (2, 3)",
        ),
    ],
)
def test_what_load_images_must_not_answer(answer, told):
    assert fault("load_images", load, answer) == told


def test_prepare_that_forgets_to_return():
    preparing = domain(prepare=answering(None))
    told = fault(
        "prepare", lambda: preparing.prepare(image=picture(), sample=Sample(source="a.jpg"), view=ViewSettings())
    )
    assert told == "answered NoneType None for a.jpg, want an Image"


def test_prepare_that_leaves_the_picture_alone_is_sound():
    image = picture()
    assert domain().prepare(image=image, sample=Sample(source="a.jpg"), view=ViewSettings()) is image


def test_measure_that_reads_ahead():
    def ahead(pairs, view, fitted):
        for _ in list(pairs):
            yield Measures()

    told = fault("measure", measure, ahead)
    assert told == f"asked for the next picture before it answered for a.jpg; {LOCK_STEP}"


def test_measure_that_answers_twice():
    def twice(pairs, view, fitted):
        for _ in pairs:
            yield Measures()
            yield Measures()

    assert fault("measure", measure, twice) == f"answered twice for a.jpg; {LOCK_STEP}"


def test_measure_that_answers_before_it_is_asked():
    assert fault("measure", measure, yielding(Measures())) == (f"answered before it was given a picture; {LOCK_STEP}")


def test_measure_that_ends_early():
    def early(pairs, view, fitted):
        next(iter(pairs))
        yield Measures()
        next(iter(pairs))

    assert fault("measure", measure, early) == f"ended without an answer for b.jpg; {LOCK_STEP}"


def test_measure_that_ends_after_an_answer_while_pictures_are_left():
    def lazy(pairs, view, fitted):
        next(iter(pairs))
        yield Measures()

    assert fault("measure", measure, lazy) == f"ended without an answer for b.jpg; {LOCK_STEP}"


def test_measure_that_keeps_step_over_many_pictures_is_sound():
    def count(pairs, view, fitted):
        for number, _ in enumerate(pairs):
            yield Measures(values={"number": float(number)})

    assert [answer.values["number"] for answer in measure(count, 3)] == [0, 1, 2]


def test_measure_over_no_picture_is_sound():
    assert measure(lambda pairs, view, fitted: (Measures() for _ in pairs), 0) == []


@pytest.mark.parametrize(
    "answer,told",
    [
        ({"blur_px": 1.0}, "answered dict {'blur_px': 1.0} for a.jpg, want Measures"),
        (Measures(values={"blur_px": float("nan")}), "measure 'blur_px' of a.jpg is nan, want a finite number"),
        (Measures(values={"seen": True}), "measure 'seen' of a.jpg is True, want a finite number"),
        (
            Measures(regions=(Region(name="r", left=0, top=0, right=1, bottom=1),) * 2),
            "two regions of a.jpg have the same name; name each once",
        ),
    ],
)
def test_what_measure_must_not_answer(answer, told):
    assert fault("measure", measure, lambda pairs, view, fitted: (answer for _ in pairs)) == told


@pytest.mark.parametrize("part", ["read_samples", "load_images", "prepare", "measure"])
def test_a_view_function_that_asks_for_the_policy_is_refused_when_loaded(part):
    def greedy(policy, **given):
        return iter(())

    with pytest.raises(PluginError) as caught:
        domain(**{part: greedy})
    assert str(caught.value).startswith(f"plugin 'wheat' failed in {part}: cannot be called with (")
    assert str(caught.value).endswith(
        "missing a required argument: 'policy'; a domain's functions are called with these names"
    )


def test_a_fit_that_answers_a_dict():
    fitting = domain(fit=answering({}))
    told = fault("fit", lambda: fitting.fit(units={}, view=ViewSettings(), policy=PolicySettings()))
    assert told == "answered dict {}, want Fitted"


@pytest.mark.parametrize(
    "answer,told",
    [
        ("rust", "yielded str 'rust', want a Decision"),
        (Decision(key="", subject="p1", label="rust"), "a decision on 'p1' has key '', want a text"),
        (
            Decision(key="k", subject="p1", label="rust", level="red"),
            "decision 'k' has level 'red', want one of normal, notice, warning, alarm",
        ),
        (
            Decision(key="k", subject="p1", label="x", state="done"),
            "decision 'k' has state 'done', want open or closed",
        ),
        (
            Decision(key="k", subject="p1", label="x", start=NAIVE),
            "decision 'k' has time 2026-05-01 12:00:00 without a zone; give it one",
        ),
        (
            Decision(key="k", subject="p1", label="x", figures={"share": float("inf")}),
            "decision 'k' has share = inf, want a text or a finite number",
        ),
    ],
)
def test_what_decide_must_not_yield(answer, told):
    assert fault("decide", decide, answer) == told


@pytest.mark.parametrize(
    "answer,told",
    [
        ("all well", "answered str 'all well', want a Report"),
        (Report(title="t", blocks=("x",)), "the report holds str 'x', want blocks such as Text, Table or Gallery"),
        (
            Report(title="t", blocks=(Table(title="plants", columns=(Column(name="a"),), rows=((1, 2),)),)),
            "table 'plants' has a row that is not as long as its columns (1)",
        ),
        (
            Report(
                title="t",
                blocks=(Chart(title="c", kind="bar", categories=("a",), series=(Series(name="s", values=()),)),),
            ),
            "chart 'c' has a series that is not as long as its categories (1)",
        ),
    ],
)
def test_what_report_must_not_answer(answer, told):
    assert fault("report", report, answer) == told


def test_augmentations_that_answer_a_list():
    told = fault("augmentations", lambda: domain(augmentations=answering([])).augmentations(role="rust", size=224))
    assert told == "answered list [], want an Augment such as albumentations([...]) makes"


def test_a_confidential_domain_leaves_the_text_of_an_exception_out():
    secretive = domain(read_samples=raising(ValueError("patient Jane Doe")), confidential=True)
    with pytest.raises(PluginError) as caught:
        list(secretive.read_samples(root=Path(), view=ViewSettings()))
    assert str(caught.value) == "plugin 'wheat' failed in read_samples: raised ValueError"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_plugin_error_survives_pickle():
    error = PluginError("wheat", "decide", "yielded str, want a Decision")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.function) == (PluginError, str(error), "decide")


@pytest.mark.slow
def test_a_plugin_error_comes_back_from_a_spawned_worker_as_itself(tmp_path, monkeypatch):
    (tmp_path / "fovea_barley.py").write_text(
        "from fovea.plugin import Domain, DomainInfo\n"
        "def read_samples(root, view):\n"
        "    yield 'a.jpg'\n"
        "INFO = DomainInfo(name='barley', title='Barley', intended_use='Sorts.', limits='None known.')\n"
        "def domain():\n"
        "    return Domain(info=INFO, read_samples=read_samples)\n"
        "def work(domain):\n"
        "    return list(domain.read_samples(root='.', view=None))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    barley = importlib.import_module("fovea_barley")
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            answer = pool.submit(barley.work, guard(barley.domain()))
            with pytest.raises(PluginError) as caught:
                answer.result(timeout=120)
    finally:
        sys.modules.pop("fovea_barley")
    assert str(caught.value) == "plugin 'barley' failed in read_samples: yielded str, want Sample or Record"
    assert caught.value.fault == "yielded str, want Sample or Record"
