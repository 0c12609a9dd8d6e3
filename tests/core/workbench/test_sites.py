from __future__ import annotations

import shutil

import pytest

from fovea.errors import BundleRefused, SettingsError, UsageError
from fovea.serving.bundle import open_bundle
from fovea.workbench.sites import serving, split_settings


@pytest.fixture
def hall(bench, pictures):
    return bench.add_site(root=pictures, name="hall", domain="toy").site


def as_before_versions(bundle):
    """A bundle as it lay before there were versions: a folder of the plain name."""
    link = bundle.path.with_name(f"{bundle.name}.fovea")
    link.unlink()
    bundle.path.rename(link)
    return link


def test_texts_of_another_form_are_told_at_once():
    with pytest.raises(SettingsError) as told:
        split_settings(["view.sharp", "sure=1", "policy.sure=1"])
    assert [mistake.split(":")[0] for mistake in told.value.mistakes] == ["view.sharp", "sure=1"]


def test_mistakes_in_view_and_policy_are_told_at_once_and_nothing_is_stored(bench, hall):
    with pytest.raises(SettingsError) as told:
        bench.change_settings("hall", ["view.delay_s=slow", "policy.wet=1", "policy.wet_mm=3"])
    assert told.value.mistakes == (
        "view.delay_s: want a number, not 'slow'",
        "policy.wet: there is no such setting; did you mean 'wet_mm'?",
    )
    assert bench.site_settings("hall")["policy"].wet_mm == 5


@pytest.mark.parametrize(
    "text,mistake",
    [
        ("site = 5", "site: want a table of name, title, domain, not 5"),
        ("view = 5", "view: want a table, not 5"),
        ("[site]\nname = 5", "site.name: want a text, not 5"),
        ("[veiw]\n", "veiw: there is no such setting; did you mean 'view'?"),
    ],
)
def test_mistakes_in_a_sites_file_are_told_with_its_path(bench, pictures, text, mistake):
    path = pictures / "site.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as told:
        bench.add_site(root=pictures, domain="toy")
    assert told.value.mistakes == (f"{path}: {mistake}",)


def test_flags_win_over_the_sites_file(bench, pictures):
    (pictures / "site.toml").write_text(
        '[site]\nname = "yard"\ndomain = "toy"\n[policy]\nwet_mm = 1\n[view]\ndelay_s = 0.5'
    )
    site = bench.add_site(root=pictures, settings=["policy.wet_mm=2"]).site
    settings = bench.site_settings("yard")
    assert (site.name, settings["policy"].wet_mm, settings["view"].delay_s) == ("yard", 2, 0.5)


def test_a_site_from_before_versions_goes_on_with_its_model_after_a_training(bench, train, hall):
    elder = train("lamp", 1.0)
    link = as_before_versions(elder)
    bench.store.set_bundle(site=hall.id, role="light", name="lamp", path=link, digest=elder.digest)
    assert serving(bench.store, hall) == {"light": link}
    train("lamp", 2.0)
    assert open_bundle(serving(bench.store, hall)["light"]).digest == elder.digest


def test_another_model_in_the_place_of_one_that_is_gone_does_not_slip_in(bench, train, hall):
    elder = train("lamp", 1.0)
    link = as_before_versions(elder)
    bench.store.set_bundle(site=hall.id, role="light", name="lamp", path=link, digest="0" * 64)
    with pytest.raises(UsageError, match=r"lamp@00000000 that serves 'hall' is gone.*run: fovea site use hall .*lamp"):
        serving(bench.store, hall)


def test_a_model_that_is_gone_is_refused(bench, train, hall):
    made = train("lamp")
    bench.use("hall", "lamp")
    made.path.rename(made.path.with_name("elsewhere"))
    with pytest.raises(BundleRefused, match="there is no such folder"):
        serving(bench.store, hall)


def test_a_site_whose_model_is_gone_can_still_be_looked_at(bench, hall, train):
    train("lamp")
    bench.use("hall", "lamp")
    shutil.rmtree(bench.config.models)
    shown = bench.site_settings("hall")
    assert shown["policy"].wet_mm == 5
    assert "no such folder" in shown["fault"]
