"""Shape b of the contract: studies of slices that arrive as files, as somebody who only knows ``fovea.plugin`` writes.

A slice is a file: one line of JSON (study, number), then 8 x 8 x 3 bytes of pixels. A sender on loopback hands out
the files of a folder in a shuffled order, and each again until it is acknowledged. Three labels are decided for
each study from the slices that speak for them; where too few are sure, the label abstains and asks for a person.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np

from fovea.plugin import (
    Arrival,
    Decision,
    Domain,
    DomainInfo,
    Evidence,
    Exporter,
    Image,
    Measures,
    PolicySettings,
    Preprocess,
    Result,
    Sample,
    Step,
    Stream,
    TaskSpec,
    Unreadable,
    ViewSettings,
    Workflow,
    find_files,
    hookimpl,
)

SIDE = 8
LABELS = ("bleeding", "fracture", "nodule")
QUIET_S = 3.0


class View(ViewSettings):
    pass


class Policy(PolicySettings):
    sure: float = 0.8  # probability from which a slice speaks for a label, or from which 1 - p speaks against it
    slices: int = 3  # that many must speak for it


def read_samples(root, view):
    for path in find_files(root, frozenset({".slice"})):
        head = json.loads((root / path).read_bytes().partition(b"\n")[0])
        yield Sample(source=path, unit=head["study"], group=head["study"], order=float(head["number"]))


def load_images(root, samples, view, side):
    for sample in samples:
        content = (root / sample.source).read_bytes().partition(b"\n")[2]
        if len(content) != SIDE * SIDE * 3:
            yield Unreadable(code="truncated", reason="The slice has too few pixels.")
        else:
            yield Image(pixels=np.frombuffer(content, np.uint8).reshape(SIDE, SIDE, 3))


def measure(pairs, view, fitted):
    """How far the scan has come, and how it changes from slice to slice: it shows whether order was kept."""
    before, seen = None, 0
    for sample, image in pairs:
        seen, mean = seen + 1, float(image.pixels.mean())
        in_order = before is None or sample.order > before
        before = sample.order
        yield Measures(values={"nth": float(seen), "mean": mean, "in_order": float(in_order)})


def decide(entries, policy, fitted):
    results = [entry for entry in entries if isinstance(entry, Result)]
    for label in LABELS if results else ():
        said = [(result, result.best(label)) for result in results if result.best(label)]
        speak = [(r, p) for r, p in said if p.scores.get("present", 0.0) >= policy.sure]
        doubt = [(r, p) for r, p in said if 1 - policy.sure < p.scores.get("present", 0.0) < policy.sure]
        there = len(speak) >= policy.slices
        abstains = not there and len(speak) + len(doubt) >= policy.slices
        yield Decision(
            key=label,
            subject=f"study {results[0].sample.of_unit}",
            label="unsure" if abstains else label if there else "nothing seen",
            level="warning" if there else "normal",
            review=abstains,
            reason=f"{len(speak)} of {len(said)} slices speak for it, {len(doubt)} are in doubt.",
            evidence=tuple(Evidence(source=r.sample.source, note=f"slice {r.sample.order:g}") for r, _ in speak[:3]),
            figures={"speak": float(len(speak)), "doubt": float(len(doubt)), "slices": float(len(said))},
        )


def write_letter(site, target, policy):
    """One JSON letter with every study: what was decided, and who read and signed it."""
    cases = {(case.unit, case.decision.key): case for case in site.cases}
    letter = [
        {
            "study": unit,
            "label": decision.key,
            "conclusion": decision.label,
            "state": cases[unit, decision.key].state if (unit, decision.key) in cases else "no finding",
            "readers": [r.actor for r in cases[unit, decision.key].reviews] if (unit, decision.key) in cases else [],
        }
        for unit, decisions in sorted(site.decisions.items())
        for decision in decisions
    ]
    Path(target).write_text(json.dumps(letter, indent=1))


def check_letter(path):
    """The letter's faults: what a receiver would refuse."""
    letter = json.loads(Path(path).read_text())
    labels: dict[str, set[str]] = {}
    for line in letter:
        labels.setdefault(line["study"], set()).add(line["label"])
    faults = [f"study {study} lacks a label" for study, found in labels.items() if found != set(LABELS)]
    faults += [
        f"study {line['study']}: {line['label']} is signed by one person alone"
        for line in letter
        if line["state"] == "signed" and len(set(line["readers"])) < 2
    ]
    return faults


def receive(url, view):
    """Files one after the other, until the sender has no more."""
    base = f"http{url.removeprefix('toypacs')}"
    while True:  # an address that ends in /dies dies as soon as a file is acknowledged
        with urlopen(f"{base}/next", timeout=60) as answer:
            if answer.status == 204:
                return
            name, content = answer.headers["X-Name"], answer.read()
        yield Arrival(name=name, content=content, acknowledge=_Acknowledge(f"{base}/acknowledge/{name}"))


class _Acknowledge:
    def __init__(self, url):
        self.url = url

    def __call__(self):
        urlopen(Request(self.url, method="POST"), timeout=60).close()
        if "/dies/" in self.url:
            os._exit(9)


class Sender:
    """What a sender on loopback hands out and remembers.

    Args:
        folder: its files.
        check: asked at each acknowledgement whether the file is safe; a name for which it is not is remembered.
        pause_s: seconds before each file.
    """

    def __init__(self, folder, check=lambda name: True, pause_s=0.0):
        names = sorted(path.name for path in Path(folder).iterdir())
        random.Random(7).shuffle(names)
        self.folder, self.waiting, self.check, self.pause_s = Path(folder), names, check, pause_s
        self.acknowledged: list[str] = []
        self.unsafe: list[str] = []
        self.limit = len(names)  # hands out no more while so many are acknowledged

    def next(self):
        """The name to hand out; it stays the next one until it is acknowledged."""
        time.sleep(self.pause_s)
        while self.waiting and len(self.acknowledged) >= self.limit:
            time.sleep(0.02)
        return self.waiting[0] if self.waiting else None

    def acknowledge(self, name):
        if not self.check(name):
            self.unsafe.append(name)
        if name in self.waiting:
            self.waiting.remove(name)
            self.acknowledged.append(name)


@contextmanager
def serving(sender):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(sender))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"toypacs://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def rehearsed(folder):
    """Every slice below a folder, as a sender would send them: not so fast that nobody could break in."""
    with serving(Sender(folder, pause_s=0.02)) as url:
        yield url


def _handler(sender):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = sender.next()
            content = b"" if name is None else (sender.folder / name).read_bytes()
            self.send_response(204 if name is None else 200)
            if name is not None:
                self.send_header("X-Name", name)
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever asked was killed meanwhile
                self.wfile.write(content)

        def do_POST(self):
            sender.acknowledge(self.path.rpartition("/acknowledge/")[2])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


TWO_READERS = Workflow(
    states=("new", "read", "signed"),
    steps=(
        Step(verb="read", source=("new",), target="read", roles=("reader",)),
        Step(verb="sign", source=("read",), target="signed", roles=("reader",), other_person=True),
    ),
    final=("signed",),
)


def tasks() -> Mapping[str, TaskSpec]:
    look = Preprocess(size=SIDE, fit="squash", decode="full")
    return {label: TaskSpec(kind="classify", preprocess=look) for label in LABELS}


INFO = DomainInfo(
    name="studies",
    title="Studies",
    intended_use="Decides three labels a study, in tests.",
    limits="Nothing else.",
    tasks=tasks(),
    view=View,
    policy=Policy,
    quiet_s=QUIET_S,
    workflow=TWO_READERS,
)


@hookimpl
def fovea_domains():
    return [
        Domain(
            info=INFO,
            read_samples=read_samples,
            load_images=load_images,
            measure=measure,
            decide=decide,
            exports={"letter": Exporter(title="Letter", suffix=".json", write=write_letter, check=check_letter)},
            streams={"toypacs": Stream(kind="files", open=receive, rehearse=rehearsed)},
        )
    ]
