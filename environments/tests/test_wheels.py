import hashlib
import io
import os
import struct
import threading
import zipfile

import pytest
from django.conf import settings as django_settings
from django.core import signing
from django.db import connection

from environments import pip_lines, uploads, wheel_files, wheel_store, wheel_urls
from environments.definition import compose, read
from environments.faults import DefinitionFault, UserFault
from environments.models import Workspace
from environments.uploads import TooLarge
from environments.wheel_urls import WheelUrl
from environments.wheels import PrivateWheel, WheelInUse
from envportal.tests.wheel_maker import make_wheel

NAME = "demo_pkg-1.0-py3-none-any.whl"
SHA = "a" * 64
URL = f"https://env.example.org/workspaces/team/wheels/{SHA}/{NAME}"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"http://127.0.0.1:8000/workspaces/team/wheels/{SHA}/{NAME}",
        f"https://env.example.org/below/here/workspaces/team/wheels/{SHA}/{NAME}",
        f"{URL}?signature=x#sha256=y",
    ],
)
def test_the_address_of_a_wheel_is_known_on_any_host(url):
    found = wheel_urls.parse(url)
    assert found == WheelUrl("team", SHA, NAME)
    assert wheel_urls.parse(f"https://other.example.org{found.path}") == found
    assert found.name == "demo-pkg"
    assert wheel_urls.parse_reference(found.reference) == (SHA, NAME)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://[",
        f"ftp://h/workspaces/team/wheels/{SHA}/{NAME}",
        f"/workspaces/team/wheels/{SHA}/{NAME}",
        f"https://__token__:secret@env.example.org/workspaces/team/wheels/{SHA}/{NAME}",
        f"https://h/workspaces/team/wheels/{SHA[:-1]}/{NAME}",
        f"https://h/workspaces/team/wheels/{SHA.upper()}/{NAME}",
        f"https://h/workspaces/team/wheels/{SHA}/demo_pkg-1.0.tar.gz",
        f"https://h/workspaces/team/wheels/{SHA}/demo.whl",
        f"https://h/workspaces/team/wheels/{SHA}/..%2F{NAME}",
        f"https://h/workspaces/a/b/wheels/{SHA}/{NAME}",
        "https://h/wheels/demo-1.0-py3-none-any.whl",
    ],
)
def test_any_other_url_is_none_of_ours(url):
    assert wheel_urls.parse(url) is None


def test_a_local_version_and_an_epoch_have_an_address():
    url = WheelUrl("team", SHA, "demo-1!2.0+cu121-py3-none-any.whl")
    assert wheel_urls.parse(f"https://h{url.path}") == url
    assert wheel_urls.parse(f"https://h{url.path}".replace("+", "%2B")) == url


def test_lines_that_name_a_wheel_mean_its_content():
    canonical = f"demo-pkg @ wheel:{SHA}/{NAME}"
    same = [f"Demo.Pkg @ {URL}", URL, f"demo_pkg@{URL.replace('env.', 'other.').replace('team', 'crew')}"]
    assert {pip_lines.parse(line)[0].canonical for line in same} == {canonical}
    with_more, _ = pip_lines.parse(f"demo-pkg[B,a] @ {URL} ; python_version > '3'")
    assert with_more.canonical == f'demo-pkg[a,b] @ wheel:{SHA}/{NAME} ; python_version > "3"'
    assert pip_lines.parse("idna==3.10")[0].wheel is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"other @ {URL}", "the address is of demo-pkg, not of other"),
        (f"demo-pkg @ {URL} ; python_version > '3\u2028-r x'", "characters that no requirement has"),
        (f"demo-pkg @ https://__token__:x@h/workspaces/team/wheels/{SHA}/{NAME}", "holds credentials"),
    ],
)
def test_a_line_that_cannot_mean_a_wheel_is_refused(line, says):
    found, (finding,) = pip_lines.parse(line)
    assert (found, finding.severity) == (None, "error")
    assert says in finding.message


def test_the_image_key_holds_the_bytes_and_neither_host_nor_workspace():
    wanted = [
        read(compose("3.11", [], [], [line])) for line in (URL, URL.replace("env.example", "x").replace("team", "t"))
    ]
    assert wanted[0].image_key == wanted[1].image_key
    assert wanted[0].wheels == (WheelUrl("team", SHA, NAME),)
    other = read(compose("3.11", [], [], [URL.replace(SHA, "b" * 64)]))
    assert other.image_key != wanted[0].image_key
    assert [finding.code for finding in wanted[0].findings] == ["pip-unpinned"]


# What a wheel is


@pytest.mark.parametrize("name", ["demo.whl", "demo-1.0.tar.gz", "demo-1.0-py3-none.whl", "dé-1-py3-none-any.whl", ""])
def test_a_file_that_is_not_named_as_a_wheel_is_refused(name):
    with pytest.raises(UserFault, match="is not the name of a wheel"):
        wheel_files.read(io.BytesIO(make_wheel()), name)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "damaged or no zip"),
        (b"\x7fELF" * 100, "damaged or no zip"),
        (make_wheel()[:-30], "damaged or no zip"),
        (make_wheel(leave_out=["METADATA"]), "lacks WHEEL or METADATA"),
        (make_wheel(leave_out=["WHEEL"]), "lacks WHEEL or METADATA"),
        (make_wheel(leave_out=["WHEEL", "METADATA", "RECORD"]), "one folder"),
        (make_wheel(metadata="Name: demo_pkg\n"), "does not say a name and a version"),
        (make_wheel(metadata="Name: demo_pkg\nVersion: new\n"), "does not say a name and a version"),
        (make_wheel(version="1.1"), "says inside that it is demo-pkg 1.1"),
        (make_wheel(name="other"), "says inside that it is other 1.0"),
        (make_wheel(metadata="Name: demo_pkg\nVersion: 1.0\n\n" + "x" * 2_000_001), "longer than 2,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_wheel_is_refused_with_the_reason(data, says):
    with pytest.raises(UserFault, match=says):
        wheel_files.read(io.BytesIO(data), NAME)


class Watched(io.FileIO):
    """A file that knows how much was read at once."""

    most = 0

    def read(self, count=-1):
        data = super().read(count)
        self.most = max(self.most, len(data))
        return data


def test_a_list_of_files_that_would_fill_the_memory_is_not_read(tmp_path):
    end = bytearray(make_wheel())
    start = end.rfind(b"PK\5\6")
    end[start + 12 : start + 16] = struct.pack("<L", 40_000_000)
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.seek(40_000_000)
        file.write(end)
    with Watched(path) as file, pytest.raises(UserFault, match="damaged or no zip"):
        wheel_files.read(file, NAME)
    assert file.most <= 10_000_000


def test_metadata_that_is_packed_in_an_unusual_way_is_not_unpacked():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("demo_pkg-1.0.dist-info/METADATA", "Name: demo_pkg\nVersion: 1.0\n")
        archive.writestr("demo_pkg-1.0.dist-info/WHEEL", "")
    with pytest.raises(UserFault, match="packed in a way"):
        wheel_files.read(data, NAME)


def test_the_next_build_number():
    assert wheel_files.next_build(NAME) == "demo_pkg-1.0-1-py3-none-any.whl"
    assert wheel_files.next_build("demo_pkg-1.0-9-py3-none-any.whl") == "demo_pkg-1.0-10-py3-none-any.whl"


# What a workspace keeps


def test_a_wheel_is_kept_with_its_facts(workspace, editor, upload):
    data = make_wheel()
    wheel, is_new = workspace.add_wheel(upload(data), editor)
    assert is_new
    assert (wheel.name, wheel.version, wheel.filename, wheel.size) == ("demo-pkg", "1.0", NAME, len(data))
    assert (wheel.uploaded_by, wheel.sha256) == (editor, hashlib.sha256(data).hexdigest())
    with wheel.open() as file:
        assert file.read() == data
    assert not list(django_settings.UPLOADS.iterdir())


def test_the_same_bytes_again_are_the_same_wheel(workspace, wheel, editor, upload):
    assert workspace.add_wheel(upload(make_wheel()), editor) == (wheel, False)
    assert workspace.add_wheel(upload(make_wheel(), "demo_pkg-1.0-7-py3-none-any.whl"), editor) == (wheel, False)
    assert PrivateWheel.objects.count() == 1


def test_bytes_that_were_lost_come_back_with_another_upload(workspace, wheel, editor, upload):
    wheel_store.drop(wheel.sha256)
    assert workspace.add_wheel(upload(make_wheel()), editor) == (wheel, False)
    assert wheel.has_bytes


def test_the_same_name_with_other_bytes_is_refused_with_the_way_out(workspace, wheel, editor, upload, use):
    other = make_wheel(code="x = 2\n")
    with pytest.raises(UserFault) as raised:
        workspace.add_wheel(upload(other), editor)
    assert raised.value.message == (
        f"team has a wheel named {NAME} already, and its bytes are others. Raise its version, or give it a build "
        "number: demo_pkg-1.0-1-py3-none-any.whl. Or delete the one that is here first: nothing uses it."
    )
    use(wheel)
    with pytest.raises(UserFault, match=r"demo_pkg-1\.0-1-py3-none-any\.whl\.$"):
        workspace.add_wheel(upload(other), editor)
    assert workspace.add_wheel(upload(other, "demo_pkg-1.0-1-py3-none-any.whl"), editor)[1]


def test_what_is_refused_leaves_nothing(workspace, editor, upload):
    received = upload(b"junk")
    with pytest.raises(UserFault):
        workspace.add_wheel(received, editor)
    received.close()
    assert not list(django_settings.UPLOADS.iterdir())
    assert not django_settings.WHEELS.exists()


def test_a_file_is_cut_off_at_the_limit(upload, settings):
    settings.WHEEL_MB = 1
    received = upload(b"x" * 1_000_000)
    with pytest.raises(TooLarge, match="at most 1 MB"):
        received.receive(b"x")


def test_what_an_upload_left_behind_is_swept_away_after_a_day(upload, settings):
    old, new = upload(b"old"), upload(b"new")
    os.utime(old.file.name, (0, 0))
    uploads.sweep()
    assert [str(path) for path in settings.UPLOADS.iterdir()] == [new.file.name]


def test_workspaces_share_bytes_and_the_file_goes_with_the_last(
    workspace, wheel, editor, upload, django_capture_on_commit_callbacks
):
    elsewhere = Workspace.objects.create(name="elsewhere")
    _, is_new = elsewhere.add_wheel(upload(make_wheel()), editor)
    assert is_new
    path = wheel_store.path_of(wheel.sha256)
    with django_capture_on_commit_callbacks(execute=True):
        wheel.delete_unused()
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        elsewhere.delete()
    assert not path.exists()
    assert not PrivateWheel.objects.exists()


@pytest.fixture
def use(environment, editor, wanted):
    """Register a version that names this wheel."""

    def use(wheel, *more):
        line = wheel.line("https://env.example.org/")
        return environment.register(wanted(line, *more), editor)[0]

    return use


def test_a_version_knows_its_wheels_and_keeps_them(wheel, use, environment):
    versions = [use(wheel), *(use(wheel, f"idna=={n}") for n in range(11))]
    assert list(versions[0].wheels.all()) == [wheel]
    with pytest.raises(WheelInUse) as raised:
        wheel.delete_unused()
    named = ", ".join(f"science {n}" for n in range(1, 11))
    assert raised.value.message == f"Versions that never change name {NAME}: {named}, 2 more."
    environment.delete()
    wheel.delete_unused()
    assert not PrivateWheel.objects.exists()


def test_a_definition_names_only_wheels_of_its_own_workspace(wheel, use, workspace, editor, wanted):
    elsewhere = Workspace.objects.create(name="elsewhere").add_environment("theirs", editor)
    with pytest.raises(DefinitionFault) as raised:
        elsewhere.register(wanted(wheel.line("https://h")), editor)
    assert [finding.code for finding in raised.value.findings] == ["wheel-missing"]
    assert raised.value.message == f"{NAME} is no private wheel of this workspace. Upload it there first."
    assert elsewhere.latest is None
    with pytest.raises(DefinitionFault):
        use(PrivateWheel(workspace=workspace, filename=NAME, name="demo-pkg", sha256=SHA))


def test_what_is_registered_already_is_found_without_another_look(use, wheel, environment, editor):
    version = use(wheel)
    assert environment.register(version.definition, editor) == (version, False)


# Signed addresses


def test_a_signature_is_for_one_wheel_and_a_short_time(wheel, workspace, editor, upload, monkeypatch):
    other = workspace.add_wheel(upload(make_wheel(version="2.0"), "demo_pkg-2.0-py3-none-any.whl"), editor)[0]
    signature = wheel.signature()
    assert wheel.accepts(signature)
    assert not other.accepts(signature)
    assert not wheel.accepts(signature[:-1])
    assert not wheel.accepts("")
    later = signing.time.time() + 601
    monkeypatch.setattr(signing.time, "time", lambda: later)
    assert not wheel.accepts(signature)


# Two at once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_of_two_uploads_at_once_one_is_kept(workspace, editor, upload, same):
    answers = []

    def add(received):
        try:
            answers.append(workspace.add_wheel(received, editor)[1])
        except UserFault:
            answers.append("refused")
        finally:
            connection.close()

    uploads = [upload(make_wheel()), *(upload(make_wheel(code=f"x = {1 if same else n}\n")) for n in range(2, 5))]
    threads = [threading.Thread(target=add, args=[each]) for each in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, answers)) == (["False"] * 3 if same else []) + ["True"] + ([] if same else ["refused"] * 3)
    (kept,) = PrivateWheel.objects.all()
    with kept.open() as file:
        assert hashlib.sha256(file.read()).hexdigest() == kept.sha256
