import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from builds.failures import Failure
from builds.log import LogWriter
from builds.models import Build, Status, Worker
from builds.tests.test_models import succeed


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def running(build):
    """A running build whose first two steps have each written a line."""
    build.move_to(Status.RUNNING, worker="w")
    writer = LogWriter(build)
    for name in ("resolve", "install"):
        build.steps.filter(name=name).update(
            status=Status.RUNNING, started=timezone.now(), offset=writer.offset, line=writer.lines
        )
        writer.say(f"<{name}> & so on")
    build.steps.filter(name="resolve").update(status=Status.SUCCEEDED, ended=timezone.now())
    return build


def page_of(client, build):
    return client.get(build.get_absolute_url()).content.decode()


def live(client, build, offset, number, status):
    query = {"offset": offset, "number": number, "state": status}
    return client.get(reverse("build-live", args=[build.pk]), query, headers={"HX-Request": "true"})


def test_a_queued_build_shows_its_place_and_that_nobody_works(signed_in, build, environment, editor, wanted):
    version, _ = environment.register(wanted("idna==3.9"), editor)
    later = version.builds.request(version, editor)
    page = page_of(signed_in, later)
    assert "2nd in the queue, after 1 other." in page
    assert "No worker is running" in page
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now())
    page = page_of(signed_in, later)
    assert "No worker is running" not in page
    assert "Workers take those before it first." in page


def test_lines_stand_in_the_fold_of_their_step_as_text(signed_in, running):
    page = page_of(signed_in, running)
    resolve, install = page.split('id="lines-resolve"')[1].split('id="lines-install"')
    assert "&lt;resolve&gt; &amp; so on" in resolve
    assert "&lt;install&gt; &amp; so on" in install
    assert 'id="L1"' in resolve
    assert 'id="L2"' in install
    assert "Installing" in page
    assert 'hx-trigger="load delay:500ms, every 5s"' in page


def test_a_browser_gets_what_is_new_and_nothing_twice(signed_in, running):
    size = sum(len(chunk.data) for chunk in running.chunks.all())
    part = live(signed_in, running, size, 3, "running-installing-0").content.decode()
    assert "so on" not in part
    assert f"offset={size}&amp;number=3&amp;state=running-installing-0" in part
    assert 'id="head"' not in part
    writer = LogWriter(running)
    writer.say("a third line")
    part = live(signed_in, running, size, 3, "running").content.decode()
    assert part.count("a third line") == 1
    assert 'hx-swap-oob="beforeend:#lines-install"' in part
    assert 'id="L3"' in part
    assert f"offset={size + 13}&amp;number=4" in part


def test_the_log_ends_by_itself_when_the_build_does(signed_in, running):
    running.fail(Failure.NETWORK, "The index could not be reached.")
    size = sum(len(chunk.data) for chunk in running.chunks.all())
    part = live(signed_in, running, size, 3, "running").content.decode()
    assert 'id="poll"' not in part
    assert "The index could not be reached" in part
    assert 'id="head"' in part


@pytest.mark.parametrize("query", [{}, {"offset": "x", "number": 1, "state": "running"}, {"offset": -1, "number": 1}])
def test_a_request_for_news_that_makes_no_sense_is_refused(signed_in, build, query):
    assert signed_in.get(reverse("build-live", args=[build.pk]), query).status_code == 400


def test_a_failed_build_says_why_where_and_what_to_do(signed_in, running):
    running.fail(Failure.CONFLICT, "These do not fit.", line=2)
    page = page_of(signed_in, running)
    assert "These do not fit" in page
    assert 'href="?line=2#L2"' in page
    assert '<li id="L2" data-level="error">' in page
    assert "Relax one of the requirements" in page
    assert "Failed in install" in page
    assert "Not reached" in page
    assert "Build again" in page


def test_a_reused_build_names_its_supplier(signed_in, build, version, editor):
    succeed(build)
    page = page_of(signed_in, version.builds.request(version, editor))
    assert "Nothing had to be built" in page
    assert build.get_absolute_url() in page


def test_a_build_that_waited_names_its_supplier_without_a_reload(signed_in, build, version, editor):
    waiting = version.builds.request(version, editor)
    page = page_of(signed_in, waiting)
    assert "Waits for a build of the same packages" in page
    assert "No worker is running" in page
    succeed(build)
    assert waiting.finish_from_twin()
    part = live(signed_in, waiting, 0, 1, "queued--1").content.decode()
    assert "Nothing had to be built" in part
    assert build.get_absolute_url() in part


def test_a_supplier_in_a_workspace_of_others_is_not_linked(client, stranger, build, wanted):
    succeed(build)
    elsewhere = stranger.memberships.get().workspace
    version, _ = elsewhere.add_environment("mine", stranger).register(wanted("idna==3.10"), stranger)
    client.force_login(stranger)
    page = page_of(client, version.builds.request(version, stranger))
    assert "in a workspace that you are not a member of" in page
    assert build.get_absolute_url() not in page
    assert "science" not in page


def test_cancel_is_offered_while_it_can_be_and_ends_the_build(signed_in, running):
    assert "Cancel build" in page_of(signed_in, running)
    answer = signed_in.post(reverse("build-cancel", args=[running.pk]), follow=True)
    page = answer.content.decode()
    assert "Cancelled by edgar." in page
    assert "Cancel build" not in page
    signed_in.post(reverse("build-cancel", args=[running.pk]))
    assert Build.objects.get(pk=running.pk).status == Status.CANCELLED


def test_the_raw_log_is_plain_text(signed_in, running):
    answer = signed_in.get(reverse("build-log", args=[running.pk]))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.getvalue() == b"<resolve> & so on\n<install> & so on\n"


def test_home_shows_what_builds_and_what_failed(signed_in, running, version, editor):
    failed = version.builds.request(version, editor)
    failed.fail(Failure.PACKAGE_NOT_FOUND, "The index has no package named nosuch.")
    page = signed_in.get("/").content.decode()
    assert "Installing" in page
    assert "The index has no package named nosuch." in page


def test_the_api_reads_a_build(api, editor, build):
    succeed(build)
    body = api(editor).get(reverse("api-build", args=[build.pk])).json()
    assert body["status"] == "succeeded"
    assert body["reused_from"] is None
    assert [step["name"] for step in body["steps"]] == ["resolve", "install", "check", "pack"]
    assert [(p["manager"], p["name"], p["version"], p["direct"]) for p in body["packages"]] == [
        ("pip", "idna", "3.10", True)
    ]


def test_the_api_answers_a_second_request_from_the_first_build(api, editor, version):
    url = reverse("api-version-builds", args=["team", "science", 1])
    caller = api(editor)
    first = caller.post(url, content_type="application/json")
    assert (first.status_code, first.json()["status"], first.json()["packages"]) == (201, "queued", [])
    succeed(Build.objects.get())
    second = caller.post(url, content_type="application/json")
    assert (second.status_code, second.json()["status"]) == (200, "succeeded")
    assert second.json()["reused_from"] == first.json()["id"]
    assert [package["name"] for package in second.json()["packages"]] == ["idna"]


def test_the_api_reads_a_log_by_offset(api, editor, running):
    url = reverse("api-build-log", args=[running.pk])
    caller = api(editor)
    assert caller.get(url).content == b"<resolve> & so on\n<install> & so on\n"
    rest = caller.get(url, {"offset": 18})
    assert (rest.content, rest.headers["X-Next-Offset"]) == (b"<install> & so on\n", "36")
    assert caller.get(url, {"offset": 999}).content == b""
    assert caller.get(url, {"offset": "x"}).status_code == 400
    assert caller.get(url, {"offset": -1}).json() == {"offset": ["Ensure this value is greater than or equal to 0."]}


def test_the_api_cancels_once(api, editor, build):
    url = reverse("api-build-cancel", args=[build.pk])
    caller = api(editor)
    assert caller.post(url).json()["status"] == "cancelled"
    again = caller.post(url)
    assert (again.status_code, again.json()) == (409, {"detail": "This build has ended already: cancelled by edgar."})


def test_a_build_that_is_not_there_is_not_found(api, editor):
    assert api(editor).get(reverse("api-build", args=[uuid.uuid4()])).status_code == 404


def test_healthz_says_what_is_wrong(client, db, settings):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["workers"]) == (503, 0)
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now())
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["database"]) == (200, "ok", "ok")
    Worker.objects.update(heard_at=timezone.now() - timedelta(minutes=2))
    assert client.get("/healthz").status_code == 503
    Worker.objects.update(heard_at=timezone.now())
    settings.MIN_FREE_DISK = 10**9
    assert client.get("/healthz").status_code == 503


def test_a_conflict_stands_on_top_of_the_page_and_in_the_api_step_by_step(client, api, build, editor):
    build.move_to(Status.RUNNING, worker="w")
    links = ["scipy==1.9.3 needs numpy<1.26.0", "you require numpy==2.1.0", "so <it> cannot be"]
    build.fail("conflict", "The requirements do not fit together. Because …", 2, "cause: Because scipy==1.9.3 <", links)
    client.force_login(editor)
    page = client.get(build.get_absolute_url()).content.decode()
    assert (
        "<li><span>scipy==1.9.3 needs numpy&lt;1.26.0</span></li><li><span>you require numpy==2.1.0</span></li>"
        "<li><span>so &lt;it&gt; cannot be" in page
    )
    assert (
        '<a href="?line=2#L2">Line 2 of the log</a> shows it: <q><code>cause: Because scipy==1.9.3 &lt;</code></q>'
        in page
    )
    assert "Relax one of the requirements that are named." in page
    told = api(editor).get(reverse("api-build", args=[build.pk])).json()
    assert {name: told[name] for name in ("failure", "reason_line", "quote", "advice", "chain")} == {
        "failure": "conflict",
        "reason_line": 2,
        "quote": "cause: Because scipy==1.9.3 <",
        "advice": "Relax one of the requirements that are named.",
        "chain": links,
    }


def test_steps_that_were_never_begun_have_no_empty_fold(signed_in, running):
    assert 'id="lines-check"' in page_of(signed_in, running)
    running.fail(Failure.NETWORK, "No index.")
    page = page_of(signed_in, running)
    assert 'id="lines-install"' in page
    assert 'id="lines-check"' not in page
    assert "Not reached" in page
    part = live(signed_in, running, 0, 1, "running").content.decode()
    assert '<details id="check" hx-swap-oob="delete"></details>' in part
    assert 'id="summary-check"' not in part
