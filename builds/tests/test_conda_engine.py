"""Real builds with conda and pip mixed: py-rattler from the channel of the suite, uv with packages of the index."""

import subprocess

import pytest

from builds import engine, uv
from builds.failures import Failure
from builds.models import Build, Status
from builds.resolve import packages_of
from builds.tests.in_process import run, said
from environments.faults import DefinitionFault
from environments.formats import reading


@pytest.fixture
def make(make, conda):
    """The same with conda lines first, from the channel of the suite."""
    return lambda conda_lines, *pip, **more: make(*pip, **{"conda": conda_lines, "channels": ("team",)} | more)


def locked(build):
    return {(package.manager, package.name): package for package in build.lock.packages.all()}


def answer_of(settings, build, code):
    python = settings.PREFIXES / build.prefix / "bin" / "python"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout


def test_conda_and_pip_are_installed_into_one_prefix(make, settings):
    build = make(["joblike", "zlib-like=1.2"], "python-dateutil==2.9.0.post0")
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    packages = locked(build)
    assert {key: package.direct for key, package in packages.items()} == {
        ("conda", "cloudpick"): False,
        ("conda", "joblike"): True,
        ("conda", "pip"): True,
        ("conda", "python"): True,
        ("conda", "zlib-like"): True,
        ("pip", "python-dateutil"): True,
        ("pip", "six"): False,
    }
    assert (build.lock.platform, build.lock.python) == (uv.this_platform(), packages["conda", "python"].version)
    assert packages["conda", "cloudpick"].requested_by == ["joblike"]
    six, dateutil = packages["pip", "six"], packages["pip", "python-dateutil"]
    assert (six.requested_by, dateutil.requested_by) == (["python-dateutil"], [])
    assert (six.licence, packages["conda", "zlib-like"].licence) == ("MIT", "Zlib")
    assert six.channel.startswith("http")
    assert packages["conda", "joblike"].channel.endswith("/team")
    code = "import cloudpick, dateutil, joblike, sys; print(cloudpick.__version__, sys.prefix)"
    assert answer_of(settings, build, code) == f"2.0 {settings.PREFIXES / build.prefix}\n"
    assert (settings.PREFIXES / build.prefix / "share" / "zlib-like" / "note.txt").exists()
    assert "ok     joblike (joblike)" in said(build)
    assert "ok     dateutil (python-dateutil)" in said(build)
    assert str(settings.VAR) not in said(build)
    assert str(settings.PREFIXES) not in said(build)
    assert not list(settings.WORK.iterdir())
    meta = [path.read_text() for path in (settings.PREFIXES / build.prefix / "conda-meta").glob("*.json")]
    assert len(meta) == 5
    assert not [text for text in meta if str(settings.CACHE) in text]


def test_what_conda_provides_is_not_installed_twice_and_pip_knows_its_version(make, settings):
    build = make(["idna"], "requests==2.32.3")
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    packages = locked(build)
    assert packages["conda", "idna"].version == "3.7"
    assert packages["conda", "idna"].requested_by == ["requests"]
    assert ("pip", "idna") not in packages
    assert {"certifi", "requests", "urllib3"} <= {name for manager, name in packages if manager == "pip"}
    assert answer_of(settings, build, "import idna; print(idna.__version__)") == "3.7\n"


def test_the_files_of_a_lock_build_the_same_again(make, environment, editor):
    def exact(build):
        assert build.status == Status.SUCCEEDED, build.reason
        return {(p.manager, p.name, p.version, p.build, p.sha256) for p in build.lock.packages.all()}

    def again(build, file):
        text, _ = build.as_lock_file(file, "https://env.example.org/")
        version, _ = environment.register(reading.read(file, text.encode()).definition, editor)
        return run(version.builds.request(version, editor))

    mixed, alone = make(["cloudpick<2", "idna"], "requests==2.32.3"), make(["fastpick"])
    assert exact(again(mixed, "environment.yml")) == exact(mixed)
    assert exact(again(alone, "explicit.txt")) == exact(alone)


def test_another_platform_can_be_locked_from_here(environment, editor, wanted, conda, settings):
    def lock(interpreter, target, **definition):
        version, _ = environment.register(wanted(*definition.pop("pip", ()), **definition), editor)
        build = version.builds.request(version, editor)
        build.move_to(Status.RUNNING)  # or a beat finds, where this takes long, that nobody wants it
        attempt = engine.Attempt(build, settings.PREFIXES / str(build.pk), settings.WORK / str(build.pk))
        attempt.work.mkdir()
        return [(package.name, package.url) for package in packages_of(attempt, interpreter, target)[1]]

    arm = lock("", "linux-aarch64", conda=["arm-only"], channels=["team"], python="")
    assert arm == [("arm-only", f"{conda.url}team/linux-aarch64/arm-only-1.0-h_0.conda")]
    for target, machine in (("linux-aarch64", "aarch64"), ("linux-64", "x86_64")):
        ((name, url),) = lock("3.11.7", target, pip=["markupsafe==3.0.2"], python="3.11")
        assert (name, f"{machine}.whl" in url) == ("markupsafe", True)


@pytest.mark.parametrize("channel", ["file:///etc", "/etc", "../x", "~/x", "ftp://example.org/x", "http://"])
@pytest.mark.parametrize("alias", [True, False])
def test_a_channel_that_leads_to_a_file_is_never_read(make, settings, channel, alias):
    settings.CHANNEL_ALIAS = settings.CHANNEL_ALIAS if alias else ""
    try:
        build = make(["data"], channels=[channel])
    except DefinitionFault:
        return  # it was refused before
    assert (build.failure, "neither the name of a channel nor" in build.reason) == (Failure.NOT_BUILDABLE, True)


def test_what_pip_asks_for_and_conda_provides_is_asked_for(make):
    packages = locked(make(["joblike"], "cloudpick>=1"))
    assert (packages["conda", "cloudpick"].direct, ("pip", "cloudpick") in packages) == (True, False)


def test_a_lock_of_conda_alone_needs_no_python(make, settings):
    build = make(["data"], python="")
    assert (build.status, build.lock.python) == (Status.SUCCEEDED, "")
    assert [(p.manager, p.name, p.subdir) for p in build.lock.packages.all()] == [("conda", "data", "noarch")]
    assert (settings.PREFIXES / build.prefix / "share" / "data" / "note.txt").exists()


def test_a_python_is_added_when_pip_packages_need_one_and_that_is_said(make):
    build = make(["zlib-like"], "idna==3.10", python="")
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    assert locked(build)["conda", "python"].direct is False
    assert "names no Python and the pip packages need one" in said(build)


def test_the_first_good_lock_is_kept_and_what_it_names_is_checked(make, settings, conda):
    first = make(["cloudpick"])
    Build.objects.filter(pk=first.pk).update(prefix="")
    conda.faults["repodata.json.zst"] = conda.faults["repodata.json"] = 500
    second = make(["cloudpick"])
    assert (second.status, second.lock) == (Status.SUCCEEDED, first.lock)
    assert f"Taking the lock {first.lock}" in said(second)
    Build.objects.filter(pk=second.pk).update(prefix="")
    first.lock.packages.filter(name="cloudpick").update(sha256="0" * 64)
    third = make(["cloudpick"])
    assert (third.status, third.failure) == (Status.FAILED, Failure.HASH_MISMATCH)
    assert third.reason == "cloudpick-2.0-py_0.conda is not the file that was locked: its hash is another."
    assert str(settings.CACHE) not in said(third)
    assert not (settings.PREFIXES / str(third.pk)).exists()


@pytest.mark.parametrize(
    ("conda_lines", "pip", "failure", "says"),
    [
        (["joblike", "oldpick"], [], Failure.CONFLICT, "joblike 1.6 requires cloudpick >=2.0"),
        (["nowhere"], [], Failure.PACKAGE_NOT_FOUND, "No channel has a package named nowhere"),
        (["idna"], ["idna==3.10"], Failure.CONFLICT, "Conda installs idna 3.7, and pip is asked for idna==3.10."),
        (["idna=3.7"], ["idna[all]"], Failure.CONFLICT, "pip is asked for its extra all"),
        (["urllib3"], ["requests==2.32.3"], Failure.CONFLICT, "Conda provides urllib3 1.20."),
        (["broken"], [], Failure.IMPORT, "broken cannot be imported: RuntimeError: out of order"),
    ],
)
def test_what_cannot_be_built_says_why_and_on_which_line(make, settings, conda_lines, pip, failure, says):
    build = make(conda_lines, *pip)
    assert (build.status, build.failure, build.reason) == (Status.FAILED, failure, build.reason)
    assert says in build.reason
    assert build.reason_line
    assert str(settings.PREFIXES) not in said(build)  # nor in the traceback of a module
    assert not list(settings.PREFIXES.iterdir())


def test_a_channel_that_is_down_is_a_network_fault_and_pip_alone_builds_without_any(make, settings):
    settings.CHANNEL_ALIAS = "http://127.0.0.1:9/"
    build = make(["data"])
    assert (build.status, build.failure) == (Status.FAILED, Failure.NETWORK)
    assert make([], "idna==3.10").status == Status.SUCCEEDED


def test_the_time_limit_of_a_solve_is_said(make, settings, conda):
    import time

    settings.RESOLVE_SECONDS = 1
    conda.faults["repodata.json.zst"] = conda.faults["repodata.json"] = lambda handler: time.sleep(4)
    build = make(["data"])
    assert (build.failure, build.reason) == (
        Failure.SOLVER_TIMEOUT,
        "The resolve step took longer than its limit of 1 s.",
    )


def test_a_solver_without_memory_fails_the_build_and_says_so(make, settings):
    settings.BUILD_MEMORY = 10
    build = make(["data"])
    assert (build.status, build.failure in (Failure.OUT_OF_MEMORY, Failure.OURS)) == (Status.FAILED, True)
