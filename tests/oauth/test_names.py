"""The list of names: a name that nobody has wakes no object of its own, and everybody who has an account gets in."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from harness.workerd import Workerd

from .accounts import SETUP_CODE, Started, login, sign_up
from .flow import Flow
from .test_deletion import delete

# As many objects as share the names, and as answer for names that nobody has.
SHARED = 16 + 16
FRESH = 25


def databases(server: Workerd) -> list[Path]:
    return sorted((server.folder / "state").rglob("*.sqlite"))


def kept_names(server: Workerd) -> set[str]:
    """The names in the list; the server does not run. Reads a copy: to open a database changes its files."""
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        copied = shutil.copytree(server.folder / "state", Path(folder) / "state")
        for file in copied.rglob("*.sqlite"):
            with closing(sqlite3.connect(file)) as database:
                if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'names'").fetchone():
                    found |= {name for (name,) in database.execute("SELECT name FROM names")}
    return found


def guess(flow: Flow, prefix: str) -> None:
    for number in range(FRESH):
        assert login(flow, f"{prefix}{number}", "a wrong password").status_code == 401
    stranger = Flow(flow.base)
    form = stranger.form(stranger.browser.get("/login"))
    shown = stranger.submit(form, username=f"{prefix}-at-the-page", password="wrong")
    assert "User name or password is wrong" in shown.text


def test_names_that_nobody_has_leave_no_file_however_many_are_tried(started: Started) -> None:
    flow, server = started(SETUP_CODE=SETUP_CODE)
    assert sign_up(flow, "ada", code=SETUP_CODE).status_code == 303
    before = len(databases(server))
    guess(flow, "first")
    shared = databases(server)
    assert len(shared) - before <= SHARED
    guess(flow, "second")
    guess(flow, "third")
    known = {file.name for file in shared}
    later = [file for file in databases(server) if file.name not in known]
    assert len(databases(server)) - before <= SHARED, later
    assert login(flow, "ada").status_code == 200


def test_an_account_is_listed_from_its_sign_up_to_its_deletion(started: Started) -> None:
    flow, server = started(SIGNUP="open", DEV_ACCOUNTS="demo:demo")
    assert sign_up(flow, "ada").status_code == 303
    assert login(flow, "demo", "demo").status_code == 200
    server.restart()
    assert login(flow, "ada").status_code == 200
    server.kill()
    assert kept_names(server) == {"ada", "demo"}
    server.start()
    assert "is deleted" in delete(flow, "ada").text
    assert login(flow, "ada").status_code == 401
    later = Flow(flow.base)
    assert sign_up(later, "ada").status_code == 303
    assert login(flow, "ada").status_code == 200
    assert "is deleted" in delete(later, "ada").text
    server.kill()
    assert kept_names(server) == {"demo"}


def test_an_account_that_is_older_than_the_list_gets_in_and_is_listed_then(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    assert sign_up(flow, "ada").status_code == 303
    server.kill()
    for file in databases(server):
        with closing(sqlite3.connect(file)) as database, database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "names" in tables:
                database.execute("DELETE FROM names")
            if "names_kept" in tables:
                database.execute("UPDATE names_kept SET from_the_start = 0")
            if "account" in tables:
                database.execute("UPDATE account SET listed = 0")
    assert kept_names(server) == set()
    server.start()
    assert login(flow, "nobody").status_code == 401
    assert login(flow, "ada", "a wrong password").status_code == 401
    assert login(flow, "ada").status_code == 200
    server.kill()
    assert kept_names(server) == {"ada"}
