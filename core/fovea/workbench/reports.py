"""From the store to a page: the site's view for a plugin's report, its thumbnails, and the files written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fovea.errors import DataError, FoveaError, PluginError, UnknownName
from fovea.live.clips import still
from fovea.plugin import Domain, Gallery, Image, Picture, Quarantined, Report, Sample, SiteView, Unreadable
from fovea.report import to_csv, to_html, to_json
from fovea.serving.preprocess import thumbnail
from fovea.serving.score import Job
from fovea.store.store import Store
from fovea.store.values import Site
from fovea.workbench.config import Config
from fovea.workbench.sites import job_of, policies_of
from fovea.workbench.views import Exported, ReportFiles

THUMBNAIL = 320
"""Longest side of a report's thumbnails, in pixels."""


class _Pictures:
    """Prepared pixels by (source, part): the same way through ``load_images`` and ``prepare`` as everywhere.

    A picture is shown only with the sample the store knows, since a mask may hang on its unit. Of a stream, the
    frames are left that decisions named as their evidence: they were prepared when they came.
    """

    def __init__(self, job: Job, view: SiteView, clips: Path | None) -> None:
        self._job, self._view, self._clips = job, view, clips
        self._samples: dict[tuple[str, str], Sample] = {}

    def know(self, keys: Iterable[tuple[str, str]]) -> None:
        """Look these samples up in one pass over the results."""
        wanted = set(keys) - set(self._samples)
        if wanted:
            found = (result.sample for result in self._view.results())
            self._samples.update((sample.key, sample) for sample in found if sample.key in wanted)

    def load(self, source: str, part: str, side: int | None = None) -> Image | Unreadable:
        """The prepared picture, or why there is none."""
        kept = _kept(self._clips, source, part)
        if kept is not None:
            return kept
        self.know([(source, part)])
        sample = self._samples.get((source, part))
        if sample is None:
            return Unreadable(code="unknown", reason="The site has no result for this picture.")
        viewing = self._job.viewing(sample.of_unit, side, measured=False)
        try:
            seen = next(iter(viewing.see([sample])))
        finally:
            viewing.close()
        image: Image | None = getattr(seen, "image", None)
        fault = getattr(seen, "fault", None) or Unreadable(code="plugin", reason="The plugin failed on this picture.")
        return image if image is not None else fault

    def thumbnail(self, picture: Picture) -> bytes | None:
        """A small JPEG, None where the picture cannot be had."""
        image = self.load(picture.source, picture.part, THUMBNAIL)
        return thumbnail(image, THUMBNAIL) if isinstance(image, Image) else None


def _kept(clips: Path | None, source: str, part: str) -> Image | None:
    """The frame of a stream that a decision named, as it was prepared when it came."""
    path = None if clips is None else still(clips, source, part)
    if path is None or not path.is_file():
        return None
    import cv2

    pixels = cv2.imread(str(path))
    return None if pixels is None else Image(pixels=cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype("uint8"))


def look_at_site(store: Store, domain: Domain, site: Site, clips: Path | None = None) -> tuple[SiteView, _Pictures]:
    """What the store knows of a site under the key of its last batch; ``clips``: its folder of clips.

    Raises:
        DataError: no batch has run.
    """
    batches = store.batches(site.id)
    if not batches:
        raise DataError(f"nothing has been worked through at '{site.name}' yet; run: fovea batch {site.name}")
    key = batches[-1].key
    view = SiteView(
        name=site.name,
        title=site.title,
        made=datetime.now(UTC),
        results=lambda: store.results(site=site.id, key=key),
        records=lambda: store.records(site=site.id),
        picture=lambda source, part: pictures.load(source, part),  # noqa: PLW0108 - made two lines below
        decisions=store.decisions(site.id),
        cases=store.cases(site=site.id),
        quarantined=tuple(
            Quarantined(source=row.source, part=row.part, code=row.code, reason=row.reason)
            for row in store.quarantined(site.id)
            if row.source
        ),
        coverage=store.coverage(site=site.id),
        clips=store.live.clips(site.id),
        line_up={entry.role: entry.name for entry in store.line_up(site.id)},
    )
    pictures = _Pictures(job_of(store, domain, site), view, clips)
    return view, pictures


def make_report(config: Config, store: Store, domain: Domain, site: Site) -> tuple[Report, _Pictures]:
    """The domain's report on a site; what produced it stands at the end."""
    view, pictures = look_at_site(store, domain, site, config.clips / site.name)
    report: Report = domain.report(site=view, policy=policies_of(store, domain, site).site)
    used = {f"model for {entry.role}": f"{entry.name} ({entry.digest[:12]})" for entry in store.line_up(site.id)}
    return replace(report, facts={**used, **report.facts}), pictures


def write_report(config: Config, store: Store, domain: Domain, site: Site, folder: Path | None) -> ReportFiles:
    """Write a report as one HTML page, one JSON document and CSV tables; the page appears whole or not at all.

    Raises:
        FoveaError: the folder cannot be written.
    """
    report, pictures = make_report(config, store, domain, site)
    pictures.know((p.source, p.part) for block in report.blocks if isinstance(block, Gallery) for p in block.pictures)
    folder = folder or config.reports / site.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page = to_html(report, thumbnail=pictures.thumbnail, made=datetime.now(UTC))
        html = _write(folder / "report.html", page)
        data = _write(folder / "report.json", to_json(report))
        tables = to_csv(report, folder / "tables")
    except OSError as error:
        raise FoveaError(f"the report could not be written to {folder}: {error.strerror or error}") from None
    return ReportFiles(title=report.title, summary=report.summary, html=html, json=data, csv=tables)


def _write(path: Path, text: str) -> Path:
    beside = path.with_suffix(f"{path.suffix}.part")
    beside.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(beside, path)
    return path


def export(config: Config, store: Store, domain: Domain, site: Site, *, name: str, target: Path | None) -> Exported:
    """Write a domain's own format and open it again to check it."""
    if name not in domain.exports:
        raise UnknownName(f"export of the domain {domain.info.name}", name, sorted(domain.exports))
    exporter = domain.exports[name]
    view, _ = look_at_site(store, domain, site, config.clips / site.name)
    path = target or config.reports / site.name / f"{site.name}{exporter.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = _version(path)
    exporter.write(site=view, target=path, policy=policies_of(store, domain, site).site)
    if _version(path) in {None, before}:
        raise PluginError(domain.info.name, f"exports['{name}'].write", f"wrote nothing to {path}")
    return Exported(path=path, faults=tuple(exporter.check(path=path)))


def _version(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from one written before; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
