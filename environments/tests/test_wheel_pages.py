"""Private wheels as people and scripts meet them: pages, API, downloads."""

import base64

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from environments.models import Interpreter, Token
from environments.uploads import UploadHandler
from environments.wheels import PrivateWheel
from envportal.tests.wheel_maker import make_wheel

NAME = "demo_pkg-1.0-py3-none-any.whl"
PAGE = "/workspaces/team/wheels/"
API = "/api/v1/workspaces/team/wheels/"


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def file(data=None, name=NAME):
    return {"file": SimpleUploadedFile(name, make_wheel() if data is None else data)}


def text_of(answer):
    return answer.content.decode()


def bytes_of(answer):
    return b"".join(answer.streaming_content)


# Pages


def test_an_empty_list_teaches_what_a_wheel_is(signed_in, workspace):
    assert "python -m build --wheel" in text_of(signed_in.get(PAGE))


def test_an_uploaded_wheel_is_shown_with_the_line_to_paste(signed_in, editor):
    answer = signed_in.post(PAGE, file())
    wheel = PrivateWheel.objects.get()
    assert answer.headers["Location"] == wheel.get_absolute_url() == f"{PAGE}{wheel.sha256}/"
    line = f"demo-pkg @ http://testserver{PAGE}{wheel.sha256}/{NAME}"
    for page in (PAGE, wheel.get_absolute_url()):
        shown = text_of(signed_in.get(page))
        assert line in shown
        assert "demo-pkg 1.0" in shown
        assert "edgar" in shown


def test_a_form_with_its_token_is_read_as_a_browser_sends_it(editor, workspace):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor)
    strict.get(PAGE)
    token = strict.cookies["csrftoken"].value
    assert strict.post(PAGE, file()).status_code == 403
    assert strict.post(PAGE, {"csrfmiddlewaretoken": token} | file()).status_code == 302


def test_the_same_bytes_again_say_so(signed_in, wheel):
    answer = signed_in.post(PAGE, file(), follow=True)
    assert f"These bytes are here already, as {NAME}." in text_of(answer)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, "Choose a wheel"),
        ({"file": "text"}, "Choose a wheel"),
        (file(name="demo.zip"), "is not the name of a wheel"),
        (file(b"junk"), "damaged or no zip archive"),
        (file(make_wheel(code="x = 2\n")), "its bytes are others"),
    ],
)
def test_what_cannot_be_kept_is_refused_on_the_page(signed_in, wheel, sent, says):
    answer = signed_in.post(PAGE, sent)
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert PrivateWheel.objects.count() == 1


@pytest.fixture
def received(monkeypatch):
    """How many bytes of files were taken in."""
    counts = []
    take = UploadHandler.receive_data_chunk

    def count(handler, data, start):
        counts.append(len(data))
        return take(handler, data, start)

    monkeypatch.setattr(UploadHandler, "receive_data_chunk", count)
    return counts


def test_too_large_a_file_is_cut_off_while_it_comes(signed_in, workspace, settings, received):
    settings.WHEEL_MB = 1
    answer = signed_in.post(PAGE, file(b"x" * 4_000_000))
    assert answer.status_code == 413
    assert "A wheel has at most 1 MB here" in text_of(answer)
    assert sum(received) < 1_100_000
    assert not list(settings.UPLOADS.iterdir())


def test_a_wheel_is_deleted_after_a_page_that_says_what_goes(signed_in, wheel):
    url = reverse("wheel-delete", args=["team", wheel.sha256])
    assert "cannot be brought back" in text_of(signed_in.get(url))
    assert PrivateWheel.objects.exists()
    answer = signed_in.post(url, follow=True)
    assert f"Deleted {NAME}." in text_of(answer)
    assert not PrivateWheel.objects.exists()


@pytest.fixture
def used(wheel, environment, editor, wanted):
    environment.register(wanted(wheel.line("http://testserver/")), editor)
    return wheel


def test_a_wheel_that_is_used_stays_and_the_page_names_the_versions(signed_in, used):
    url = reverse("wheel-delete", args=["team", used.sha256])
    assert "Delete wheel</button>" not in text_of(signed_in.get(url))
    answer = signed_in.post(url)
    assert answer.status_code == 409
    assert f"Versions that never change name {NAME}: science 1." in text_of(answer)
    assert PrivateWheel.objects.exists()
    assert "/workspaces/team/environments/science/versions/1/" in text_of(signed_in.get(used.get_absolute_url()))


def test_a_wheel_is_named_in_the_editor_and_survives_an_edit(signed_in, wheel):
    Interpreter.objects.create(worker="w", version="3.11.7", path="/usr/bin/python3.11")
    line = wheel.line("http://testserver/")
    data = {"name": "science", "python": "3.11", "pip_name": [line], "pip_constraint": [""]}
    page = signed_in.post("/workspaces/team/new/", data, follow=True)
    assert page.status_code == 200
    assert f'/{wheel.sha256}/">{NAME}</a>' in text_of(page)
    url = reverse("new-version", args=["team", "science"])
    editing = signed_in.get(url).context["editing"]
    (row,) = editing.rows.pip
    assert (row.name, row.constraint) == ("demo-pkg", "@ " + line.split(" @ ")[1])
    data = {"conda": editing.draft.conda, "python": "3.11", "pip_name": [row.name], "pip_constraint": [row.constraint]}
    data |= {"pip_at": [row.at], "pip_was": [row.original]}
    assert "Nothing changed" in text_of(signed_in.post(url, data, follow=True))


@pytest.mark.parametrize("url", ["/workspaces/team/new/", "/workspaces/team/environments/science/new-version/"])
def test_a_wheel_that_is_not_here_is_said_in_the_editor(signed_in, environment, url):
    Interpreter.objects.create(worker="w", version="3.11.7", path="/usr/bin/python3.11")
    line = f"demo-pkg @ http://testserver{PAGE}{'a' * 64}/{NAME}"
    data = {"name": "other", "python": "3.11", "pip_name": [line], "pip_constraint": [""]}
    answer = signed_in.post(url, data)
    assert answer.status_code == 422
    assert "is no private wheel of this workspace. Upload it there first." in text_of(answer)


def test_a_viewer_is_offered_neither_upload_nor_deletion(client, viewer, wheel):
    client.force_login(viewer)
    for url in (PAGE, wheel.get_absolute_url()):
        page = text_of(client.get(url))
        assert "Upload wheel" not in page
        assert "/delete/" not in page


# API


def test_a_script_uploads_lists_and_deletes(api, editor):
    caller = api(editor)
    answer = caller.post(API, file())
    wheel = PrivateWheel.objects.get()
    made = answer.json()
    assert (answer.status_code, {**made, "created": None}) == (
        201,
        {
            "filename": NAME,
            "workspace": "team",
            "name": "demo-pkg",
            "version": "1.0",
            "sha256": wheel.sha256,
            "size": wheel.size,
            "uploaded_by": "edgar",
            "created": None,
            "used_by": 0,
            "line": f"demo-pkg @ http://testserver{PAGE}{wheel.sha256}/{NAME}",
        },
    )
    again = caller.post(API, file())
    assert (again.status_code, again.json()) == (200, made)
    assert caller.get(API).json() == {"results": [made], "next": None}
    assert caller.get(f"{API}{wheel.sha256}/").json() == made | {"used_by": []}
    assert caller.delete(f"{API}{wheel.sha256}/").status_code == 204
    assert caller.get(f"{API}{wheel.sha256}/").status_code == 404


def test_a_script_is_told_what_keeps_a_wheel(api, editor, used):
    answer = api(editor).delete(f"{API}{used.sha256}/")
    assert (answer.status_code, answer.json()) == (
        409,
        {
            "detail": f"Versions that never change name {NAME}: science 1.",
            "used_by": [{"environment": "science", "version": 1}],
        },
    )


@pytest.mark.parametrize(
    ("sent", "says"),
    [({}, "Choose a wheel"), (file(b""), "Choose a wheel|damaged"), (file(name="x.zip"), "not the name")],
)
def test_a_script_is_told_what_is_wrong_with_a_file(api, editor, sent, says):
    answer = api(editor).post(API, sent)
    assert answer.status_code == 400
    assert any(part in answer.json()["file"][0] for part in says.split("|"))


def test_a_script_is_told_that_a_file_is_too_large(api, editor, settings):
    settings.WHEEL_MB = 1
    answer = api(editor).post(API, file(b"x" * 2_000_000))
    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "A wheel has at most 1 MB here. An administrator can allow more."},
    )


def test_a_body_that_is_no_form_is_a_fault_of_the_caller(api, editor):
    caller = api(editor)
    assert caller.post(API, {"file": "x"}, content_type="application/json").status_code == 415
    damaged = caller.post(API, b"--x\r\nnonsense", content_type="multipart/form-data; boundary=x")
    assert damaged.status_code == 400


# Downloads


def test_members_fetch_a_wheel_and_strangers_find_none(client, viewer, stranger, wheel):
    client.force_login(viewer)
    answer = client.get(wheel.file_path)
    assert bytes_of(answer) == make_wheel()
    assert answer.headers["Content-Length"] == str(wheel.size)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{NAME}"'
    client.force_login(stranger)
    assert client.get(wheel.file_path).status_code == 404


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        lambda token: f"Bearer {token}",
        lambda token: basic(f"__token__:{token}"),
        lambda token: basic(f"{token}:"),
    ],
)
def test_a_token_fetches_what_its_person_may(client, viewer, stranger, wheel, header):
    fetch = lambda user: client.get(wheel.file_path, headers={"Authorization": header(Token.issue(user))})  # noqa: E731
    assert bytes_of(fetch(viewer)) == make_wheel()
    assert fetch(stranger).status_code == 404


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Bearer", "Basic", "Basic ü", "Basic eA==", basic("a:b"), "Digest x"]
)
def test_who_is_nobody_is_asked_for_a_token(client, wheel, header):
    answer = client.get(wheel.file_path, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_signed_address_needs_no_person_and_does_not_last(client, wheel, monkeypatch):
    url = wheel.signed_url().removeprefix("http://127.0.0.1:8000")
    assert bytes_of(client.get(url)) == make_wheel()
    assert client.get(url[:-1]).status_code == 403
    assert client.get(url.replace(NAME, "demo_pkg-1.1-py3-none-any.whl")).status_code == 403
    later = signing.time.time() + 601
    monkeypatch.setattr(signing.time, "time", lambda: later)
    assert client.get(url).status_code == 403


def test_another_name_for_the_same_bytes_is_no_address(client, viewer, wheel):
    client.force_login(viewer)
    assert client.get(wheel.file_path.replace("1.0", "1.1")).status_code == 404
    assert client.post(wheel.file_path).status_code == 405
