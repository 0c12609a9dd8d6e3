"""Shape a of the contract: cameras, as somebody who only knows ``fovea.plugin`` would write them.

A camera is a folder of PNG files named after their milliseconds since noon. It is served on loopback: the server
waits for the next file, and ends the stream when a file named ``end`` lies there, so a test decides when time goes
on. A person is a bright patch; what the mask covers is nobody's business.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import cv2
import numpy as np

from fovea.plugin import (
    Decision,
    Domain,
    DomainInfo,
    Evidence,
    Fitted,
    Image,
    Measures,
    PolicySettings,
    Preprocess,
    Result,
    Sample,
    Step,
    Stream,
    TaskSpec,
    Tick,
    ViewSettings,
    Workflow,
    find_files,
    hookimpl,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
QUIET_S = 30.0


class View(ViewSettings):
    mask: tuple[float, float, float, float] = (0, 0, 0, 0)  # left, top, right, bottom in fractions


class Policy(PolicySettings):
    silent_s: float = 3.0


def read_samples(root, view):
    for path in find_files(root):
        camera, _, name = path.rpartition("/")
        yield Sample(source=path, unit=camera, time=NOON + timedelta(milliseconds=int(name.removesuffix(".png"))))


def prepare(image, sample, view):
    """Black out what must not be seen."""
    left, top, right, bottom = view.mask
    height, width = image.pixels.shape[:2]
    pixels = image.pixels.copy()
    pixels[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = 0
    return Image(pixels=pixels, scale=image.scale)


def measure(pairs, view, fitted):
    """How much changed since the frame before: state that lives from frame to frame."""
    before = None
    for _, image in pairs:
        grey = image.pixels.mean(axis=2)
        yield Measures(values={"change": 0.0 if before is None else float(np.abs(grey - before).mean())})
        before = grey


def fit(units, view, policy):
    """A person must look surer than anything that a reviewer called false."""
    false = [
        entry.best("presence").scores.get("person", 0.0)
        for entries in units.values()
        for entry in entries
        if isinstance(entry, Result) and entry.predictions and entry.sample.targets.get("review") == "false"
    ]
    return Fitted(values={"above": max(false, default=0.5)})


def decide(entries, policy, fitted):
    """An alarm from the first frame with a person to the last, and a notice where the camera falls silent."""
    above = float(fitted.values.get("above", 0.5))
    start, last, ticks = None, None, 0
    for entry in entries:
        if isinstance(entry, Tick):
            ticks += 1
            if ticks == policy.silent_s:
                yield Decision(key=f"silence-{entry.time:%H%M%S}", subject="camera", label="silent", level="notice")
        elif isinstance(entry, Result):
            ticks, said = 0, entry.best("presence")
            if said is not None and said.scores.get("person", 0.0) > above:
                start, last = start or entry, entry
                yield alarm(start, last, "open")
            elif start is not None:
                yield alarm(start, last, "closed")
                start = None
    if start is not None:
        yield alarm(start, last, "closed")


def alarm(start, last, state):
    return Decision(
        key=f"person-{start.sample.time:%H%M%S}",
        subject=start.sample.of_unit,
        label="person",
        level="alarm",
        state=state,
        start=start.sample.time,
        end=last.sample.time,
        reason="A bright patch was seen.",
        evidence=(Evidence(source=start.sample.source, part=start.sample.part, note="first seen"),),
    )


def open_camera(url, view):
    """Frames as they come, from the first one that the camera remembers."""
    base, after = f"http{url.removeprefix('toycam')}", "0"
    while True:
        with urlopen(f"{base}?after={after}", timeout=60) as answer:
            if answer.status == 204:
                return
            after, content = answer.headers["X-Name"], answer.read()
        pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        time = NOON + timedelta(milliseconds=int(after))
        yield Sample(source="camera", part=after, time=time), Image(pixels=pixels)


@contextmanager
def rehearsed(folder):
    """A folder's frames as one camera that ends after the last."""
    with served(folder, patient=False) as url:
        yield url


@contextmanager
def served(folder, *, patient=True):
    """The cameras below a folder on loopback, each below its own name; yields what their addresses begin with."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(Path(folder), patient))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"toycam://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(folder, patient):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, after = self.path.partition("?after=")
            camera = folder / path.strip("/")
            while (frame := following(camera, int(after))) is None:
                if not patient or (camera / "end").exists():
                    self.send_response(204)
                    self.end_headers()
                    return
                time.sleep(0.02)
            if not patient:
                time.sleep(0.01)  # long enough to be killed in the middle
            content = frame.read_bytes()
            self.send_response(200)
            self.send_header("X-Name", frame.stem)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever asked was killed meanwhile
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    return Handler


def following(camera, after):
    """The first frame that is younger than ``after``."""
    younger = sorted((int(path.stem), path) for path in camera.glob("*.png") if int(path.stem) > after)
    return younger[0][1] if younger else None


REVIEW = Workflow(
    states=("new", "judged"),
    steps=(Step(verb="judge", source=("new", "judged"), target="judged"),),
    final=("judged",),
)

INFO = DomainInfo(
    name="cameras",
    title="Cameras",
    intended_use="Tells a person from an empty view, in tests.",
    limits="Nothing else.",
    tasks={"presence": TaskSpec(kind="classify", preprocess=Preprocess(size=8, fit="squash", decode="full"))},
    view=View,
    policy=Policy,
    keep=(2.0, 2.0),
    quiet_s=QUIET_S,
    workflow=REVIEW,
)


@hookimpl
def fovea_domains():
    return [
        Domain(
            info=INFO,
            read_samples=read_samples,
            prepare=prepare,
            measure=measure,
            fit=fit,
            decide=decide,
            streams={"toycam": Stream(kind="frames", open=open_camera, rehearse=rehearsed)},
        )
    ]
