"""What is checked: a guarded domain, the author's pictures, and the settings they are read with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from fovea.plugin import Domain, PolicySettings, Record, Sample, ViewSettings
from fovea.registry import Registry
from fovea.testing.outcome import Step
from fovea.workbench.config import read_toml
from fovea.workbench.sites import policy_of, split_settings, view_of

PER_UNIT = 200
"""Most samples of one unit whose pixels are looked at."""

IN_ALL = 1000
"""Most samples of all units whose pixels are looked at."""

Found: TypeAlias = Iterator[str | Step]
"""Faults as texts; a step where there is something to note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A domain with a folder of pictures, and the settings that hold there.

    Args:
        registry: holds the plugin, and nothing else.
        domain: as the registry guards it.
        root: the folder.
        view: from the folder's ``site.toml`` and the settings given.
        policy: the same.
        settings: as they were given, ``view.NAME=VALUE`` or ``policy.NAME=VALUE``.
    """

    registry: Registry
    domain: Domain
    root: Path
    view: ViewSettings
    policy: PolicySettings
    settings: Sequence[str]

    def read(self) -> tuple[Sample | Record, ...]:
        """All that ``read_samples`` yields. Raises PluginError."""
        return tuple(self.domain.read_samples(root=self.root, view=self.view))

    @property
    def side(self) -> int | None:
        """The least short side that a network of this domain would ask for, None for full size."""
        sides = [task.preprocess.side for task in self.domain.info.tasks.values()]
        return None if not sides or None in sides else max(side for side in sides if side is not None)


def subject(registry: Registry, domain: Domain, root: Path, settings: Sequence[str]) -> Subject:
    """A subject with the settings of the folder's ``site.toml``, and these over them.

    Raises:
        SettingsError: naming every mistake.
    """
    told, flags = read_toml(root / "site.toml"), split_settings(settings)
    return Subject(
        registry=registry,
        domain=domain,
        root=root,
        view=view_of(domain, told.get("view", {}), flags["view"]),
        policy=policy_of(domain, told.get("policy", {}), flags["policy"]),
        settings=settings,
    )


def samples_of(items: Sequence[Sample | Record]) -> list[Sample]:
    """The samples among what was read."""
    return [item for item in items if isinstance(item, Sample)]


def units_of(samples: Sequence[Sample]) -> Mapping[str, list[Sample]]:
    """The samples whose pixels are looked at by unit, each unit in order."""
    units: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        units[sample.of_unit].append(sample)
    left, kept = IN_ALL, {}
    for unit, members in units.items():
        members.sort(key=_in_order)
        kept[unit] = members[: min(PER_UNIT, left)]
        left -= len(kept[unit])
    return {unit: members for unit, members in kept.items() if members}


def sources_of(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Consecutive samples of one source, as ``load_images`` is given them."""
    for members in units_of(samples).values():
        for _, parts in groupby(members, key=lambda sample: sample.source):
            yield list(parts)


def _in_order(sample: Sample) -> tuple[float, float, str, str]:
    time = float("-inf") if sample.time is None else sample.time.timestamp()
    return time, sample.order, sample.source, sample.part
