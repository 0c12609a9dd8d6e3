from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fovea.engine.judging.evaluate import look
from fovea.errors import Stopped, UnknownName
from fovea.plugin import Decision, Domain, Result, Sample, find_files, hookimpl, per_picture
from fovea.registry import Registry
from fovea.serving.bundle import FILES, write_bundle
from fovea.workbench import plain, silent
from fovea.workbench.units import wilson


def read_lamps(root, view):
    """``hall/lamp-LABEL.toy``: each lamp is a group of its own, a hall is a unit; a name without a label has none."""
    for path in find_files(root, frozenset({".toy"})):
        hall, name = path.split("/")
        lamp, _, label = name.removesuffix(".toy").partition("-")
        targets = {"light": label} if label else {}
        yield Sample(source=path, group=f"{hall}/{lamp}", unit=hall, targets=targets, attributes={"maker": lamp[0]})


def decide(entries, policy, fitted):
    results = [entry for entry in entries if isinstance(entry, Result)]
    if results[0].sample.of_unit == "cellar":
        raise ValueError("a cellar is no hall")
    seen = [entry.best("light").label for entry in results]
    is_bright = seen.count("bright") > len(seen) / 2
    label, level = ("bright", "warning") if is_bright else ("dark", "normal")
    yield Decision(key="hall", subject="the hall", label=label, level=level)


@pytest.fixture
def registry():
    import fovea_toy as toy

    parts = {"load_images": toy.load_images, "measure": per_picture(toy.brightness), "decide": decide}
    made = Domain(info=toy.domain().info, read_samples=read_lamps, **parts)
    return Registry.of(SimpleNamespace(__name__="toy", fovea_domains=hookimpl(lambda: [made])))


@pytest.fixture
def halls(tmp_path):
    """Twelve halls of three lamps: those of maker ``a`` are told right, of maker ``b`` every second is not."""
    root = tmp_path / "halls"
    for hall in range(12):
        (root / f"hall{hall:02}").mkdir(parents=True)
        for lamp in range(3):
            is_bright = hall % 2 == 0
            maker = "ab"[lamp == 2]
            is_fooled = maker == "b" and hall % 4 < 2
            level = (200 if is_bright != is_fooled else 40) + 3 * hall + lamp  # no two look alike
            name = f"{maker}{lamp}-{'bright' if is_bright else 'dark'}.toy"
            (root / f"hall{hall:02}" / name).write_text(f"level {level}")
    return root


def evaluate(bench, halls, **asked):
    return bench.evaluate(model="lamp", folder=halls, progress=silent(), **asked)


def test_an_evaluation_tells_curves_calibration_and_where_it_is_worse(bench, train, halls):
    train("lamp")
    judged = evaluate(bench, halls)
    assert [curve.label for curve in judged.curves] == ["dark", "bright"]
    assert all(0.7 < one["auroc"] < 0.9 for one in judged.classes)
    assert sum(one.number for one in judged.reliability.calibrated) == 36
    assert [(one.value, one.pictures, one.flagged) for one in judged.subgroups] == [("a", 24, True), ("b", 12, True)]
    json.dumps(plain(judged), allow_nan=False)


def test_it_is_judged_by_what_is_asked_for(bench, train, halls):
    train("lamp")
    assert {one.by for one in evaluate(bench, halls, by=["group.2"]).subgroups} == {"group.2"}
    with pytest.raises(UnknownName, match="no attribute of these pictures 'makr'; did you mean 'maker'"):
        evaluate(bench, halls, by=["makr"])


def test_decisions_stand_beside_the_labels_of_their_units(bench, train, halls):
    train("lamp")
    units = evaluate(bench, halls, per_decision=True).units
    assert (units.units, units.left_out, units.faults) == (12, 0, ())
    bright, dark = units.labels
    assert (bright.label, bright.units, bright.flagged[0], bright.said[0]) == ("bright", 6, 1.0, 1.0)
    assert (dark.label, dark.flagged[0], dark.said_elsewhere[0]) == ("dark", 0.0, 0.0)
    assert bright.flagged[1] < 0.7  # six halls are few


def test_units_that_were_learned_from_are_left_out(bench, toy_bundle, halls, tmp_path):
    domain = bench.registry.domain("toy")
    seen = look(domain=domain, root=halls, view=domain.info.view(), bundle=toy_bundle, progress=silent())
    (lamp,) = [row for row in seen.rows if row.source == "hall00/a0-bright.toy"]
    files = {one: toy_bundle.path / one for one in FILES if one not in {"bundle.json", "card.md"}}
    files["learned.bin"] = tmp_path / "learned.bin"
    files["learned.bin"].write_bytes(bytes.fromhex(lamp.digest))
    write_bundle(replace(toy_bundle, name="lamp"), models=bench.config.models, files=files, card="# lamp\n")
    judged = evaluate(bench, halls, per_decision=True)
    assert (judged.learned, judged.units.units, judged.units.left_out) == (1, 11, 1)


def test_a_unit_that_cannot_be_decided_is_named(bench, train, halls):
    train("lamp")
    (halls / "hall11").rename(halls / "cellar")
    units = evaluate(bench, halls, per_decision=True).units
    assert units.units == 11
    assert [fault.split(":")[0] for fault in units.faults] == ["cellar"]
    assert "a cellar is no hall" in units.faults[0]


def test_a_page_holds_what_was_judged_and_no_script(bench, train, halls, tmp_path):
    train("lamp")
    page = evaluate(bench, halls, per_decision=True, page=tmp_path / "pages" / "lamp.html").page
    text = page.read_text("utf-8")
    for heading in ("Each label", "What it takes for what", "(ROC)", "Whether its probabilities hold", "as good every"):
        assert heading in text
    assert "maker: b" in text
    assert "<script" not in text
    assert [path.name for path in page.parent.iterdir()] == ["lamp.html"]


def test_a_page_shows_what_was_answered_worst(bench, train, halls):
    train("lamp")
    (halls / "hall20").mkdir()
    (halls / "hall20" / "b2-bright.toy").write_text("level 1")
    page = evaluate(bench, halls, page=halls.parent / "worst.html").page
    text = page.read_text("utf-8")
    _, _, worst = text.partition("Answered worst</h2>")
    assert "is bright, said dark" in worst
    assert worst.index("hall20") < worst.index("Wrong, those first")
    assert "data:image/jpeg" in worst


def test_two_models_are_compared_on_the_same_pictures(bench, train, halls, tmp_path):
    train("hasty", 0.3)
    train("lamp", 1.0)
    page = tmp_path / "page.html"
    done = bench.judging.compare(
        before="hasty", after="lamp", folder=halls, page=page, progress=silent(), stop=lambda: False
    )
    assert done.changes["accuracy"].difference.value == 0
    assert done.changes["log_loss"].verdict == "better"  # less sure where it is wrong
    assert "lamp is better in log loss" in page.read_text("utf-8")


def test_comparing_stops_when_it_is_asked_to(bench, train, halls):
    train("lamp")
    with pytest.raises(Stopped):
        bench.judging.compare(before="lamp", after="lamp", folder=halls, progress=silent(), stop=lambda: True)


def test_a_training_is_shown_beside_the_version_before_and_its_split_can_be_taken_again(bench, halls, tmp_path):
    tiny = ("backbone=torchvision:squeezenet1_1", "weights=none", "size=32", "epochs=1", "batch_size=8", "threads=1")
    asked = {"domain": "toy", "folder": halls, "name": "lamp", "progress": silent(), "stop": lambda: False}
    first = bench.train(recipe=tiny, **asked)
    table = tmp_path / "split.csv"
    table.write_bytes(bench.split(first.run) + b"gone.toy,,,gone,test\n")
    second = bench.train(recipe=(*tiny, f"split={table}", "seed=7"), **asked)
    assert bench.split(second.run) == bench.split(first.run)
    assert second.unknown == ("gone.toy",)
    assert "Before and after" not in first.judged.page.read_text("utf-8")
    assert f'<th scope="col">{second.before}</th>' in second.judged.page.read_text("utf-8")
    assert second.judged.page == bench.run(second.run).folder / "evaluation.html"


def test_a_training_without_a_split_has_none_to_show(bench):
    with pytest.raises(UnknownName):
        bench.split("lamp-1")


def test_wilson_intervals_stay_within_0_and_1():
    assert wilson(0, 5)[1] == pytest.approx(0)
    assert wilson(5, 5)[2] == 1
    assert wilson(5, 5)[1] == pytest.approx(0.566, abs=0.001)
