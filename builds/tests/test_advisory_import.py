import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from builds import advisory_file, advisory_import
from builds.models import Advisory, AdvisoryImport, AdvisoryMatch, Affected, Lock
from builds.tasks import import_advisories
from builds.tests.advisory_cast import JINJA, MALICE, URLLIB, URLLIB_TOO, document, export
from builds.tests.diff_cast import conda, pip
from events.models import Event, Verb

FORGE = "https://channels.example.org/conda-forge"

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    return lambda *documents, **texts: export(tmp_path / "all.zip", *documents, **texts)


def lock(*packages):
    return Lock.objects.store("3.11.7", "linux-64", packages)


def matches():
    found = AdvisoryMatch.objects.values_list("advisory__osv_id", "release", "fixed")
    return sorted(found)


def numbers(done):
    assert done.fault == ""
    return done.advisories, done.changed, done.removed, done.unread


def test_an_export_is_held_against_every_release_of_locks(file):
    lock(pip("jinja2", "3.1.5"), pip("urllib3", "1.26.16"), pip("idna"))
    lock(pip("jinja2", "3.1.5", size=11), pip("urllib3", "2.0.6"), conda("jinja2", "3.1.4", channel=FORGE))
    assert numbers(advisory_import.run(file())) == (4, 4, 0, 0)
    assert matches() == [
        (JINJA, "conda/jinja2/3.1.4", "3.1.6"),
        (JINJA, "pip/jinja2/3.1.5", "3.1.6"),
        (URLLIB, "pip/urllib3/1.26.16", "1.26.17"),
        (URLLIB_TOO, "pip/urllib3/1.26.16", "1.26.17"),
    ]


def test_an_import_is_an_event_however_it_ended(file):
    for source in (file(), "/nowhere"):
        done = advisory_import.run(source)
        event = Event.objects.get(verb=Verb.IMPORTED, object_id=done.pk)
        assert (event.kind, event.object, event.after["advisories"]) == ("advisory import", source, done.advisories)
        assert event.after["fault"] == done.fault


def test_a_lock_that_comes_later_is_held_against_what_is_known(file):
    advisory_import.run(file())
    lock(pip("reqeusts", "1.0.0"), conda("jinja2", "3.1.4"), pip("urllib3", "2.0.6"))
    assert matches() == [(MALICE, "pip/reqeusts/1.0.0", "")]


def test_the_same_export_again_changes_nothing(file):
    lock(pip("jinja2", "3.1.5"))
    advisory_import.run(file())
    before = list(AdvisoryMatch.objects.values()), list(Affected.objects.values())
    assert numbers(advisory_import.run(file())) == (4, 0, 0, 0)
    assert (list(AdvisoryMatch.objects.values()), list(Affected.objects.values())) == before


def test_what_an_advisory_says_anew_counts_from_then_on(file):
    lock(pip("jinja2", "3.1.5"), pip("urllib3", "1.26.16"))
    advisory_import.run(file())
    affected = document()["affected"]
    affected[0]["ranges"][0]["events"][1]["fixed"] = "3.1.7"
    assert numbers(advisory_import.run(file(document(affected=affected), document(URLLIB)))) == (2, 1, 2, 0)
    assert matches() == [(JINJA, "pip/jinja2/3.1.5", "3.1.7"), (URLLIB, "pip/urllib3/1.26.16", "1.26.17")]


def test_a_withdrawn_advisory_is_removed(file, tmp_path):
    lock(pip("jinja2", "3.1.5"))
    advisory_import.run(file())
    one = tmp_path / "one.json"
    one.write_text(json.dumps(document(withdrawn="2025-04-01T00:00:00Z")))
    assert numbers(advisory_import.run(str(one))) == (0, 0, 1, 0)
    assert matches() == []
    assert Advisory.objects.count() == 3  # one file takes away nothing that it does not name


def test_an_advisory_that_the_export_has_no_more_is_removed(file):
    advisory_import.run(file())
    assert numbers(advisory_import.run(file(document(URLLIB)))) == (1, 0, 3, 0)


def test_one_bad_entry_is_told_and_stops_no_other(file):
    advisory_import.run(file())
    texts = {JINJA: "{", "PYSEC-2": "[" * 100_000, "PYSEC-3": json.dumps({"id": "PYSEC-3"})}
    done = advisory_import.run(file(document(URLLIB), **texts))
    assert numbers(done) == (1, 0, 2, 3)
    assert done.told == [
        [JINJA, "It is no JSON."],
        ["PYSEC-2", "It is no JSON."],
        ["PYSEC-3", "It does not say when it was modified."],
    ]
    assert set(Advisory.objects.values_list("osv_id", flat=True)) == {JINJA, URLLIB}  # what was known of it stays


def test_an_entry_that_is_too_large_is_told(file, monkeypatch):
    monkeypatch.setattr(advisory_file, "LARGEST_ENTRY", 5000)
    done = advisory_import.run(file(document(), big=json.dumps(document(details="x" * 6000))))
    assert done.told == [["big", "It has more than 5,000 bytes."]]


def test_an_entry_whose_bytes_are_damaged_is_told(file, tmp_path):
    path = file(document(details="marker" * 99), document(URLLIB))
    data = bytearray((tmp_path / "all.zip").read_bytes())
    data[80:120] = b"x" * 40
    (tmp_path / "all.zip").write_bytes(data)
    done = advisory_import.run(path)
    assert (numbers(done), done.told) == ((1, 1, 0, 1), [[JINJA, "It cannot be unpacked."]])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.zip", None, "The file cannot be read: No such file or directory."),
        ("text.zip", b"not a zip", "The file is neither a zip of advisories nor one of them. It is no JSON."),
        ("empty.json", b"[]", "It holds no advisory of PyPI that can be read."),
        (
            "bad.json",
            b'[{"id": 5}]',
            "It holds no advisory of PyPI that can be read. The first of 1: entry 1: Its id is missing, or is none.",
        ),
    ],
)
def test_a_file_that_is_none_changes_nothing_and_is_told(file, tmp_path, name, content, why):
    advisory_import.run(file())
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert advisory_import.run(str(tmp_path / name)).fault == why
    assert Advisory.objects.count() == 4
    assert AdvisoryImport.objects.first().fault == why
    assert AdvisoryImport.objects.last_good().advisories == 4


def test_a_file_that_is_too_large_is_refused(file, settings):
    settings.ADVISORIES_MB = 0
    assert "ENVPORTAL_ADVISORIES_MB" in advisory_import.run(file()).fault


@pytest.fixture
def served(tmp_path):
    """Serve files of a folder on loopback, and whatever else an address may answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.lstrip("/")
            if name == "away":
                self.send_response(302)
                self.send_header("Location", f"file://{tmp_path}/all.zip")
                self.end_headers()
                return
            found = tmp_path / name.removeprefix("half-")
            if not found.is_file():
                self.send_error(404)
                return
            data = found.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", len(data))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if name.startswith("half-") else data)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_is_fetched_and_its_password_told_to_nobody(file, served):
    file()
    assert numbers(advisory_import.run(f"http://{served}/all.zip")) == (4, 4, 0, 0)
    secret = AdvisoryImport.objects.create(source="x")
    done = advisory_import.run(f"http://ann:hunter22@{served}/all.zip")
    assert "hunter22" not in done.source + done.fault
    assert secret.pk < done.pk


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing.zip", "The address answers 404."),
        ("half-all.zip", "It broke off in the middle."),
        ("away", "The address answers 302."),
    ],
)
def test_an_address_that_does_not_give_the_file_is_told(file, served, name, why):
    file()
    assert advisory_import.run(f"http://{served}/{name}").fault == why
    assert not Advisory.objects.exists()


def test_the_schedule_imports_once_a_day(file, settings):
    import_advisories()
    assert not AdvisoryImport.objects.exists()  # nothing is set
    settings.ADVISORIES = file()
    import_advisories()
    import_advisories()
    assert AdvisoryImport.objects.count() == 1
    AdvisoryImport.objects.update(at=timezone.now() - timedelta(days=1))
    import_advisories()
    assert AdvisoryImport.objects.count() == 2


def test_the_command_says_what_it_did_and_what_it_could_not_read(file, settings):
    out, err = StringIO(), StringIO()
    call_command("advisories", file(document(), bad="{"), stdout=out, stderr=err)
    assert out.getvalue() == "Advisories read: 1; new or changed: 1; removed: 0.\n"
    assert err.getvalue() == "Not read: bad: It is no JSON.\n"
    with pytest.raises(CommandError, match="Name a file"):
        call_command("advisories")
    settings.ADVISORIES = "/nowhere"
    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("advisories")
