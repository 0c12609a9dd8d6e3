from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fovea.errors import UsageError
from fovea.plugin import Decision, Domain, DomainInfo, Fitted, Image, Sample, find_files, hookimpl
from fovea.progress import silent
from fovea.registry import Registry
from fovea.workbench import Config, Workbench


def read_samples(root, view):
    for path in find_files(root, frozenset({".txt"})):
        yield Sample(source=path, unit="yard")


def load_images(root, samples, view, side):
    for _ in samples:
        yield Image(pixels=np.zeros((4, 4, 3), np.uint8))


def decide(entries, policy, fitted):
    """An alarm for each picture beyond as many as are usual."""
    for number, entry in enumerate(entries):
        if number >= fitted.values.get("usual", 0):
            yield Decision(key=entry.sample.source, subject="yard", label="too many", level="alarm")


def fit(units, view, policy):
    return Fitted(values={"usual": len(units["yard"]) - 1}, arrays={"counts": np.arange(6.0).reshape(3, 2)})


@pytest.fixture
def yard(tmp_path):
    """Make a workbench with a site of three pictures that was worked through."""
    (tmp_path / "pictures").mkdir()
    for name in "abc":
        (tmp_path / "pictures" / f"{name}.txt").touch()
    made = []

    def make(**parts):
        info = DomainInfo(name="toy", title="Toy", intended_use="Tests.", limits="Nothing else.")
        domain = Domain(info=info, read_samples=read_samples, load_images=load_images, decide=decide, **parts)
        plugin = SimpleNamespace(__name__="toy", fovea_domains=hookimpl(lambda: [domain]))
        bench = Workbench(Config(home=tmp_path / "home", workers=0), registry=Registry.of(plugin))
        bench.add_site(root=tmp_path / "pictures", name="yard", domain="toy")
        bench.batch("yard", progress=silent(), stop=lambda: False)
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.close()


def test_a_fit_is_shown_and_not_kept_unless_asked_to(yard):
    bench = yard(fit=fit)
    shown = bench.fit("yard")
    assert (shown.values, shown.arrays, shown.kept) == ({"usual": 2}, {"counts": "float64 3 x 2"}, "")
    assert (shown.preview.before, shown.preview.after) == (3, 1)
    assert bench.store.fitted(bench.site("yard").id) == {}


def test_kept_numbers_hold_for_the_next_batch_and_say_who_kept_them(yard):
    bench = yard(fit=fit)
    kept = bench.fit("yard", keep=True, actor="ann").kept
    row = bench.store.audit_rows()[-1]
    assert (row.action, row.actor, row.facts["digest"]) == ("fitted.put", "ann", kept)
    assert bench.batch("yard", progress=silent(), stop=lambda: False).findings == 1
    assert bench.fit("yard").preview.changes == ()


def test_numbers_may_be_a_units_own(yard):
    bench = yard(fit=fit)
    assert bench.fit("yard", unit="yard", keep=True, actor="ann").unit == "yard"
    assert list(bench.store.fitted(bench.site("yard").id)) == ["yard"]


def test_a_domain_without_a_fit_of_its_own_says_so(yard):
    with pytest.raises(UsageError, match="the domain 'toy' has no numbers to fit"):
        yard().fit("yard")
