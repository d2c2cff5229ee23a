"""The lock that is kept, and how another takes its place: real resolvers, an index and a channel on loopback."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from builds import engine, preview, refresh, uv
from builds.failures import Failure
from builds.models import Build, Lock, Status, VersionLock, Worker
from builds.tests.in_process import HERE, run, said
from builds.tests.test_models import PACKAGE
from environments.faults import UserFault
from environments.models import Interpreter
from envportal.tests.wheel_maker import make_wheel

OTHER = "linux-aarch64" if uv.this_platform() == "linux-64" else "linux-64"


pytestmark = pytest.mark.usefixtures("pythons")


@pytest.fixture
def register(environment, editor, wanted):
    return lambda *pip, **more: environment.register(wanted(*pip, **{"python": HERE} | more), editor)[0]


@pytest.fixture
def build_of(editor):
    """Ask for a build of a version, let a worker do it, and return it as the database has it."""

    def build_of(version, **wish):
        return run(version.builds.request(version, editor, **wish))

    return build_of


@pytest.fixture
def look(editor):
    return lambda version, platform="": refresh.look(version, editor, "me", platform)


@pytest.fixture
def built(index, register, build_of):
    """A version of demo-pkg that was built when 1.0 was the newest; 1.1 is there now. With that build."""
    index.put_wheels("demo-pkg", "1.0")
    version = register("demo-pkg")
    build = build_of(version)
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    index.put_wheels("demo-pkg", "1.0", "1.1")
    return version, build


def versions(lock):
    return {package.name: package.version for package in lock.values()}


def kept(version, platform=""):
    return Lock.objects.kept(version.reuse_key, platform or uv.this_platform())


# Looking


def test_looking_shows_what_would_move_and_changes_nothing(built, look, build_of):
    version, build = built
    found = look(version)
    assert [(change.name, change.before, change.after, change.level) for change in found.changes] == [
        ("demo-pkg", "1.0", "1.1", "minor")
    ]
    assert (found.moved, found.words, versions(found.lock)) == (True, "↑1", {"demo-pkg": "1.1"})
    assert kept(version) == build.lock
    assert build_of(version).reused_from == build
    Build.objects.filter(pk=build.pk).update(prefix="")  # as a clean-up does
    assert versions(build_of(version).lock) == {"demo-pkg": "1.0"}


def test_nothing_moved_is_said_and_its_lock_is_not_built_again(index, built, look, build_of):
    version, build = built
    index.put_wheels("demo-pkg", "1.0")
    found = look(version)
    assert (found.moved, found.lock, found.changes, found.growth) == (False, build.lock, [], 0)
    assert build_of(version, lock=found.lock).reused_from == build


def test_what_moved_in_the_conda_part_is_seen_too(conda, register, build_of, look):
    version = register(conda=["cloudpick"], channels=["team"])
    build = build_of(version)
    older = Lock.objects.store("", uv.this_platform(), [PACKAGE])
    VersionLock.objects.filter(version=version).update(lock=older)
    Build.objects.filter(pk=build.pk).update(lock=older)
    found = look(version)
    assert {"cloudpick", "python"} <= versions(found.lock).keys()
    assert ("removed", "idna") in [(change.kind, change.name) for change in found.changes]
    assert build_of(version, lock=found.lock).status == Status.SUCCEEDED


def test_a_private_wheel_is_looked_at_from_the_store(workspace, editor, upload, register, look, index):
    wheel, _ = workspace.add_wheel(upload(make_wheel(requires=["helper-pkg"])), editor)
    index.put_wheels("helper-pkg", "2.0")
    found = look(register(wheel.line("https://env.example.org")))
    assert versions(found.lock) == {"demo-pkg": "1.0", "helper-pkg": "2.0"}
    (helper,) = [package for package in found.lock.values() if package.name == "helper-pkg"]
    assert (helper.requested_by, helper.channel) == (("demo-pkg",), f"{index.url}simple/")


# Building what was looked at


def test_a_build_installs_exactly_what_was_looked_at_and_asks_no_resolver(built, look, build_of, index, settings):
    version, first = built
    lock = look(version).lock
    index.put_wheels("demo-pkg", "1.0", "1.1", "1.2")
    index.asked.clear()
    build = build_of(version, lock=lock)
    assert (build.status, build.reason, versions(build.lock)) == (Status.SUCCEEDED, "", {"demo-pkg": "1.1"})
    assert "/simple/demo-pkg/" not in index.paths
    assert f"Taking the lock {lock} that was asked for" in said(build)
    assert (build.previous_lock, kept(version)) == (first.lock, lock)
    assert [(change.before, change.after) for change in build.lock_changes] == [("1.0", "1.1")]
    assert build_of(version).reused_from == build
    first.refresh_from_db()
    assert (first.status, versions(first.lock)) == (Status.SUCCEEDED, {"demo-pkg": "1.0"})
    assert (settings.PREFIXES / first.prefix).exists()


def test_a_refresh_that_fails_never_replaces_what_works(built, look, build_of, index):
    version, first = built
    lock = look(version).lock
    filename = "demo_pkg-1.1-py3-none-any.whl"
    index.pages[f"/files/{filename}"] = ("application/octet-stream", make_wheel(version="1.1", code="y = 2\n"))
    lock.packages.update(sha256="0" * 64)
    build = build_of(version, lock=lock)
    assert (build.status, build.failure) == (Status.FAILED, Failure.HASH_MISMATCH)
    assert kept(version) == first.lock
    assert build_of(version).reused_from == first


def test_an_older_lock_is_taken_back_at_once(built, look, build_of):
    version, first = built
    build_of(version, lock=look(version).lock)
    back = version.builds.request(version, first.asked_by, lock=first.lock)
    assert (back.status, back.reused_from, kept(version)) == (Status.SUCCEEDED, first, first.lock)
    assert [(change.before, change.after) for change in back.lock_changes] == [("1.1", "1.0")]
    assert build_of(version).reused_from == first


def test_a_lock_of_another_version_is_refused(built, register, editor, client, api):
    _, build = built
    other = register("idna")
    with pytest.raises(UserFault):
        VersionLock.objects.lock_of(other, build.lock.digest)
    client.force_login(editor)
    where = ["team", "science", other.number]
    assert client.post(reverse("request-build", args=where), {"lock": build.lock.digest}).status_code == 404
    assert client.post(reverse("keep-lock", args=where), {"lock": build.lock.digest}).status_code == 404
    wish = {"lock": build.lock.digest}
    answer = api(editor).post(reverse("api-version-builds", args=where), wish, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["lock"])
    assert not other.builds.exists()


def test_a_lock_for_a_python_that_no_worker_has_fails_with_a_sentence(built, build_of):
    version, first = built
    lock = Lock.objects.store("3.99.1", uv.this_platform(), first.lock.values())
    build = build_of(version, lock=lock)
    assert (build.status, build.failure, build.lock) == (Status.FAILED, Failure.PYTHON_MISSING, None)
    assert "is for Python 3.99.1" in build.reason


def test_when_the_python_of_the_kept_lock_is_gone_packages_are_resolved_anew_and_kept(built, build_of):
    version, first = built
    gone = Lock.objects.store("3.99.1", uv.this_platform(), first.lock.values())
    VersionLock.objects.filter(version=version).update(lock=gone)
    Build.objects.filter(pk=first.pk).update(lock=gone, prefix="")
    build = build_of(version)
    assert (build.status, build.is_refresh, build.previous_lock) == (Status.SUCCEEDED, True, gone)
    assert kept(version) == build.lock
    assert "is for Python 3.99.1, so packages are resolved anew" in said(build)


def test_the_kept_lock_decides_which_of_several_pythons_is_taken(built, register, tmp_path):
    _, first = built
    Interpreter.objects.filter(worker="w").exclude(version=first.lock.python).delete()
    Interpreter.objects.create(worker="w", version="3.98.0", path="/nowhere")
    attempt = engine.Attempt(first, tmp_path / "prefix", tmp_path / "work")
    attempt.definition = register("demo-pkg", python=f">={HERE}").definition
    assert attempt.find_interpreter(first.lock)[0] == first.lock.python
    assert attempt.find_interpreter(None)[0] == "3.98.0"


# Building without looking


def test_a_refresh_without_a_look_resolves_for_itself_and_says_what_moved(built, build_of):
    version, first = built
    build = build_of(version, refresh=True)
    assert (build.status, build.reused_from, versions(build.lock)) == (Status.SUCCEEDED, None, {"demo-pkg": "1.1"})
    assert [(change.before, change.after) for change in build.lock_changes] == [("1.0", "1.1")]
    assert kept(version) == build.lock != first.lock


def test_a_refresh_that_moves_nothing_installs_nothing_again(built, build_of, index):
    version, first = built
    index.put_wheels("demo-pkg", "1.0")
    build = build_of(version, refresh=True)
    assert (build.status, build.reused_from, build.lock_changes) == (Status.SUCCEEDED, first, [])
    assert [(step.name, step.status) for step in build.steps.all()] == [("resolve", "succeeded")]
    assert f"Build {first} has installed exactly this already" in said(build)


# Several at once. What a worker does is said by hand, so that the order is certain.


@pytest.fixture
def first(version, editor):
    build = version.builds.request(version, editor)
    succeed(build, "3.10")
    return build


def lock_of(number):
    package = {**PACKAGE.as_dict(), "version": number}
    return Lock.objects.store("3.11.7", uv.this_platform(), [type(PACKAGE)(**package)])


def succeed(build, number):
    assert build.move_to(Status.RUNNING)
    assert build.finish(Status.SUCCEEDED, lock=lock_of(number), prefix=str(build.pk))


def status_of(build):
    build.refresh_from_db()
    return build.status, build.reused_from


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks, monkeypatch):
    """Do something, and what follows once that is committed. Return the ids of the builds that were sent."""
    ids = []
    monkeypatch.setattr("builds.tasks.run_build.delay", ids.append)
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now())

    def on_commit(act):
        ids.clear()
        with django_capture_on_commit_callbacks(execute=True):
            act()
        return list(ids)

    return on_commit


def test_two_refreshes_at_once_are_one_when_the_first_began_after_both_were_asked_for(
    first, version, editor, on_commit
):
    one, two = (version.builds.request(version, editor, refresh=True) for _ in range(2))
    assert (one.status, two.status) == (Status.QUEUED, Status.QUEUED)
    assert on_commit(lambda: succeed(one, "3.11")) == []
    assert status_of(two) == (Status.SUCCEEDED, one)
    assert kept(version) == one.lock


def test_a_refresh_that_was_asked_for_while_another_ran_looks_for_itself(first, version, editor, on_commit):
    one = version.builds.request(version, editor, refresh=True)
    assert one.move_to(Status.RUNNING)
    two = version.builds.request(version, editor, refresh=True)
    sent = on_commit(lambda: one.finish(Status.SUCCEEDED, lock=lock_of("3.11"), prefix="one"))
    assert (status_of(two), sent) == ((Status.QUEUED, None), [str(two.pk)])


def test_who_asks_to_look_anew_is_not_served_with_what_somebody_looked_at_before(first, version, editor, on_commit):
    one = version.builds.request(version, editor, lock=lock_of("3.11"))
    two = version.builds.request(version, editor, refresh=True)
    assert on_commit(lambda: succeed(one, "3.11")) == [str(two.pk)]
    assert status_of(two) == (Status.QUEUED, None)


def test_refreshes_with_two_locks_both_run_and_the_last_one_is_kept(first, version, editor, on_commit):
    one, two = (version.builds.request(version, editor, lock=lock_of(number)) for number in ("3.11", "3.12"))
    assert on_commit(lambda: succeed(one, "3.11")) == [str(two.pk)]
    assert kept(version) == lock_of("3.11")
    on_commit(lambda: succeed(two, "3.12"))
    assert kept(version) == lock_of("3.12")


def test_two_who_ask_for_the_same_lock_get_one_build(first, version, editor, on_commit):
    one, two = (version.builds.request(version, editor, lock=lock_of("3.11")) for _ in range(2))
    assert on_commit(lambda: succeed(one, "3.11")) == []
    assert status_of(two) == (Status.SUCCEEDED, one)


def test_while_a_refresh_runs_everybody_else_gets_what_is_kept(first, version, editor):
    one = version.builds.request(version, editor, refresh=True)
    assert one.move_to(Status.RUNNING)
    assert version.builds.request(version, editor).reused_from == first


def test_who_waits_for_a_first_build_is_served_by_a_refresh(version, editor, on_commit):
    one = version.builds.request(version, editor, refresh=True)
    two = version.builds.request(version, editor)
    on_commit(lambda: succeed(one, "3.10"))
    assert status_of(two) == (Status.SUCCEEDED, one)


def test_a_refresh_that_fails_lets_the_next_one_try(first, version, editor, on_commit):
    one, two = (version.builds.request(version, editor, refresh=True) for _ in range(2))
    assert one.move_to(Status.RUNNING)
    assert on_commit(lambda: one.fail(Failure.NETWORK, "no index")) == [str(two.pk)]
    assert kept(version) == first.lock


def test_a_prefix_that_was_cleaned_away_brings_no_older_packages_back(first, version, editor):
    one = version.builds.request(version, editor, refresh=True)
    succeed(one, "3.11")
    Build.objects.filter(pk=one.pk).update(prefix="")
    again = version.builds.request(version, editor)
    assert (again.status, again.reused_from, kept(version)) == (Status.QUEUED, None, lock_of("3.11"))


def test_the_newest_refresh_is_kept_whichever_order_rows_have(first, version, editor):
    for number in ("3.12", "3.11"):
        succeed(version.builds.request(version, editor, refresh=True), number)
    assert kept(version) == lock_of("3.11")
    VersionLock.objects.filter(lock=lock_of("3.12")).update(kept_at=timezone.now() + timedelta(minutes=1))
    assert kept(version) == lock_of("3.12")


# Other platforms


def tags():
    python = HERE.replace(".", "")
    return [f"cp{python}-cp{python}-manylinux_2_17_{machine}" for machine in ("x86_64", "aarch64")]


def test_another_platform_has_other_wheels_and_its_first_lock_is_kept(index, register, build_of, editor):
    index.put_wheels("demo-pkg", "1.0", tags=tags())
    version = register("demo-pkg")
    locks = {}
    for platform in uv.TARGETS:
        row, failure = refresh.lock_for(version, editor, "me", platform)
        assert (failure, row.lock.platform, row.is_refresh) == (None, platform, False)
        locks[platform] = row.lock.values()[0].url.rpartition("_")[2]
    assert locks == {"linux-64": "64.whl", "linux-aarch64": "aarch64.whl"}
    index.put_wheels("demo-pkg", "1.0", "1.1", tags=tags())
    row, _ = refresh.lock_for(version, editor, "me", OTHER)
    assert versions(row.lock) == {"demo-pkg": "1.0"}
    build = build_of(version)
    assert (build.status, versions(build.lock)) == (Status.SUCCEEDED, {"demo-pkg": "1.0"})
    assert "that is kept for this image key" in said(build)


def test_another_platform_is_refreshed_by_whoever_keeps_what_was_looked_at(index, register, look, editor):
    index.put_wheels("demo-pkg", "1.0")
    version = register("demo-pkg")
    old = look(version, OTHER).lock
    assert kept(version, OTHER) is None
    VersionLock.objects.adopt(version, old, editor)
    index.put_wheels("demo-pkg", "1.0", "1.1")
    new = look(version, OTHER)
    assert ([change.after for change in new.changes], kept(version, OTHER)) == (["1.1"], old)
    VersionLock.objects.adopt(version, new.lock, editor)
    assert (kept(version, OTHER), kept(version)) == (new.lock, None)


def test_where_builds_can_show_that_a_lock_works_nobody_keeps_it_by_hand(built, look, editor):
    version, build = built
    with pytest.raises(UserFault, match="once a build with it succeeds"):
        VersionLock.objects.adopt(version, look(version).lock, editor)
    assert kept(version) == build.lock


def test_conda_packages_of_another_platform_are_those_of_that_platform(conda, register, editor):
    version = register(conda=["data"], channels=["team"], python="")
    row, failure = refresh.lock_for(version, editor, "me", OTHER)
    assert (failure, row.lock.platform, versions(row.lock)) == (None, OTHER, {"data": "2026.1"})


# The page and the API


def where(version):
    return ["team", "science", version.number]


def test_the_page_looks_shows_what_moved_and_builds_it(built, client, editor):
    version, _ = built
    client.force_login(editor)
    url = reverse("refresh", args=where(version))
    page = client.get(url).content.decode()
    assert "Resolving science 1 anew" in page
    assert '<noscript><button class="primary">' in page
    assert VersionLock.objects.count() == 1
    answer = client.post(url)
    digest = answer.context["found"].lock.digest
    assert "1 package would change" in answer.content.decode()
    assert "<html" not in client.post(url, headers={"HX-Request": "true"}).content.decode()
    asked = client.post(reverse("request-build", args=where(version)), {"lock": digest})
    new = Build.objects.get(asked_lock__digest=digest)
    assert asked.headers["Location"] == new.get_absolute_url()
    run(new)
    page = client.get(new.get_absolute_url()).content.decode()
    assert "Against the lock before" in page
    assert "<del>1.0</del> <ins>1.1</ins>" in page
    assert "Nothing moved" in client.post(url).content.decode()


def test_a_look_that_takes_too_long_offers_to_build_without_one(built, client, editor, monkeypatch, settings):
    version, _ = built
    settings.PREVIEW_SECONDS = 1
    monkeypatch.setattr(uv, "compile_lock", lambda *_: ["/bin/sh", "-c", "sleep 60"])
    client.force_login(editor)
    page = client.post(reverse("refresh", args=where(version))).content.decode()
    assert "takes longer than 1 s" in page
    assert "Build anew without looking first" in page
    client.post(reverse("request-build", args=where(version)), {"refresh": "1"})
    build = version.builds.order_by("-created").first()
    assert (build.is_refresh, build.asked_lock, build.status) == (True, None, Status.QUEUED)


def test_what_no_build_could_do_either_is_not_offered(index, register, client, editor):
    index.put_wheels("demo-pkg", "1.0")
    version = register("demo-pkg==9")
    client.force_login(editor)
    page = client.post(reverse("refresh", args=where(version))).content.decode()
    assert "No version of demo-pkg matches" in page
    assert "Build anew" not in page


def test_the_api_refreshes_in_two_steps(built, api, editor):
    version, first = built
    call = api(editor)

    def post(name, **wish):
        return call.post(reverse(name, args=where(version)), wish, content_type="application/json")

    found = post("api-refresh").json()
    assert (found["moved"], found["kept"], found["failure"]) == (True, first.lock.digest, None)
    assert [(change["before"], change["after"]) for change in found["changes"]] == [("1.0", "1.1")]
    assert found["totals"] == {"packages": 1, "size": len(make_wheel(version="1.1")), "unsized": 0}
    build = post("api-version-builds", lock=found["digest"])
    assert (build.status_code, build.json()["is_refresh"]) == (201, True)
    run(Build.objects.get(pk=build.json()["id"]))
    said = call.get(reverse("api-build", args=[build.json()["id"]])).json()
    assert (said["lock"], [change["after"] for change in said["changes"]]) == (found["digest"], ["1.1"])
    assert post("api-version-builds", refresh=True).json()["status"] == "queued"


def test_the_api_locks_another_platform_and_lists_what_there_is(index, register, api, editor):
    index.put_wheels("demo-pkg", "1.0", tags=tags())
    url, call = reverse("api-version-locks", args=where(register("demo-pkg"))), api(editor)
    made = call.post(url, {"platform": OTHER}, content_type="application/json").json()
    assert (made["platform"], made["by"], made["version"]) == (OTHER, "edgar", 1)
    assert call.post(url, {"platform": OTHER}, content_type="application/json").json() == made
    assert call.get(url).json()["results"] == [made]
    refused = call.post(url, {"platform": "win-64"}, content_type="application/json")
    assert (refused.status_code, list(refused.json())) == (400, ["platform"])


def test_the_api_says_why_another_platform_cannot_be_locked(index, register, api, editor):
    index.put_wheels("demo-pkg", "1.0", tags=["py3-none-win32"])
    url = reverse("api-version-locks", args=where(register("demo-pkg")))
    answer = api(editor).post(url, {"platform": OTHER}, content_type="application/json")
    assert (answer.status_code, answer.json()["failure"]) == (409, Failure.NO_WHEEL)


def test_a_look_that_finds_no_place_says_so_and_can_be_asked_again(built, client, editor, api, settings):
    version, _ = built
    settings.PREVIEW_SECONDS = 0.05
    client.force_login(editor)
    with ExitStack() as stack:
        for n in range(settings.PREVIEWS_AT_ONCE):
            stack.enter_context(preview.places.take(("crowd", n), "crowd", 1))
        page = client.post(reverse("refresh", args=where(version))).content.decode()
        answer = api(editor).post(reverse("api-refresh", args=where(version)), {}, content_type="application/json")
    assert "Many people resolve something just now" in page
    assert "hx-trigger" not in page.partition('id="answer"')[2]
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


def test_locks_of_one_workspace_with_secrets_are_not_kept_for_another(first, version, editor):
    row = VersionLock.objects.get(version=version)
    assert (row.reuse_key, version.reuse_key) == (version.image_key, version.image_key)
    VersionLock.objects.update(reuse_key=f"{version.image_key} 7")
    assert kept(version) is None
