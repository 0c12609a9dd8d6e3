"""What a file's name says of the pictures it belongs with: shots of one plant, or of one run of a camera.

A camera run is pictures that one camera took one after the other, told by the counter in their names.

A random split of such pictures is dishonest: a leaf is photographed several times in a row, so its neighbour stands
on the other side. Of a random 80/20 split of PlantVillage, 4 in 5 test pictures have a neighbour in training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NAMES = (
    # PlantVillage: an optional id, a camera with the class in it, a space, the counter, perhaps "copy" or "_masked"
    re.compile(r"(?:[0-9a-f-]{36}___)?(?P<camera>[A-Za-z][\w.]*) (?P<counter>\d{1,6})(?:\D.*)?", re.DOTALL),
    # DCF (JEITA CP-3461): four free characters and four digits, as in IMG_4050, DSCN0012, DJI_0018
    re.compile(r"(?:.*__)?(?P<camera>[A-Za-z][A-Za-z0-9]{2}[A-Za-z_])(?P<counter>\d{4})(?:[^\dA-Za-z].*)?", re.DOTALL),
)

_PLANT = re.compile(r"(?P<plant>[A-Za-z]+_?\d+)-\d{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture of a camera run.

    Args:
        camera: the camera's name, as the file's name has it.
        counter: the camera's own number of the picture.
        first: the lowest counter of the run, which names it.
    """

    camera: str
    counter: int
    first: int


def camera_and_counter(name: str) -> tuple[str, int] | None:
    """What a file's name says of camera and counter, or None where it is no camera's name.

    >>> camera_and_counter("01a66316-0e98-4d3b-a56f-d78752cd043f___FREC_Scab 3003.JPG")
    ('FREC_Scab', 3003)
    >>> camera_and_counter("IMG_4050.JPG")
    ('IMG_', 4050)
    >>> camera_and_counter("healthy_train_308.jpg") is None
    True
    """
    stem = re.sub(r"\.[^.]*$", "", name)
    found = next((match for pattern in _NAMES if (match := pattern.fullmatch(stem))), None)
    return (found["camera"], int(found["counter"])) if found else None


def plant_of(name: str) -> str:
    """The plant in a name of the form ``PLANT-SHOT``, letters and a number before the dash; else the empty text.

    >>> plant_of("p0123-2.jpg"), plant_of("late-blight-7.jpg")
    ('p0123', '')
    """
    found = _PLANT.fullmatch(re.sub(r"\.[^.]*$", "", name))
    return found["plant"] if found else ""


def camera_runs(names: Iterable[str], gap: int, length: int = 0) -> Mapping[str, Shot]:
    """The run of each name of one folder that carries a counter.

    Args:
        names: the file names of one folder.
        gap: largest difference of two counters that are still of one run.
        length: counters after which a run is cut; 0 never. A cut parts neighbours, once in so many pictures.
    """
    cameras: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if (said := camera_and_counter(name)) is not None:
            cameras.setdefault(said[0], []).append((said[1], name))
    shots: dict[str, Shot] = {}
    for camera, numbered in cameras.items():
        first = before = -gap - 1
        for counter, name in sorted(numbered):
            if counter - before > gap or (length and counter - first >= length):
                first = counter
            before = counter
            shots[name] = Shot(camera=camera, counter=counter, first=first)
    return shots
