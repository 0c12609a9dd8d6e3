"""A plugin that is sound but for a domain name that somebody else has."""

from __future__ import annotations

from fovea.plugin import Domain, DomainInfo, Sample, TaskSpec, find_files, hookimpl


def read_samples(root, view):
    for source in find_files(root):
        yield Sample(source=source)


@hookimpl
def fovea_domains():
    info = DomainInfo(
        name="crop",
        title="Another crop",
        intended_use="Takes a name that is taken.",
        limits="Not to be used.",
        tasks={"kind": TaskSpec(kind="classify")},
    )
    return [Domain(info=info, read_samples=read_samples)]
