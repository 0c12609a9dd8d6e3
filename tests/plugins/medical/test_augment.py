from __future__ import annotations

import json

from fovea_medical import fovea_domains


def test_nothing_is_mirrored():
    (domain,) = fovea_domains()

    names = {name for name, _ in json.loads(str(domain.augmentations(role="finding", size=64)))}

    assert "Affine" in names
    assert not {name for name in names if "Flip" in name}
    assert not names & {"D4", "SquareSymmetry", "Transpose", "RandomRotate90"}
