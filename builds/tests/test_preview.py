"""Resolving while somebody types, with the real resolver and the real index."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse

from builds import preview, process, uv
from builds.failures import Failure
from builds.tests.in_process import HERE
from environments import definition
from environments.models import Interpreter
from envportal.tests.wheel_maker import make_wheel

pytestmark = pytest.mark.usefixtures("pythons")


@pytest.fixture
def ask(wanted):
    return lambda *pip, **more: preview.resolve(wanted(*pip, **{"python": HERE} | more), "me")


def test_it_says_what_would_be_installed_and_leaves_nothing_behind(ask, settings):
    answer = ask("requests==2.32.3")
    assert (answer.failure, answer.supplier, answer.platform) == (None, None, uv.this_platform())
    assert {package.name for package in answer.packages} >= {"requests", "idna", "urllib3"}
    assert [package.name for package in answer.packages if package.direct] == ["requests"]
    assert answer.size > 100_000
    assert list(settings.WORK.iterdir()) == []


@pytest.mark.parametrize(
    ("pip", "failure", "says"),
    [
        (["scipy==1.9.3", "numpy==2.1.0"], Failure.CONFLICT, "numpy"),
        (["envportal-no-such-package-x1"], Failure.PACKAGE_NOT_FOUND, "envportal-no-such-package-x1"),
        (["idna==99"], Failure.NO_VERSION, "idna"),
        (["x @ git+https://example.org/x"], Failure.NOT_BUILDABLE, "source code"),
        (["x @ https://example.org/x-1.0-py3-none-any.whl"], Failure.NOT_BUILDABLE, "asked by a build only"),
        (["--extra-index-url https://example.org/simple", "idna"], Failure.NOT_BUILDABLE, "asked by a build only"),
    ],
)
def test_it_says_why_nothing_can_be_installed(ask, pip, failure, says):
    answer = ask(*pip)
    assert (answer.packages, answer.failure.failure) == ((), failure)
    assert says in answer.failure.reason


def test_a_python_that_no_worker_has_is_named_with_those_there_are(ask):
    answer = ask("idna", python="3.7")
    assert answer.failure.failure == Failure.PYTHON_MISSING
    assert Interpreter.objects.versions()[0] in answer.failure.reason


def test_what_a_build_made_answers_at_once(ask, make):
    build = make("idna==3.10")
    answer = ask("idna==3.10")
    assert (answer.supplier, [package.name for package in answer.packages]) == (build, ["idna"])
    assert answer.seconds < 0.5


def test_a_private_wheel_is_resolved_from_the_store(ask, workspace, editor, upload):
    wheel, _ = workspace.add_wheel(upload(make_wheel(), "demo_pkg-1.0-py3-none-any.whl"), editor)
    answer = ask(wheel.line("https://env.example.org"))
    (package,) = [package for package in answer.packages if package.name == "demo-pkg"]
    assert (package.version, package.sha256) == ("1.0", wheel.sha256)


@pytest.mark.django_db(transaction=True)
def test_a_newer_question_ends_the_older_one(wanted, monkeypatch, settings):
    asked = threading.Event()
    slow = ["/bin/sh", "-c", "sleep 60"]
    quick = uv.compile_lock

    def compile_lock(*arguments):
        if not asked.is_set():
            asked.set()
            return slow
        return quick(*arguments)

    monkeypatch.setattr(uv, "compile_lock", compile_lock)

    def question(*pip):
        try:
            return preview.resolve(wanted(*pip, python=HERE), "me")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        older = pool.submit(question, "rich")
        assert asked.wait(20)
        assert [package.name for package in question("idna==3.10").packages] == ["idna"]
        with pytest.raises(preview.Superseded):
            older.result(20)
    assert list(settings.WORK.iterdir()) == []


def test_a_resolver_that_takes_too_long_or_too_much_is_ended_with_a_sentence(ask, monkeypatch, settings):
    settings.PREVIEW_SECONDS = 1
    monkeypatch.setattr(uv, "compile_lock", lambda *_: ["/bin/sh", "-c", "sleep 60"])
    assert "takes longer than 1 s" in ask("rich").failure.reason
    settings.PREVIEW_SECONDS, settings.PREVIEW_MEMORY = 20, 100
    monkeypatch.setattr(uv, "compile_lock", lambda *_: ["/bin/sh", "-c", "tail /dev/zero"])
    assert ask("rich").failure.failure == Failure.OUT_OF_MEMORY


@pytest.mark.django_db(transaction=True)
def test_no_more_questions_than_places_are_answered_at_once(wanted, monkeypatch, settings):
    at_once, most, guard = 0, 0, threading.Lock()
    run = process.run

    def counted(*arguments, **more):
        nonlocal at_once, most
        with guard:
            at_once, most = at_once + 1, max(most, at_once + 1)
        try:
            return run(*arguments, **more)
        finally:
            with guard:
                at_once -= 1

    monkeypatch.setattr(process, "run", counted)

    def question(n):
        try:
            return preview.resolve(wanted(f"idna=={n}", python=HERE), n)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(question, ["3.10", "3.9", "3.8", "3.7", "3.6", "3.4"]))
    assert all(answer.packages for answer in answers)
    assert most <= settings.PREVIEWS_AT_ONCE


# Conda


def test_conda_and_pip_are_resolved_together(ask, conda):
    answer = ask("python-dateutil==2.9.0.post0", conda=["joblike"], channels=["team"])
    assert answer.failure is None
    found = {(package.manager, package.name): package.direct for package in answer.packages}
    assert found["conda", "joblike"] is True
    assert ("conda", "python") in found
    assert found["pip", "python-dateutil"] is True
    assert answer.python.startswith(HERE)


def test_what_conda_cannot_solve_is_said_in_words(ask, conda):
    answer = ask(conda=["nothing-of-that-name"], channels=["team"])
    assert (answer.packages, answer.failure.failure) == ((), Failure.PACKAGE_NOT_FOUND)


def test_what_conda_provides_is_blamed_as_a_build_would(ask, conda):
    answer = ask("requests==2.32.3", conda=["urllib3"], channels=["team"])
    assert answer.failure.failure == Failure.CONFLICT
    assert answer.failure.reason.endswith("Conda provides urllib3 1.20.")


def test_a_channel_that_may_not_be_asked_while_one_types_is_not_asked(ask, conda):
    answer = ask(conda=["joblike"], channels=["http://127.0.0.1:9/team"])
    assert "is asked by a build only" in answer.failure.reason


# The panel


def posted(**changes):
    return {"python": HERE, "pip_name": ["idna"], "pip_constraint": ["==3.10"]} | changes


def panel(client, query="", **changes):
    return client.post(reverse("preview", args=["team"]) + query, posted(**changes), headers={"HX-Request": "true"})


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def test_the_panel_says_what_each_row_gets(signed_in, workspace):
    page = panel(signed_in).content.decode()
    assert "Fits together" in page
    assert '<span class="answer" id="answer-pip-0" hx-swap-oob="true"><span class="mono">3.10</span></span>' in page


def test_the_panel_offers_to_leave_a_requirement_open(signed_in, workspace):
    conflict = {"pip_name": ["scipy", "numpy"], "pip_constraint": ["==1.9.3", "==2.1.0"]}
    answer = panel(signed_in, **conflict)
    assert "Does not fit" in answer.content.decode()
    assert [fix.title for fix in answer.context["relax"]] == ["Any version of scipy", "Any version of numpy"]
    where = answer.context["relax"][1].where
    new = signed_in.post("/workspaces/team/new/", posted(**conflict, edit=f"relax-{where}")).context["editing"]
    assert [(row.name, row.constraint) for row in new.rows.pip] == [("scipy", "==1.9.3"), ("numpy", "")]


def test_the_panel_waits_until_errors_are_mended(signed_in, workspace):
    assert "Errors come first" in panel(signed_in, pip_constraint=["=3"]).content.decode()


def test_the_panel_compares_with_what_the_latest_version_installed(signed_in, make):
    make("idna==3.9")
    changes = panel(signed_in, "?environment=science").context["changes"]
    assert [(change.kind, change.name, change.before, change.after, change.level) for change in changes] == [
        ("up", "idna", "3.9", "3.10", "minor")
    ]


def test_another_environment_is_not_found_and_a_get_is_no_question(signed_in, workspace):
    assert panel(signed_in, "?environment=nothing").status_code == 404
    assert signed_in.get(reverse("preview", args=["team"])).status_code == 405


# The API


def test_the_api_resolves_a_definition(api, editor, workspace, wanted):
    wished = wanted("idna==3.10", python=HERE).document
    answer = api(editor).post("/api/v1/resolve/", {"definition": wished}, content_type="application/json").json()
    assert answer["failure"] is None
    assert (answer["fits"], answer["image_key"]) == (True, definition.read(wished).image_key)
    assert [(package["name"], package["version"]) for package in answer["packages"]] == [("idna", "3.10")]
    conflict = wanted("scipy==1.9.3", "numpy==2.1.0", python=HERE).document
    answer = api(editor).post("/api/v1/resolve/", {"definition": conflict}, content_type="application/json").json()
    assert (answer["fits"], answer["failure"]["failure"], answer["packages"]) == (False, "conflict", [])


def resolved(api, editor, **asked):
    return api(editor).post("/api/v1/resolve/", asked, content_type="application/json")


def test_the_api_says_what_changes_against_a_version_and_what_is_installed(api, editor, stranger, wanted, index, make):
    index.put_wheels("demo-pkg", "1.0")
    build = make("demo-pkg==1.0")
    index.put_wheels("demo-pkg", "1.0", "1.1")
    against = "team/science/1"
    same = resolved(api, editor, definition=build.version.document, against=against).json()
    assert (same["is_built"], same["changes"], same["size"]) == (True, [], len(make_wheel()))
    assert same["installed_size"] == build.steps.get(name="install").bytes > 0
    newer = wanted("demo-pkg>=1.1", python=HERE).document
    other = resolved(api, editor, definition=newer, against=against).json()
    assert (other["is_built"], other["installed_size"]) == (False, None)
    assert [(change["name"], change["before"], change["after"]) for change in other["changes"]] == [
        ("demo-pkg", "1.0", "1.1")
    ]
    assert resolved(api, editor, definition=newer).json()["changes"] is None
    assert resolved(api, stranger, definition=newer, against=against).status_code == 404
    assert resolved(api, editor, definition=newer, against="science").status_code == 400


def test_the_api_resolves_for_another_platform(api, editor, workspace, wanted, index):
    python = HERE.replace(".", "")
    there = [f"cp{python}-cp{python}-manylinux_2_17_{machine}" for machine in ("x86_64", "aarch64")]
    index.put_wheels("demo-pkg", "1.0", tags=there)
    wished = wanted("demo-pkg", python=HERE).document
    answers = [resolved(api, editor, definition=wished, platform=platform).json() for platform in uv.TARGETS]
    assert [answer["platform"] for answer in answers] == list(uv.TARGETS)
    assert len({answer["packages"][0]["sha256"] for answer in answers}) == 1  # these two have the same bytes
    assert answers[0]["image_key"] == answers[1]["image_key"]
    assert resolved(api, editor, definition=wished, platform="win-64").status_code == 400


def test_the_api_says_which_requirements_would_help_and_how(api, editor, workspace, wanted, index):
    index.put_wheels("demo-pkg", "1.0", requires=["helper-pkg<2"])
    index.put_wheels("helper-pkg", "1.0", "2.0")
    wished = wanted("demo-pkg==1.0", "helper-pkg==2.0", python=HERE).document
    answer = resolved(api, editor, definition=wished).json()
    assert (answer["fits"], answer["needs_build"], answer["failure"]["failure"]) == (False, False, "conflict")
    assert len(answer["failure"]["chain"]) > 1
    assert [(fix["title"], fix["verb"], fix["value"]) for fix in answer["relax"]] == [
        ("Any version of demo-pkg", "set", "demo-pkg"),
        ("Any version of helper-pkg", "set", "helper-pkg"),
    ]
    *way, last = answer["relax"][1]["path"]
    place = wished
    for step in way:
        place = place[step]
    place[last] = answer["relax"][1]["value"]
    assert resolved(api, editor, definition=wished).json()["fits"] is True


# Many at once


@pytest.mark.django_db(transaction=True)
def test_thirty_people_are_all_answered(wanted, settings):
    settings.PREVIEW_SECONDS = 60  # on a busy machine

    def question(n):
        try:
            answer = preview.resolve(wanted("idna==3.10", python=HERE, environmentVariables={"N": str(n)}), n)
            return [package.name for package in answer.packages]
        finally:
            connection.close()

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(question, range(30))) == [["idna"]] * 30


@pytest.fixture
def crowd():
    """Somebody else has all the places, as long as the test runs."""
    with ExitStack() as stack:
        for n in range(settings.PREVIEWS_AT_ONCE):
            stack.enter_context(preview.places.take(("crowd", n), "crowd", 1))
        yield


def test_a_build_does_not_wait_for_those_who_ask(crowd, make):
    assert make("idna==3.10").status == "succeeded"


def test_the_panel_says_how_many_are_before_and_asks_again(signed_in, workspace, crowd, monkeypatch):
    monkeypatch.setattr("builds.preview_views.PATIENCE", 0.05)
    page = panel(signed_in).content.decode()
    assert "Many people resolve something just now; you are next. This is asked again by itself." in page
    assert f'hx-post="{reverse("preview", args=["team"])}" hx-trigger="load delay:500ms"' in page
    assert "Does not fit" not in page


def test_the_api_says_that_others_have_all_places(api, editor, wanted, settings, crowd):
    settings.PREVIEW_SECONDS = 0.05
    wished = wanted("idna==3.10", python=HERE).document
    answer = api(editor).post("/api/v1/resolve/", {"definition": wished}, content_type="application/json")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json() == {"detail": "Many people resolve something just now; you are next. Ask again."}
