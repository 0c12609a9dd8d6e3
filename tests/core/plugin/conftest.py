"""What the tests of the door for plugin authors share."""

from __future__ import annotations

import os

import pytest

from fovea.plugin import Sample, ViewSettings


@pytest.fixture
def load(tmp_path):
    """Write bytes to a file and load it: one answer, or a list where several parts are asked for."""

    def answer(data, name="a.jpg", parts=("",), side=None, **limits):
        from fovea.plugin.imaging import load_pictures

        if data is not None:
            with open(os.path.join(os.fsencode(tmp_path), os.fsencode(name)), "wb") as file:
                file.write(data)
        samples = [Sample(source=name, part=part) for part in parts]
        found = list(load_pictures(root=tmp_path, samples=samples, view=ViewSettings(**limits), side=side))
        assert len(found) == len(samples)
        return found[0] if len(found) == 1 else found

    return answer
