"""A watch as a program of its own: ``python -m watch_site MODULE HOME SITE``. Ends like the command: 0, or 130."""

from __future__ import annotations

import importlib
import json
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from fovea.registry import Registry
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config


def main():
    module, home, site = sys.argv[1:]
    stop = threading.Event()
    for heard in (signal.SIGINT, signal.SIGTERM):
        signal.signal(heard, lambda *_: stop.set())
    registry = Registry.of(importlib.import_module(module))
    with Workbench(Config(home=Path(home), workers=1), registry=registry) as bench:
        summary = bench.watch(site, show=lambda statuses: None, stop=stop.is_set)
    sys.stdout.write(json.dumps([asdict(source) for source in summary.sources]))
    sys.exit(130 if summary.stopped else 0)


if __name__ == "__main__":
    main()
