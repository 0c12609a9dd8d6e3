from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from fovea.store.store import Store

ROWS = 30


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.db"
    with Store.open(path) as store:
        for number in range(ROWS):
            store.write_audit(
                action=f"act{number % 3}", subject=f"s{number}", facts={"n": number}, actor="ann", role="owner"
            )
    flat = sqlite3.connect(path)
    flat.execute("PRAGMA journal_mode = DELETE").close()
    flat.close()
    return path


def edit(draw: random.Random, rows: sqlite3.Connection) -> str:
    column = draw.choice(["time", "actor", "role", "action", "subject", "facts", "previous", "digest"])
    number = draw.randint(1, ROWS)
    (old,) = rows.execute(f"SELECT {column} FROM audit WHERE number = ?", (number,)).fetchone()
    new = old + 1 if column == "time" else old + (b"x" if isinstance(old, bytes) else "x")
    rows.execute(f"UPDATE audit SET {column} = ? WHERE number = ?", (new, number))
    return f"edit of {column} in row {number}"


def delete(draw: random.Random, rows: sqlite3.Connection) -> str:
    number = draw.randint(1, ROWS - 1)
    rows.execute("DELETE FROM audit WHERE number = ?", (number,))
    if draw.random() < 0.5:  # and close the gap
        for later in range(number + 1, ROWS + 1):
            rows.execute("UPDATE audit SET number = ? WHERE number = ?", (later - 1, later))
    return f"deletion of row {number}"


def swap(draw: random.Random, rows: sqlite3.Connection) -> str:
    one, two = draw.sample(range(1, ROWS + 1), 2)
    for before, after in ((one, -1), (two, one), (-1, two)):
        rows.execute("UPDATE audit SET number = ? WHERE number = ?", (after, before))
    return f"swap of rows {one} and {two}"


def insert(draw: random.Random, rows: sqlite3.Connection) -> str:
    number = draw.randint(1, ROWS)
    for later in range(ROWS, number - 1, -1):
        rows.execute("UPDATE audit SET number = ? WHERE number = ?", (later + 1, later))
    rows.execute(
        "INSERT INTO audit SELECT ?, time, actor, role, action, subject, facts, previous, digest "
        "FROM audit WHERE number = ?",
        (number, number + 1),
    )
    return f"insertion before row {number}"


def truncate(draw: random.Random, rows: sqlite3.Connection) -> str:
    number = draw.randint(1, ROWS)
    rows.execute("DELETE FROM audit WHERE number >= ?", (number,))
    return f"truncation from row {number} on"


def test_an_untouched_chain_has_no_fault(chain):
    with Store.open(chain) as store:
        head = store.audit_head()
        assert (head.number, store.verify_audit(head)) == (ROWS, None)


def test_every_one_of_200_ways_to_tamper_is_found(chain, tmp_path):
    with Store.open(chain) as store:
        head = store.audit_head()
    draw, missed = random.Random(7), []
    for number in range(200):
        path = tmp_path / f"copy{number}.db"
        shutil.copy(chain, path)
        rows = sqlite3.connect(path)
        said = draw.choice([edit, delete, swap, insert, truncate])(draw, rows)
        rows.commit()
        rows.close()
        with Store.open(path) as store:
            if store.verify_audit(head) is None:
                missed.append(said)
        path.unlink()
    assert missed == []


def test_truncation_shows_through_the_exported_head_only(chain):
    with Store.open(chain) as store:
        head = store.audit_head()
    rows = sqlite3.connect(chain)
    rows.execute("DELETE FROM audit WHERE number > 20")
    rows.commit()
    rows.close()
    with Store.open(chain) as store:
        assert store.verify_audit() is None
        assert store.verify_audit(head) == "it ends at row 20, but row 30 was exported: rows were cut off"


def test_a_chain_written_anew_does_not_match_the_exported_head(chain, tmp_path):
    with Store.open(chain) as store:
        head = store.audit_head()
    with Store.open(tmp_path / "forged.db") as forged:
        for number in range(ROWS + 5):
            forged.write_audit(action="act", subject=f"s{number}", facts={})
        assert forged.verify_audit() is None
        assert "the chain was rewritten" in (forged.verify_audit(head) or "")


def test_a_longer_chain_still_matches_an_older_head(chain):
    with Store.open(chain) as store:
        head = store.audit_head()
        store.write_audit(action="later", subject="s", facts={})
        assert store.verify_audit(head) is None


def test_rows_come_with_their_facts(chain):
    with Store.open(chain) as store:
        (row,) = store.audit_rows(after=4, limit=1)
    assert (row.number, row.actor, row.role, row.action, row.subject, row.facts) == (
        5,
        "ann",
        "owner",
        "act1",
        "s4",
        {"n": 4},
    )


def test_what_people_and_chunks_do_is_written_down(farm):
    farm.store.put_settings(site=farm.site.id, kind="view", data={"a": 1}, actor="ann")
    farm.store.set_bundle(site=farm.site.id, role="disease", name="b", path=Path("b"), digest="d", actor="ann")
    farm.work(farm.scan(farm.picture("a")))
    farm.store.retry(site=farm.site.id)
    farm.store.prune(site=farm.site.id, before=farm.clock.now)
    assert [row.action for row in farm.store.audit_rows()] == [
        "site.added",
        "settings.put",
        "line-up.set",
        "batch.opened",
        "results.published",
        "decisions.published",
        "quarantine.retry",
        "samples.pruned",
    ]
    assert farm.store.verify_audit() is None
