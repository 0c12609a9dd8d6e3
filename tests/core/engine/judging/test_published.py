"""Counting as others counted: 22,433 chest films judged by a published network, with the areas published for it."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from fovea.engine.judging.curves import curves
from fovea.engine.judging.labels import ranked
from fovea.engine.judging.resampling import interval, numbered, resamplings

FOLDER = Path(os.environ.get("FOVEA_REAL_DATA", "")) / "medical" / "nih14"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (FOLDER / "zech_chexnet_aucs.csv").is_file(), reason="FOVEA_REAL_DATA holds no nih14"),
]


def table(name):
    with (FOLDER / name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def published():
    return {line["label"]: float(line["auc"]) for line in table("zech_chexnet_aucs.csv")}


def predicted():
    """What the network said, by the film's name."""
    labels = list(published())
    lines = table("zech_chexnet_test_predictions_22433.csv")
    return {line["Image Index"]: [float(line[f"prob_{label}"]) for label in labels] for line in lines}


def films():
    """The films whose labels lie here: (which findings, patient, what was said)."""
    labels, said = list(published()), predicted()
    lines = [(line, said.get(Path(line["file"]).with_suffix(".png").name)) for line in table("labels.csv")]
    told = [(line, row) for line, row in lines if row is not None]
    truth = np.array([[line[label] == "1" for label in labels] for line, _ in told])
    return truth, [line["patient_id"] for line, _ in told], np.array([row for _, row in told])


def test_areas_of_real_predictions_are_those_of_scikit_learn():
    truth, _, said = films()
    found = curves(list(published()), truth, said)
    assert [curve.auroc for curve in found] == pytest.approx(
        [metrics.roc_auc_score(true, one) for true, one in zip(truth.T, said.T, strict=True)], abs=1e-12
    )


def test_published_areas_lie_in_the_intervals_by_patient():
    truth, patients, said = films()
    group, groups = numbered(patients)
    inside = 0
    for place, area in enumerate(published().values()):
        often = np.concatenate([times[:, group] for times in resamplings(groups, 0)])
        areas = ranked(truth[:, place], said[:, place], often)[1]
        told = interval(ranked(truth[:, place], said[:, place], np.ones((1, len(said))))[1][0], areas)
        inside += told.low <= area <= told.high
    assert inside >= 12  # of 14 intervals that each hold the truth in 19 of 20 cases


def test_the_areas_of_all_films_are_the_published_ones():
    lists = sorted(FOLDER.glob("Data_Entry_2017*.csv"))
    if not lists:
        pytest.skip("the labels of all 22,433 films (Data_Entry_2017.csv of NIH) are not in nih14")
    said, labels = predicted(), list(published())
    findings = {line["Image Index"]: set(line["Finding Labels"].split("|")) for line in table(lists[0].name)}
    names = [name for name in said if name in findings]
    truth = np.array([[label in findings[name] for label in labels] for name in names])
    once = np.ones((1, len(names)))
    rows = np.array([said[name] for name in names])
    off = [
        abs(ranked(true, one, once)[1][0] - area)
        for true, one, area in zip(truth.T, rows.T, published().values(), strict=True)
    ]
    assert len(names) == 22_433
    assert sum(one < 0.0003 for one in off) >= 13  # Pneumonia was counted on labels revised since
    assert max(off) < 0.006
