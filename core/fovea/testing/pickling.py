"""Workers are sent the domain: a copy that went through pickle must answer as the domain itself does."""

from __future__ import annotations

import io
import pickle  # what is read back was written a moment ago, by this process
from collections.abc import Sequence
from dataclasses import replace

from fovea.errors import FoveaError
from fovea.plugin import Domain, Sample
from fovea.testing.looking import first_look
from fovea.testing.same import same_image
from fovea.testing.subject import Found, Subject


def check_pickling(subject: Subject, samples: Sequence[Sample]) -> Found:
    """The domain pickles, and its copy reads, loads, prepares and measures the same."""
    try:
        copy = replace(subject, domain=_sent(subject.domain))
    except Exception as error:  # noqa: BLE001 - pickle raises whatever a foreign __reduce__ does
        yield f"the domain cannot be sent to a worker: {error}; make its functions module-level ones"
        return
    try:
        if copy.read() != subject.read():
            yield "a pickled copy reads other samples than the domain itself; keep no state in its functions"
        for sample in samples[:1]:
            here, there = first_look(subject, sample), first_look(copy, sample)
            if not same_image(here.image, there.image) or here.measures != there.measures:
                yield f"a pickled copy answers differently for {sample.source}; keep no state in its functions"
    except FoveaError as error:
        yield f"a pickled copy fails: {error}"


def _sent(domain: Domain) -> Domain:
    buffer = io.BytesIO()
    pickle.dump(domain, buffer)
    buffer.seek(0)
    copy: Domain = pickle.load(buffer)  # noqa: S301 - written two lines above
    return copy
