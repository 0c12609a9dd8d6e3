"""The plainest of domains: pictures in folders by label, nothing measured beside what the network says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fovea.plugin import Domain, DomainInfo, Preprocess, Sample, TaskSpec, ViewSettings, find_files, hookimpl

SIZE = 224


def read(root: Path, view: ViewSettings) -> Iterator[Sample]:  # noqa: ARG001 - the contract's names
    for path in find_files(root):
        yield Sample(source=path, targets={"kind": path.split("/")[0]}, group=path)


@hookimpl
def fovea_domains() -> list[Domain]:
    info = DomainInfo(
        name="plain",
        title="Pictures",
        intended_use="Measuring.",
        limits="Nothing else.",
        tasks={"kind": TaskSpec(kind="classify", preprocess=Preprocess(size=SIZE))},
    )
    return [Domain(info=info, read_samples=read)]
