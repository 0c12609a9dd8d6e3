from __future__ import annotations

import shutil

import pytest

from fovea.errors import BundleRefused, DataError, SettingsError, Stopped, UnknownName
from fovea.workbench import Workbench, load_config, silent


def after(count):
    """A stop that is asked for when it is looked for the ``count``-th time."""
    looks = iter(range(count - 1))
    return lambda: next(looks, None) is None


def listed(bench):
    return [(model.name, model.current) for model in bench.models()]


def test_a_model_trained_again_is_listed_with_the_version_before(bench, train):
    elder, newer = train("leaves", 1.0), train("leaves", 2.0)
    train("apples")
    assert listed(bench) == [("apples", True), ("leaves", True), (f"leaves@{elder.digest[:8]}", False)]
    assert bench.model("leaves").digest == newer.digest
    assert bench.model(f"leaves@{elder.digest[:8]}").digest == elder.digest


def test_older_versions_are_listed_with_the_latest_first(bench, train):
    first, second, _ = (train("leaves", temperature) for temperature in (1.0, 2.0, 3.0))
    names = [name for name, _ in listed(bench)]
    assert names == ["leaves", f"leaves@{second.digest[:8]}", f"leaves@{first.digest[:8]}"]


def test_a_model_from_before_versions_is_listed_and_found(bench, train):
    made = train("leaves")
    link = made.path.with_name("leaves.fovea")
    link.unlink()
    made.path.rename(link)
    assert listed(bench) == [("leaves", True)]
    assert bench.model("leaves").digest == made.digest


def test_a_name_that_leads_nowhere_is_listed_with_its_fault(bench, train):
    shutil.rmtree(train("leaves").path)
    (model,) = bench.models()
    assert (model.name, model.fault) == ("leaves", "there is no such folder; name a bundle's folder")


def test_a_version_whose_name_was_never_written_is_found_by_the_name_of_the_model(bench, train):
    made = train("leaves")
    made.path.with_name("leaves.fovea").unlink()  # a training was killed right before
    assert bench.model("leaves").digest == made.digest


def test_an_unknown_model_is_answered_with_the_names_there_are(bench, train):
    elder = train("leaves", 1.0)
    train("leaves", 2.0)
    with pytest.raises(UnknownName) as told:
        bench.model("leafs")
    assert told.value.known == ("leaves", f"leaves@{elder.digest[:8]}")


def test_every_mistake_of_a_training_is_told_at_once(tmp_path, registry, pictures):
    (tmp_path / "fovea.toml").write_text('workers = "many"')
    bench = Workbench(lambda: load_config(home=str(tmp_path / "home"), folder=tmp_path), registry=registry)
    with pytest.raises(SettingsError) as told:
        bench.train(
            domain="toy",
            folder=pictures,
            recipe=["size=huge", "epochs"],
            settings=["view.delay_s=slow", "policy.wet_mm=much", "sharp=1"],
            progress=silent(),
            stop=lambda: False,
        )
    names = [mistake.split(": want")[0] for mistake in told.value.mistakes]
    assert names == [
        "fovea.toml: workers",
        "recipe.size",
        "recipe.epochs",
        "view.delay_s",
        "policy.wet_mm",
        "sharp=1",
    ]
    assert not (tmp_path / "home").exists()


def test_a_file_is_no_folder_to_train_on(bench, pictures):
    with pytest.raises(DataError, match=r"00000\.toy is a file, not a folder"):
        bench.train(domain="toy", folder=pictures / "u0" / "00000.toy", progress=silent(), stop=lambda: False)


def test_an_unknown_role_leaves_no_run_behind(bench, pictures):
    with pytest.raises(UnknownName, match="there is no role of the domain toy 'lihgt'; did you mean 'light'"):
        bench.train(domain="toy", folder=pictures, role="lihgt", progress=silent(), stop=lambda: False)
    assert bench.runs() == ()


def test_predict_answers_for_every_picture(bench, train, pictures):
    train("lamp")
    answers = bench.predict(model="lamp", paths=[pictures], progress=silent())
    assert [answer.label for answer in answers] == ["dark"] * 5 + ["bright"] * 3


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_work_that_is_asked_to_stop_ends_at_once_and_stores_nothing(bench, train, pictures, verb):
    train("lamp")
    given = {"paths": [pictures]} if verb == "predict" else {"folder": pictures}
    before = sorted(bench.config.home.rglob("*"))
    with pytest.raises(Stopped, match="stopped; nothing was stored") as told:
        getattr(bench, verb)(model="lamp", **given, progress=silent(), stop=after(1))
    assert told.value.exit_code == 130
    assert sorted(bench.config.home.rglob("*")) == before


def test_a_stop_half_way_ends_before_the_next_pictures(bench, train, pictures):
    train("lamp")
    for number in range(100, 140):
        (pictures / "u0" / f"{number:05}.toy").write_text("level 9")
    looked = []

    def stop():
        looked.append(1)
        return len(looked) == 3

    with pytest.raises(Stopped):
        bench.predict(model="lamp", paths=[pictures], progress=silent(), stop=stop)
    assert len(looked) == 3


def test_a_missing_file_is_told_before_anything_is_asked(bench, train, pictures):
    train("lamp")
    started = []

    class Noting:
        def start(self, title, total):
            started.append(title)

    with pytest.raises(DataError, match=r"there is no file or folder .*nothing\.toy"):
        bench.predict(model="lamp", paths=[pictures, pictures / "nothing.toy"], progress=Noting())
    assert started == []


def test_a_site_goes_on_with_the_version_that_was_put_to_use(bench, train, pictures):
    site = bench.add_site(root=pictures, name="hall", domain="toy").site.name
    elder = train("lamp", 1.0)
    bench.use(site, "lamp")
    first = bench.batch(site, progress=silent(), stop=lambda: False)
    assert bench.outdated(site) == ()
    newer = train("lamp", 2.0)
    again = bench.batch(site, progress=silent(), stop=lambda: False)
    assert (first.scored, again.scored, again.known) == (8, 0, 8)
    assert [entry.digest for entry in bench.outdated(site)] == [elder.digest]
    bench.use(site, "lamp")
    assert bench.line_up(site)[0].digest == newer.digest
    assert bench.outdated(site) == ()
    assert bench.batch(site, progress=silent(), stop=lambda: False).scored == 8


def test_a_site_may_go_back_to_an_older_version(bench, train, pictures):
    site = bench.add_site(root=pictures, name="hall", domain="toy").site.name
    elder = train("lamp", 1.0)
    train("lamp", 2.0)
    assert bench.use(site, f"lamp@{elder.digest[:8]}").digest == elder.digest
    assert bench.batch(site, progress=silent(), stop=lambda: False).scored == 8


def test_a_damaged_version_is_refused_and_never_replaced_by_another(bench, train, pictures):
    site = bench.add_site(root=pictures, name="hall", domain="toy").site.name
    elder = train("lamp", 1.0)
    bench.use(site, "lamp")
    train("lamp", 2.0)
    (elder.path / "card.md").write_text("changed")
    with pytest.raises(BundleRefused, match=r"card\.md does not match its sum"):
        bench.batch(site, progress=silent(), stop=lambda: False)
