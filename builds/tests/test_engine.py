"""Real builds: uv, real packages from the index, real interpreters."""

import subprocess
import threading
import time
import uuid
from hashlib import sha256

import pytest
from django.db import connection

from builds import engine, uv, worker
from builds.failures import Failure
from builds.models import Build, Lock, Status
from builds.tests.in_process import HERE, run, said
from environments.models import Interpreter
from envportal.tests.wheel_maker import make_wheel


def test_the_interpreters_of_this_machine_are_found_and_those_of_before_forgotten(db):
    Interpreter.objects.create(worker="w", version="3.1.0", path="/gone")
    worker.report_pythons("w")
    versions = Interpreter.objects.versions()
    assert any(version.startswith(HERE + ".") for version in versions)
    assert "3.1.0" not in versions


def test_a_build_resolves_installs_and_checks(make, settings):
    build = make("idna==3.10", "python-dateutil==2.9.0.post0")
    assert (build.status, build.reason, build.lock.platform) == (Status.SUCCEEDED, "", uv.this_platform())
    assert [(step.name, step.status) for step in build.steps.all()] == [
        ("resolve", "succeeded"),
        ("install", "succeeded"),
        ("check", "succeeded"),
        ("pack", "succeeded"),
    ]
    packages = {package.name: package for package in build.lock.packages.all()}
    assert {name: package.direct for name, package in packages.items()} == {
        "idna": True,
        "python-dateutil": True,
        "six": False,
    }
    idna = packages["idna"]
    assert (idna.manager, idna.version, len(idna.sha256)) == ("pip", "3.10", 64)
    assert idna.size > 50_000
    assert idna.url.endswith("idna-3.10-py3-none-any.whl")
    prefix = settings.PREFIXES / build.prefix
    answer = subprocess.run(
        [prefix / "bin" / "python", "-c", "import dateutil, idna; print(idna.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "3.10\n"
    assert "ok     dateutil (python-dateutil)" in said(build)
    assert str(settings.VAR) not in said(build)
    assert not list(settings.WORK.iterdir())


def test_the_same_definition_is_answered_at_once_from_the_first(make, workspace, editor, wanted):
    first = make("idna==3.10")
    other = workspace.add_environment("other", editor)
    version, _ = other.register(wanted("IDNA ==3.10", python=HERE, environmentVariables={"A": "1"}), editor)
    started = time.monotonic()
    second = version.builds.request(version, editor)
    assert time.monotonic() - started < 0.1
    assert (second.status, second.reused_from, second.lock) == (Status.SUCCEEDED, first, first.lock)


def test_a_lock_is_stored_once_whoever_resolves_to_it(make):
    assert make("idna>=3.10,<3.11").lock == make("idna==3.10").lock
    assert Lock.objects.count() == 1


def test_a_definition_that_names_only_python_is_an_empty_prefix(make, settings):
    build = make()
    assert build.status == Status.SUCCEEDED
    assert (settings.PREFIXES / build.prefix / "bin" / "python").exists()
    assert build.lock.packages.count() == 0


def test_a_package_whose_marker_excludes_it_is_not_missed(make):
    build = make("idna==3.10", 'colorama; sys_platform == "win32"')
    assert build.status == Status.SUCCEEDED, build.reason
    assert [package.name for package in build.lock.packages.all()] == ["idna"]


def test_stubs_without_a_module_are_fine_and_nothing_is_claimed(make):
    build = make("types-python-dateutil")
    assert (build.status, build.steps.get(name="check").summary) == (Status.SUCCEEDED, "0 modules imported")
    assert "nothing to import in types-python-dateutil" in said(build)


def test_packages_that_cannot_be_imported_together_are_imported_apart(make):
    build = make("pip", "setuptools", "wheel", "zope.event")
    assert (build.status, build.steps.get(name="check").summary) == (Status.SUCCEEDED, "4 modules imported")
    assert "ok     zope.event (zope-event)" in said(build)


def test_a_pip_of_a_stated_version_is_installed(make):
    build = make("six==1.17.0", conda=["pip=25.0"])
    assert [(p.name, p.version) for p in build.lock.packages.all()] == [("pip", "25.0.1"), ("six", "1.17.0")]


def test_no_step_opens_after_a_cancel(request_build, editor, settings):
    build = request_build("idna==3.10")
    build.move_to(Status.RUNNING, worker="w")
    attempt = engine.Attempt(build, settings.PREFIXES / str(build.pk), settings.WORK)
    with attempt.step("resolve"):
        Build.objects.get(pk=build.pk).cancel(editor)
    with pytest.raises(engine.Taken), attempt.step("install"):
        pytest.fail("the step was opened")
    assert [step.status for step in build.steps.all()] == ["cancelled"] * 4


@pytest.mark.parametrize(
    ("pip", "failure", "says"),
    [
        (["envportal-no-such-package-x1"], Failure.PACKAGE_NOT_FOUND, "no package named envportal-no-such-package-x1"),
        (["idna==99"], Failure.NO_VERSION, "No version of idna matches"),
        (["requests==2.32.3", "urllib3==1.20"], Failure.CONFLICT, "requests==2.32.3 depends on urllib3"),
        (["pywin32"], Failure.NO_WHEEL, "pywin32 has no wheel for this platform"),
    ],
)
def test_what_cannot_be_resolved_says_why_and_on_which_line(make, settings, pip, failure, says):
    build = make(*pip)
    assert (build.status, build.failure) == (Status.FAILED, failure)
    assert says in build.reason
    assert build.lock is None
    assert not list(settings.PREFIXES.iterdir())
    assert [step.status for step in build.steps.all()] == ["failed", "cancelled", "cancelled", "cancelled"]
    line = said(build).splitlines()[build.reason_line - 1]
    assert "Because" in line or "No solution" in line


@pytest.mark.parametrize(
    ("kwargs", "failure", "says"),
    [
        ({"conda": ["gdal>=3.8"], "channels": ["nodefaults"]}, Failure.NOT_BUILDABLE, "names no channel"),
        ({"docker": {"baseDockerfile": "FROM x"}}, Failure.NOT_BUILDABLE, "needs a Dockerfile builder"),
        ({"python": "3.6"}, Failure.PYTHON_MISSING, "Python 3.6 is not on the worker. There are"),
    ],
)
def test_what_this_portal_cannot_build_fails_at_once_with_a_sentence(make, kwargs, failure, says):
    build = make("idna==3.10", **kwargs)
    assert (build.status, build.failure) == (Status.FAILED, failure)
    assert says in build.reason
    assert said(build).splitlines()[build.reason_line - 1] == build.reason


def test_a_version_that_todays_rules_refuse_opens_and_is_not_built_by_halves(make, environment, editor, client):
    bad = {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["idna==3.10", "-r more.txt"]}]}}}
    environment.latest_number = 1
    environment.save(update_fields=["latest_number"])
    version = environment.versions.create(number=1, document=bad, identity="x", image_key="y", author=editor)
    build = run(version.builds.request(version, editor))
    assert (build.status, build.failure) == (Status.FAILED, Failure.NOT_BUILDABLE)
    assert "-r more.txt names another file" in build.reason
    client.force_login(editor)
    assert client.get(version.get_absolute_url()).status_code == 200


def test_a_full_disk_stops_a_build_before_it_starts(make, settings):
    settings.MIN_FREE_DISK = 10**9
    build = make("idna==3.10")
    assert build.failure == Failure.DISK_FULL
    assert "MB free" in build.reason


def test_too_little_memory_is_said(make, settings):
    settings.BUILD_MEMORY = 20
    build = make("idna==3.10")
    assert build.status == Status.FAILED
    assert build.failure in (Failure.OUT_OF_MEMORY, Failure.OURS)


def test_the_time_limit_is_said(make, settings):
    settings.RESOLVE_SECONDS = 1
    settings.INDEX_URL = "http://127.0.0.1:9/simple"  # uv tries again for some seconds
    build = make("idna==3.10")
    assert (build.failure, build.reason) == (
        Failure.SOLVER_TIMEOUT,
        "The resolve step took longer than its limit of 1 s.",
    )


def test_the_time_limit_of_an_installation_is_said(make, settings):
    settings.INSTALL_SECONDS = 0.001
    build = make("idna==3.10")
    assert (build.failure, build.reason) == (
        Failure.TIMEOUT,
        "The install step took longer than its limit of 0.001 s.",
    )


def test_an_index_that_does_not_answer_is_a_network_error(make, settings):
    settings.INDEX_URL = "http://127.0.0.1:9/simple"
    build = make("idna==3.10")
    assert (build.failure, build.reason) == (Failure.NETWORK, "The package index could not be reached.")


def test_a_fault_of_ours_is_called_ours(make, monkeypatch, settings, caplog):
    settings.WORK = settings.VAR / "no" / "such" / "\0"
    build = make("idna==3.10")
    assert (build.status, build.failure) == (Status.FAILED, Failure.OURS)
    assert caplog.records


def test_a_build_that_was_cancelled_while_queued_is_not_begun(request_build, editor):
    build = request_build("idna==3.10")
    assert build.cancel(editor)
    run(build)
    assert (build.status, build.reason, said(build)) == (Status.CANCELLED, "Cancelled by edgar.", "")


def test_a_message_that_comes_twice_builds_once(make):
    build = make("idna==3.10")
    before = said(build)
    assert said(run(build)) == before


@pytest.mark.django_db(transaction=True)
def test_a_cancel_is_noticed_within_seconds_and_leaves_nothing(request_build, editor, settings):
    settings.INDEX_URL = "http://127.0.0.1:9/simple"  # uv tries again for some seconds
    build = request_build("idna==3.10")

    def work():
        try:
            run(Build.objects.get(pk=build.pk))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(100):
        if build.steps.filter(status=Status.RUNNING).exists() and "Resolving" in said(build):
            break
        time.sleep(0.05)
    started = time.monotonic()
    assert Build.objects.get(pk=build.pk).cancel(editor)
    thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - started < engine.HEARTBEAT + 2
    build.refresh_from_db()
    assert build.status == Status.CANCELLED
    assert [step.status for step in build.steps.all()] == ["cancelled"] * 4
    assert not list(settings.PREFIXES.iterdir())
    assert not list(settings.WORK.iterdir())


def test_a_worker_that_is_told_to_end_says_so_in_the_build(make):
    engine.stopping.set()
    try:
        build = make("idna==3.10")
    finally:
        engine.stopping.clear()
    assert (build.status, build.failure) == (Status.FAILED, Failure.STOPPED)


def test_folders_that_nobody_needs_are_swept_away(make, settings):
    build = make("idna==3.10")
    nobody = str(uuid.uuid4())
    for folder in (settings.PREFIXES / nobody, settings.WORK / nobody):
        folder.mkdir()
    worker.prepare("w")
    assert [folder.name for folder in settings.PREFIXES.iterdir()] == [build.prefix]
    assert not list(settings.WORK.iterdir())


def test_the_first_good_lock_is_kept_and_a_file_with_another_hash_is_refused(make, settings):
    first = make("idna")
    # Its prefix was cleaned away, so the next request has to install again, from the same lock.
    Build.objects.filter(pk=first.pk).update(prefix="")
    second = make("idna")
    assert (second.status, second.reused_from, second.lock) == (Status.SUCCEEDED, None, first.lock)
    assert f"Taking the lock {first.lock}" in said(second)
    Build.objects.filter(pk=second.pk).update(prefix="")
    first.lock.packages.update(sha256="0" * 64)
    third = make("idna")
    assert (third.status, third.failure) == (Status.FAILED, Failure.HASH_MISMATCH)
    assert third.reason.startswith("idna==")
    assert not (settings.PREFIXES / str(third.pk)).exists()


def test_a_new_wheel_is_compiled_once_and_installed_with_its_bytecode(make, settings, tmp_path):
    settings.CACHE = tmp_path / "cache"
    settings.CACHE.mkdir()
    build = make("idna==3.10")
    assert "Compiling 1 package, once for this Python" in said(build)
    assert list((settings.PREFIXES / build.prefix).glob("lib/python*/site-packages/idna/__pycache__/core.*.pyc"))


def test_a_wheel_that_brings_a_script_in_python_is_installed_once_compiled(make, index, settings):
    more = [
        ("tool-1.0.data/scripts/tool.py", "#!python\nprint(1)\n"),
        ("tool-1.0.data/platlib/beside/it.py", "x = 1\n"),
    ]
    data = make_wheel("tool", more=more)
    index.pages["/files/tool-1.0-py3-none-any.whl"] = ("application/octet-stream", data)
    facts = {"url": f"{index.url}files/tool-1.0-py3-none-any.whl", "size": len(data)}
    index.put_files(
        "tool", facts | {"filename": "tool-1.0-py3-none-any.whl", "hashes": {"sha256": sha256(data).hexdigest()}}
    )
    build = make("tool")
    assert (build.status, build.reason) == ("succeeded", "")
    assert (settings.PREFIXES / build.prefix / "bin" / "tool.py").exists()
    assert list((settings.PREFIXES / build.prefix).glob("lib/python*/site-packages/beside/it.py"))
    assert list((settings.PREFIXES / build.prefix).glob("lib/python*/site-packages/tool/__pycache__/*.pyc"))
