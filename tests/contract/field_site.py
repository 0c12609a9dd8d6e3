"""A farm for the toy domain ``field``: two fields, a tiled orthophoto, 12 photos, two tables, three bundles, a home."""

from __future__ import annotations

import csv
import sqlite3
import struct
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import fovea_field
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw
from toy_networks import grey, write_bundle

from fovea.plugin import hookimpl
from fovea.registry import Registry
from fovea.workbench import Config, Workbench, silent

DAY = datetime(2026, 5, 10, tzinfo=UTC)
FLIGHT = DAY + timedelta(hours=12)
PHOTOS = {"north/flowering": 8, "south/tillering": 4}
TILES = 80
PICTURES = TILES + 12
SAID = {"cover": TILES, "disease": 4 * 12, "stage": 12}
"""Predictions by role: one a tile, one for each of the four leaves of a photo, one a photo."""

GREEN, RUST, BARE = (60, 150, 60), (190, 110, 40), (130, 110, 90)
TURNING = {"tillering": 90, "flowering": 180}
"""How bright the ground of a photo is at each stage."""


def draw_site(root):
    """Pictures and tables; without another hour of wet leaves the north is watched, with it it is treated."""
    for stem, count in PHOTOS.items():
        (root / stem).parent.mkdir(parents=True)
        for number in range(1, count + 1):
            draw_photo(root / f"{stem}-{number:02}.jpg", TURNING[stem.partition("/")[2]], number)
    write_tiled_tiff(root / "north" / "ortho.tif", orthophoto())
    (root / "soil.csv").write_text("field,date,nitrate\nnorth,2026-04-20,30\nsouth,2026-04-20,30\n")
    write_weather(root, hours=72)
    return root


def draw_photo(path, ground, number):
    """Four leaves on grey ground, one of them with rust, taken ``number`` times ten minutes after 8 o'clock."""
    noise = np.random.default_rng(number).integers(-4, 5, (96, 128, 1))
    picture = Pillow.fromarray(np.clip(np.full((96, 128, 3), ground) + noise, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for place in range(4):
        left = 8 + place * 30
        pen.ellipse((left, 20 + 5 * place, left + 20, 50 + 5 * place), fill=RUST if place == number % 4 else GREEN)
    exif = Pillow.Exif()
    exif.get_ifd(0x8769).update({0x9003: f"2026:05:11 {8 + number // 6:02}:{number % 6}0:00", 0x9011: "+00:00"})
    north = 30.0 if path.parent.name == "north" else 20.0
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, north, 0.0), 3: "E", 4: (13.0, 24.0, float(number))})
    picture.save(path, exif=exif, quality=95, subsampling=0)


def orthophoto():
    """8 rows of 10 tiles, the last of each row cut short; 16 of the 80 are bare."""
    tiles = np.zeros((8, 10, 3), np.uint8)
    tiles[:] = GREEN
    tiles[0, :] = tiles[7, :6] = BARE
    return tiles.repeat(32, axis=0).repeat(32, axis=1)[:, :310]


def write_tiled_tiff(path, pixels, side=32):
    """An RGB TIFF in deflated tiles (TIFF 6.0, section 15), taken at noon of the first day."""
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % side), (0, -width % side), (0, 0)))
    corners = [(top, left) for top in range(0, height, side) for left in range(0, width, side)]
    tiles = [zlib.compress(padded[y : y + side, x : x + side].tobytes()) for y, x in corners]
    starts = np.cumsum([8, *map(len, tiles)]).tolist()
    beside = b"".join(tiles)
    short, long, text, count = 3, 4, 2, len(tiles)
    tags = {256: (short, 1, width), 257: (short, 1, height), 259: (short, 1, 8), 262: (short, 1, 2)}
    tags |= {277: (short, 1, 3), 284: (short, 1, 1), 322: (short, 1, side), 323: (short, 1, side)}
    for tag, kind, number, value in (
        (258, short, 3, struct.pack("<3H", 8, 8, 8)),
        (306, text, 20, f"{FLIGHT:%Y:%m:%d %H:%M:%S}\0".encode()),
        (324, long, count, struct.pack(f"<{count}I", *starts[:-1])),
        (325, long, count, struct.pack(f"<{count}I", *map(len, tiles))),
    ):
        beside += bytes(len(beside) % 2)
        tags[tag] = (kind, number, 8 + len(beside))
        beside += value
    beside += bytes(len(beside) % 2)
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    head = struct.pack("<2sHI", b"II", 42, 8 + len(beside))
    path.write_bytes(head + beside + struct.pack("<H", len(tags)) + entries + bytes(4))


def write_weather(root, *, hours):
    """A cold wet night, a short mild one, and from the 67th hour on wet leaves in mild air."""
    with (root / "weather.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("hour", "temperature", "wetness"))
        for hour in range(hours):
            wet = hour < 9 or 27 <= hour < 31 or hour >= 67
            writer.writerow(((DAY + timedelta(hours=hour)).isoformat(), 6 if hour < 9 else 18, 0.9 if wet else 0.1))


def write_bundles(models: Path):
    """One bundle a role; the folder of each by role."""
    rules = {
        "cover": {"bare": BARE, "green": GREEN},
        "disease": {"healthy": GREEN, "rust": RUST},
        "stage": {stage: grey(level) for stage, level in TURNING.items()},
    }
    made = {
        role: write_bundle(models, domain="field", role=role, labels=tuple(rule), rule=tuple(rule.values()))
        for role, rule in rules.items()
    }
    return {role: bundle.path for role, bundle in made.items()}


def plugin(domain):
    """What a module is to the registry: an object with its hook."""

    @hookimpl
    def fovea_domains():
        return [domain]

    return SimpleNamespace(__name__="field", fovea_domains=fovea_domains)


def never():
    return False


def open_farm(root, home, bundles, module=fovea_field):
    """The site in a home of its own, served by its bundles."""
    bench = Workbench(Config(home=home, workers=0), registry=Registry.of(module))
    bench.add_site(root=root, name="farm", domain="field", title="Two fields")
    for bundle in bundles.values():
        bench.use("farm", str(bundle))
    return Farm(root, bench)


@dataclass(frozen=True)
class Farm:
    """The site ``farm`` on a workbench, and all that may be asked of it."""

    root: Path
    bench: Workbench

    @property
    def store(self):
        return self.bench.store

    @property
    def site(self):
        return self.bench.site("farm")

    def batch(self):
        return self.bench.batch("farm", workers=0, progress=silent(), stop=never)

    def rows(self, question):
        with sqlite3.connect(self.bench.config.database) as database:
            found = database.execute(question).fetchall()
        database.close()
        return found

    def said(self):
        """Rows of predictions by role, those of earlier bundles and views included."""
        return dict(self.rows("SELECT role, count(*) FROM predictions GROUP BY role"))

    def looks(self):
        """Rows of measures."""
        return self.rows("SELECT count(*) FROM measures")[0][0]

    def decisions(self):
        of_units = self.store.decisions(self.site.id).items()
        return {(unit, decision.key): decision for unit, made in of_units for decision in made}

    def events(self):
        """What a listener is told that it has not heard yet."""
        told = []
        while due := self.store.events.due(listener="ear", now=datetime.now(UTC)):
            for one in due:
                self.store.events.delivered(one.event.id, listener="ear")
                told.append(one.event)
        return told

    def results(self):
        key = self.store.batches(self.site.id)[-1].key
        return list(self.store.results(site=self.site.id, key=key))

    def left_behind(self):
        """All that batches leave, without the moments of making."""
        return {
            "results": self.results(),
            "decisions": self.decisions(),
            "cases": [(case.number, case.unit, case.decision, case.state) for case in self.bench.cases()],
            "events": [(event.id, event.kind, event.subject, event.facts) for event in self.events()],
            "quarantined": [replace(row, time=DAY) for row in self.bench.quarantine("farm")],
            "rows": (self.said(), self.looks()),
        }
