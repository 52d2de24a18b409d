"""Every way to alter a ledger behind the tool's back, and what verification says of it.

The first eight rows are the comparison of tamper-evident logs in the threat analysis of the design: 500 entries, one
checkpoint outside at size 400, an attacker who owns the files. Expected indices follow from what each test alters.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from nesqc_gmp.errors import IntegrityError

TABLES_BY_KIND = {"entry": 50, "image": 51, "score": 52}


def test_untouched_is_whole(site: Any, outside: Any) -> None:
    report = site.verify(certificate=outside)
    assert report.whole
    assert report.first_bad is None
    assert (report.size, report.checkpoints, report.anchors, report.last_good) == (500, 500, ("certificate",), 500)


def test_edited_entry_with_old_hashes(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("UPDATE leaf SET body = ? WHERE idx = 50", attack.edited(50))
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(50, True)]


@pytest.mark.requirement("UR-AUDIT-13", reviewed="d2606754", negative=True)
def test_edited_entry_with_new_hashes(site: Any, attack: Any) -> None:
    with attack:
        attack.edit(50)
        attack.recompute()
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(50, True)]
    assert report.last_good == 50


def test_edited_entry_without_any_checkpoint_left(site: Any, attack: Any, outside: Any) -> None:
    with attack:
        attack.edit(50)
        attack.recompute()
        attack.sql("DELETE FROM checkpoint")
    assert site.verify().first_bad == 0
    found = site.verify(certificate=outside).findings
    assert any("certificate" in finding.what and finding.first_bad == 0 for finding in found)


def test_two_outside_checkpoints_narrow_down_what_was_altered(site: Any, attack: Any, pristine: Any) -> None:
    with attack:
        attack.edit(250)
        attack.recompute()
        attack.sign_again()
    report = site.verify(early=pristine.checkpoint(200), late=pristine.checkpoint(300))
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(200, False)]
    assert report.anchors == ("early",)


@pytest.mark.requirement("UR-AUDIT-07", reviewed="62b50a0c", negative=True)
def test_cut_tail(site: Any, attack: Any, outside: Any) -> None:
    with attack:
        attack.cut(300)
    assert site.verify().whole, "without memory outside the database a shorter log is a whole log"
    assert site.verify(certificate=outside).first_bad == 300
    assert site.verify_with_state().first_bad == 300
    with pytest.raises(IntegrityError, match="300 entries, but 500 were signed") as refused:
        site.open()
    assert refused.value.first_bad == 300


@pytest.mark.requirement("UR-AUDIT-07", reviewed="62b50a0c", negative=True)
def test_old_backup_put_back(new_site: Any, tmp_path: Any) -> None:
    new_site.extend(30)
    backup = new_site.path.read_bytes()
    new_site.extend(20)
    kept = new_site.checkpoint(40)
    new_site.path.write_bytes(backup)
    assert new_site.verify(certificate=kept).first_bad == 30
    assert new_site.verify_with_state().first_bad == 30
    with pytest.raises(IntegrityError, match="30 entries, but 50 were signed"):
        new_site.open()


@pytest.mark.requirement("UR-AUDIT-07", reviewed="62b50a0c", negative=True)
def test_swapped_entries(site: Any, attack: Any) -> None:
    with attack:
        bodies = attack.bodies()
        bodies[60], bodies[70] = bodies[70], bodies[60]
        attack.rewrite(bodies)
    report = site.verify()
    assert report.first_bad == 60
    assert {finding.first_bad for finding in report.findings if finding.exact} == {60, 70}


@pytest.mark.requirement("UR-AUDIT-07", reviewed="62b50a0c", negative=True)
def test_inserted_entry(site: Any, attack: Any) -> None:
    with attack:
        bodies = attack.bodies()
        bodies.insert(100, bodies[99])
        attack.rewrite(bodies)
    report = site.verify()
    assert report.first_bad == 100


def test_inserted_entry_with_every_index_renumbered(site: Any, attack: Any) -> None:
    with attack:
        bodies = attack.bodies()
        bodies.insert(100, bodies[99])
        renumbered = [
            body.replace(b'"index":%d,' % (index - 1), b'"index":%d,' % index) if index >= 100 else body
            for index, body in enumerate(bodies)
        ]
        attack.rewrite(renumbered)
        attack.project_again()
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(100, True), (100, False)]
    assert "no checkpoint is stored over the last 1 entries" in report.findings[1].what


@pytest.mark.requirement("UR-AUDIT-07", reviewed="62b50a0c", negative=True)
def test_removed_entry(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("DELETE FROM leaf WHERE idx = 120")
    report = site.verify()
    assert (report.first_bad, report.size) == (120, 120)


@pytest.mark.requirement("UR-AUDIT-08", reviewed="a7403078", negative=True)
def test_stolen_key_and_everything_signed_again(site: Any, attack: Any, outside: Any) -> None:
    with attack:
        attack.edit(50)
        attack.recompute()
        attack.sign_again(with_state=True)
    assert site.verify_with_state().whole, "nothing inside the site contradicts the thief"
    report = site.verify(certificate=outside)
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(0, False)]
    assert "entries 0 to 399 are not what certificate recorded" in report.findings[0].what


def test_stolen_key_is_noticed_where_the_state_was_forgotten(site: Any, attack: Any) -> None:
    with attack:
        attack.edit(50)
        attack.recompute()
        attack.sign_again()
    assert site.verify_with_state().first_bad == 0
    with pytest.raises(IntegrityError, match="first 500 entries are not those that were signed"):
        site.open()


def test_honest_limit(site: Any, attack: Any, outside: Any) -> None:
    """After the last outside checkpoint a thief of the key and its state can rewrite, and nobody can tell.

    The window is the time since the last checkpoint that left the site, in a certificate or a file.
    """
    with attack:
        attack.edit(450)
        attack.recompute()
        attack.sign_again(with_state=True)
    assert site.verify(certificate=outside).whole


@pytest.mark.requirement("UR-AUDIT-10", reviewed="3eed6ceb", negative=True)
@pytest.mark.parametrize(("table", "index"), TABLES_BY_KIND.items())
def test_edited_read_model(site: Any, attack: Any, table: str, index: int) -> None:
    column = {"entry": "person", "image": "sha256", "score": "score"}[table]
    with attack:
        attack.sql(f"UPDATE {table} SET {column} = '0.1' WHERE idx = {index}")
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(index, True)]
    assert f"entry {index} in the table {table} was edited" in report.findings[0].what


@pytest.mark.parametrize(("table", "index"), TABLES_BY_KIND.items())
def test_removed_read_model_row(site: Any, attack: Any, table: str, index: int) -> None:
    with attack:
        attack.sql(f"DELETE FROM {table} WHERE idx = {index}")
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(index, True)]
    assert f"entry {index} in the table {table} is missing" in report.findings[0].what


@pytest.mark.parametrize(("table", "source", "index"), [("image", 51, 52), ("score", 52, 53), ("entry", 52, 500)])
@pytest.mark.parametrize("beyond", [False, True])
def test_added_read_model_row(site: Any, attack: Any, table: str, source: int, index: int, beyond: bool) -> None:
    index = 500 if beyond else index
    with attack:
        columns = [row[1] for row in attack.database.execute(f"PRAGMA table_info({table})")]
        rest = ", ".join(columns[1:])
        attack.sql(f"INSERT INTO {table} SELECT {index}, {rest} FROM {table} WHERE idx = {source}")
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(index, True)]


def test_negative_read_model_row(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("INSERT INTO score SELECT -1, batch, attempt, image, score, outcome FROM score WHERE idx = 52")
    report = site.verify()
    assert [finding.first_bad for finding in report.findings] == [0]


def test_edited_subtree(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("UPDATE node SET hash = zeroblob(32) WHERE level = 3 AND idx = 5")
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(40, False)]


def test_removed_and_added_subtrees(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("DELETE FROM node WHERE level = 1 AND idx = 20")
        attack.sql("INSERT INTO node VALUES (-7, 1, 0, zeroblob(32))")
        attack.sql("INSERT INTO node VALUES (100000, 1, 0, zeroblob(32))")
    report = site.verify()
    assert [finding.first_bad for finding in report.findings] == [2, 40, 500]


def test_leaf_hash_alone_edited(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("UPDATE leaf SET hash = zeroblob(32) WHERE idx = 77")
    assert site.verify().first_bad == 76  # subtree 1/38 over entries 76 and 77 is the smallest that differs


def test_entry_and_leaf_hash_edited_without_subtrees(site: Any, attack: Any) -> None:
    with attack:
        attack.edit(77)
    report = site.verify()
    assert report.first_bad == 76
    assert any(finding.first_bad == 77 and finding.exact for finding in report.findings)


def test_edited_checkpoint_note(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("UPDATE checkpoint SET note = replace(note, '—', '-') WHERE size = 90")
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(89, True)]
    assert report.last_good == 500


def test_checkpoint_of_another_size_put_in_its_place(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 91) WHERE size = 90")
    assert [finding.first_bad for finding in site.verify().findings] == [89]


def test_edited_root_beside_the_note(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("UPDATE checkpoint SET root = zeroblob(32) WHERE size = 90")
    assert [finding.first_bad for finding in site.verify().findings] == [89]


def test_impossible_checkpoints(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("INSERT INTO checkpoint VALUES (-3, zeroblob(32), 'x')")
        attack.sql("INSERT INTO checkpoint VALUES (600, zeroblob(32), 'x')")
    report = site.verify()
    assert [finding.first_bad for finding in report.findings] == [0, 500]
    assert "did not sign" in report.findings[1].what


def test_last_checkpoint_removed(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("DELETE FROM checkpoint WHERE size > 490")
    assert [(finding.first_bad, finding.exact) for finding in site.verify().findings] == [(490, False)]


def test_emptied(site: Any, attack: Any) -> None:
    with attack:
        attack.sql("DELETE FROM leaf")
    report = site.verify()
    assert (report.size, report.first_bad) == (0, 0)


def test_emptied_completely(site: Any, attack: Any, outside: Any) -> None:
    with attack:
        for table in ("leaf", "node", "checkpoint", "entry", "image", "score"):
            attack.sql(f"DELETE FROM {table}")
    assert site.verify(certificate=outside).first_bad == 0
    with pytest.raises(IntegrityError, match="0 entries, but 500"):
        site.open()


def test_entries_added_without_the_key(site: Any, attack: Any) -> None:
    with attack:
        bodies = attack.bodies()
        bodies.append(bodies[499].replace(b'"index":499', b'"index":500'))
        attack.rewrite(bodies)
        attack.project_again()
    assert [(finding.first_bad, finding.exact) for finding in site.verify().findings] == [(500, False)]
    with pytest.raises(IntegrityError, match="entries 500 to 500 were added without the log key"):
        site.open()


def test_emptied_state(site: Any) -> None:
    site.state.write_bytes(b"")
    with pytest.raises(IntegrityError, match="state was altered"):
        site.open()


@pytest.mark.requirement("UR-AUDIT-02", reviewed="c3fe6bb5", negative=True)
@pytest.mark.requirement("UR-AUDIT-09", reviewed="8e98d038", negative=True)
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER leaf_no_update",
        "DROP INDEX entry_by_subject",
        "CREATE TABLE extra (x)",
        "CREATE TRIGGER sqlitexquiet BEFORE INSERT ON score BEGIN SELECT RAISE(IGNORE); END",
    ],
)
def test_changed_guards(site: Any, statement: str) -> None:
    database = sqlite3.connect(site.path)
    database.execute(statement)
    database.close()
    assert not site.verify().whole
    with pytest.raises(IntegrityError, match="tables or guards"):
        site.open()


@pytest.mark.requirement("UR-AUDIT-09", reviewed="8e98d038", negative=True)
def test_quieted_trigger_under_its_own_name(site: Any) -> None:
    database = sqlite3.connect(site.path, isolation_level=None)
    database.execute("PRAGMA writable_schema = ON")
    database.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'BEFORE UPDATE ON leaf', 'BEFORE UPDATE ON leaf WHEN 0') "
        "WHERE name = 'leaf_no_update'"
    )
    database.close()
    assert "leaf_no_update" in site.verify().findings[0].what
    with pytest.raises(IntegrityError, match="tables or guards"):
        site.open()


@pytest.mark.requirement("UR-AUDIT-10", reviewed="3eed6ceb", negative=True)
def test_search_index_that_hides_a_record(site: Any) -> None:
    """An index is built without one entry, then given back the text it had: searches no longer find that entry."""
    database = sqlite3.connect(site.path, isolation_level=None)
    text = database.execute("SELECT sql FROM sqlite_master WHERE name = 'entry_by_subject'").fetchone()[0]
    database.execute("DROP INDEX entry_by_subject")
    database.execute(text + " WHERE idx <> 60")
    database.execute("PRAGMA writable_schema = ON")
    database.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'entry_by_subject'", (text,))
    database.close()
    ledger = site.open()
    with ledger.reading() as reader:
        assert 60 not in [entry.index for entry in reader.entries("batch", "B-1")]
    ledger.close()
    report = site.verify()
    assert "entry_by_subject" in report.findings[0].what


@pytest.mark.requirement("UR-AUDIT-04", reviewed="4c2403f4", negative=True)
@pytest.mark.requirement("UR-AUDIT-09", reviewed="8e98d038", negative=True)
@pytest.mark.parametrize("table", ["leaf", "node", "checkpoint", "entry", "image", "score"])
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_guards_refuse_replacing(site: Any, table: str, verb: str) -> None:
    ledger = site.open()
    run = ledger._cursor.execute
    before = run(f"SELECT count(*) FROM {table}").fetchone()
    for statement in (
        f"{verb} INTO {table} SELECT * FROM {table} LIMIT 1",
        f"DELETE FROM {table}",
        f"UPDATE {table} SET rowid = rowid",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="records are never changed"):
            run(statement)
    assert run(f"SELECT count(*) FROM {table}").fetchone() == before
    ledger.close()


def test_many_contradictions_are_counted_and_the_lowest_kept(site: Any, attack: Any, pristine: Any) -> None:
    with attack:
        attack.sql("UPDATE entry SET person = 'x' WHERE idx >= 100")
        attack.edit(99)
        attack.recompute()
        attack.sign_again()
    report = site.verify(certificate=pristine.checkpoint(450))
    assert len(report.findings) == 20
    assert report.more == 381
    assert report.first_bad == 0
