"""One picture's way, whole: drawn leaves to a model, a farm to a report, with the real plugin and real processes."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections import Counter

import pytest

from fovea.errors import BundleRefused, DataError, SettingsError, UsageError
from fovea.workbench import silent


def _never() -> bool:
    return False


def _said(home):
    """Pictures by (field, label), straight from the database."""
    with sqlite3.connect(home / "fovea.db") as database:
        rows = database.execute(
            "SELECT samples.unit, json_extract(predictions.data, '$.label'), count(*) FROM predictions"
            " JOIN samples ON samples.id = predictions.sample_id GROUP BY 1, 2"
        ).fetchall()
    database.close()
    return {(unit.decode(), label): count for unit, label, count in rows}


def test_every_readable_picture_has_one_prediction_and_the_others_a_reason(walked):
    home, done = walked
    assert sum(_said(home).values()) == done.batch.scored
    assert done.batch.scored + done.batch.new_quarantined == done.batch.pictures
    assert done.batch.quarantined == {"empty": 1, "format": 1, "truncated": 1}


def test_the_reports_figures_are_the_databases(walked):
    home, done = walked
    blocks = json.loads(done.report.json.read_text(encoding="utf-8"))["blocks"]
    pictures: Counter[str] = Counter()
    for (unit, _), count in _said(home).items():
        pictures[unit] += count
    fields = next(block for block in blocks if block.get("title") == "Fields, the most diseased first")
    at = [column["name"] for column in fields["columns"]].index("pictures")
    assert {row[0]: row[at] for row in fields["rows"]} == dict(pictures)
    figures = {figure["name"]: figure["value"] for figure in blocks[0]["figures"]}
    assert figures["pictures"] == sum(pictures.values())
    assert figures["not read"] == sum(done.batch.quarantined.values())


def test_the_page_is_self_contained(walked):
    _, done = walked
    page = done.report.html.read_text(encoding="utf-8")
    assert "<script" not in page
    assert 'src="http' not in page
    assert "data:image/jpeg;base64," in page


def test_a_second_batch_predicts_nothing_new(walked, bench):
    _, done = walked
    again = bench.batch("demo-farm", progress=silent(), stop=_never)
    assert (again.scored, again.new_quarantined, again.decisions) == (0, 0, 0)
    assert again.known == done.batch.pictures


def test_a_new_policy_decides_again_and_predicts_nothing(walked, bench):
    before = _said(walked[0])
    bench.change_settings("demo-farm", ["policy.sure=0.95"])
    try:
        again = bench.batch("demo-farm", progress=silent(), stop=_never)
    finally:
        bench.change_settings("demo-farm", ["policy.sure=0.6"])
    assert again.units > 0
    assert again.scored == 0
    assert _said(walked[0]) == before


def test_every_export_passes_its_own_check(bench, tmp_path):
    for name in ("geojson", "csv"):
        written = bench.export("demo-farm", name, tmp_path / f"farm.{name}")
        assert written.faults == ()
        assert written.path.stat().st_size > 0


def test_a_finding_is_read_and_signed(bench):
    number = bench.cases(site="demo-farm")[0].number
    assert bench.case_verbs(number) == ("read", "sign")
    bench.move(number, verb="read", actor="ada", verdict="true")
    signed = bench.move(number, verb="sign", actor="ada")
    assert signed.state == "signed"
    assert [review.verb for review in signed.reviews] == ["read", "sign"]
    assert bench.verify_audit() is None


def test_a_model_answers_for_single_files(bench, drawn):
    picture = next((drawn / "train" / "rust").glob("*.jpg"))
    (answer,) = bench.predict(model="demo-crop", paths=[picture], progress=silent())
    assert answer.label in bench.model("demo-crop").labels
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-4)


def test_an_evaluation_leaves_out_what_was_learned(bench, drawn):
    judged = bench.evaluate(model="demo-crop", folder=drawn / "train", progress=silent())
    assert judged.learned > 0
    value, low, high = judged.figures["balanced_accuracy"]
    assert low <= value <= high


def test_a_training_that_is_done_is_in_the_list_of_runs(walked, bench):
    run = bench.run(walked[1].trained.run)
    assert run.state == "finished"
    assert run.figures["figures"]["accuracy"]["value"] == walked[1].trained.judged.figures["accuracy"][0]
    assert len(run.curves["epochs"]) == 2


def test_a_damaged_model_is_refused(walked, bench, tmp_path):
    broken = tmp_path / "broken.fovea"
    shutil.copytree(bench.model("demo-crop").path, broken)
    weights = broken / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BundleRefused, match=r"weights\.safetensors"):
        bench.use("demo-farm", str(broken))


def test_a_model_trained_again_does_not_slip_into_a_site(bench, drawn, tmp_path):
    site = bench.add_site(root=drawn / "site", name="steady", domain="crop").site
    copy = tmp_path / "steady.fovea"
    shutil.copytree(bench.model("demo-crop").path, copy)
    bench.use(site.name, str(copy))
    card = copy / "card.md"
    card.write_text(card.read_text(encoding="utf-8") + "again\n", encoding="utf-8")
    sums = [line for line in (copy / "SHA256SUMS").read_text().splitlines() if not line.endswith("card.md")]
    digest = hashlib.sha256(card.read_bytes()).hexdigest()
    (copy / "SHA256SUMS").write_text("\n".join(sorted([*sums, f"{digest}  card.md"], key=lambda s: s[66:])) + "\n")
    with pytest.raises(UsageError, match="that serves 'steady' is gone, and another stands in its place"):
        bench.batch(site.name, progress=silent(), stop=_never)


def test_a_name_that_is_none_leaves_no_run_behind(bench, drawn):
    before = bench.runs()
    with pytest.raises(UsageError, match="evil"):
        bench.train(domain="crop", folder=drawn / "train", name="../evil", progress=silent(), stop=_never)
    assert bench.runs() == before


def test_wrong_settings_are_told_all_at_once(bench):
    with pytest.raises(SettingsError) as told:
        bench.change_settings("demo-farm", ["policy.sure=2", "policy.shure=1"])
    assert {mistake.split(":")[0] for mistake in told.value.mistakes} == {"policy.sure", "policy.shure"}


def test_an_empty_folder_is_no_site(bench, tmp_path):
    with pytest.raises(DataError, match="finds no picture"):
        bench.add_site(root=tmp_path, name="nothing", domain="crop")
    assert "nothing" not in {site.name for site in bench.sites()}


@pytest.mark.parametrize("name, fault", [("absent", "there is no folder"), ("a.jpg", "is a file, not a folder")])
def test_what_is_no_folder_is_told_as_what_it_is(bench, tmp_path, name, fault):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DataError, match=fault):
        bench.add_site(root=tmp_path / name, domain="crop")
    with pytest.raises(DataError, match=fault):
        bench.train(domain="crop", folder=tmp_path / name, progress=silent(), stop=_never)


def test_a_site_without_a_model_says_what_to_do(bench, drawn):
    site = bench.add_site(root=drawn / "site", name="bare", domain="crop").site
    with pytest.raises(UsageError, match="fovea site use bare MODEL"):
        bench.batch(site.name, progress=silent(), stop=_never)
