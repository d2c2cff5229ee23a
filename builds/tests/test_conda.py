"""py-rattler really solves and links, in its child process, from the channel that the suite makes."""

import hashlib
import platform
import re
import signal
import time

import pytest

from builds import conda, process
from builds.conda import CondaFault
from builds.failures import Failure
from builds.lock import Package
from builds.tests.conda_channel import subdir
from environments import pip_lines

HERE = subdir()
PYTHON = platform.python_version()


@pytest.fixture
def ask(conda, tmp_path):
    """Ask the child; what it printed is added to `said`."""
    from builds import conda as module

    work = tmp_path / "work"
    work.mkdir(exist_ok=True)

    def ask(question, seconds=60, memory=4000):
        def call(command):
            limits = process.Limits.of(seconds, memory)
            environ = {"PATH": "/usr/bin:/bin", "HOME": str(work), "LANG": "C.UTF-8"}
            command = [str(part) for part in command]
            ask.code = process.run(
                command, cwd=work, environ=environ, limits=limits, output=ask.said.append, beat=lambda: True
            )

        return module.ask(question, work, call)

    ask.said = []
    return ask


@pytest.fixture
def solve(ask, wanted, tmp_path):
    """Solve these specs; return {name: version}. `solve.solved` has all of it."""

    def solve(*specs, channels=("team",), python="", target=HERE, pip=(), with_python=False, **base):
        definition = wanted(*pip, conda=specs, python=python, channels=channels, **base)
        question = conda.question_of(definition, target, tmp_path / "repodata", with_python)
        solve.solved = conda.read_solved(ask(question), definition, target)
        return {package.name: package.version for package in solve.solved.packages}

    return solve


@pytest.fixture
def link(ask, tmp_path):
    def link(packages, cache="packages"):
        return ask(conda.install_question(packages, tmp_path / "prefix", HERE, tmp_path / cache))

    return link


def refused(solve, *specs, **more):
    with pytest.raises(CondaFault) as fault:
        solve(*specs, **more)
    return fault.value.args


# Solving


def test_a_solve_has_everything_that_a_lock_says(solve, conda):
    assert solve("joblike") == {"joblike": "1.6", "cloudpick": "2.0", "python": PYTHON}
    cloudpick, joblike, python = solve.solved.packages
    assert (joblike.manager, joblike.direct, joblike.build, joblike.subdir) == ("conda", True, "py_0", "noarch")
    assert joblike.url == f"{conda.url}team/noarch/joblike-1.6-py_0.conda"
    assert (joblike.channel, joblike.licence) == (f"{conda.url}team", "BSD-3-Clause")
    content = (conda.folder / "team/noarch/joblike-1.6-py_0.conda").read_bytes()
    assert (joblike.sha256, joblike.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (cloudpick.direct, cloudpick.requested_by) == (False, ("joblike",))
    assert (python.subdir, python.requested_by) == (HERE, ("cloudpick", "joblike"))


def test_what_is_for_python_is_what_pip_need_not_bring(solve):
    solve("fastpick", "zlib-like")
    assert solve.solved.provided == {"fastpick": "1.2", "cloudpick": "2.0"}


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ("cloudpick", "2.0"),
        ("cloudpick=1", "1.0"),
        ("cloudpick 1.*", "1.0"),
        ("cloudpick>=1,<2", "1.0"),
        ("cloudpick 1.0|3.0", "1.0"),
        ("cloudpick~=1.0", "1.0"),
        ("cloudpick!=2.0", "1.0"),
        ("cloudpick==1.0=py_0", "1.0"),
        ("cloudpick[version='<2', build=py_*]", "1.0"),
        ("team::cloudpick=1.0", "1.0"),
        ("team/noarch::cloudpick 1.0", "1.0"),
        ("cloudpick[subdir=noarch]", "2.0"),
        ("cloudpick[license=BSD-3-Clause]", "2.0"),
    ],
)
def test_all_forms_of_specs_mean_what_they_say(solve, spec, version):
    assert solve(spec)["cloudpick"] == version


def test_the_first_channel_that_has_a_package_supplies_it(solve):
    assert solve("both", channels=["team", "other"]) == {"both": "1.0"}
    assert solve("both", channels=["other", "team"]) == {"both": "5.0"}
    # Strictly: a newer one further down is not taken even where the first has none that fits.
    failure, reason = refused(solve, "both>=5", channels=["team", "other"])
    assert (failure, "both 5.0 is only in" in reason) == (Failure.CONFLICT, True)


def test_a_spec_may_name_its_channel_also_one_that_is_not_listed(solve):
    assert solve("other::both", channels=["team"]) == {"both": "5.0"}
    assert solve("team::both", channels=["other", "team"]) == {"both": "1.0"}


def test_nodefaults_is_no_channel_and_no_channel_at_all_is_said(solve, conda):
    assert solve("data", channels=["team", "nodefaults"]) == {"data": "2026.1"}
    assert not any("defaults" in path for path in conda.asked)
    failure, reason = refused(solve, "data", channels=["nodefaults"])
    assert (failure, "names no channel" in reason) == (Failure.NOT_BUILDABLE, True)


def test_a_channel_may_be_an_address_and_a_name_may_have_a_mirror(solve, conda, settings):
    assert solve("data", channels=[f"{conda.url}team/"]) == {"data": "2026.1"}
    settings.CHANNEL_MIRRORS = {"conda-forge": f"{conda.url}team"}
    assert solve("data", channels=["conda-forge"]) == {"data": "2026.1"}
    assert solve("conda-forge::both", channels=["other"]) == {"both": "1.0"}
    assert not any("conda-forge" in path for path in conda.asked)


def test_the_machine_is_what_the_definition_says(solve, settings):
    assert solve("gpu-lib") == {"gpu-lib": "11.0"}
    assert solve("gpu-lib", environmentVariables={"CONDA_OVERRIDE_CUDA": "12.4"}) == {"gpu-lib": "12.0"}
    settings.CUDA = "12.1"
    assert solve("gpu-lib") == {"gpu-lib": "12.0"}
    assert solve("gpu-lib", environmentVariables={"CONDA_OVERRIDE_CUDA": ""}) == {"gpu-lib": "11.0"}
    assert solve("new-glibc") == {"new-glibc": "0.9"}
    assert solve("new-glibc", environmentVariables={"CONDA_OVERRIDE_GLIBC": "2.99"}) == {"new-glibc": "1.0"}
    failure, reason = refused(solve, "gpu-lib", environmentVariables={"CONDA_OVERRIDE_CUDA": "new"})
    assert (failure, reason) == (Failure.NOT_BUILDABLE, "CONDA_OVERRIDE_CUDA is “new”, and no version such as 12.4.")


def test_another_platform_can_be_solved_from_here(solve):
    other = "linux-aarch64" if HERE == "linux-64" else "linux-64"
    only = "arm-only" if other == "linux-aarch64" else "zlib-like"
    assert only in solve(only, "data", target="linux-aarch64" if only == "arm-only" else other)


def test_an_exact_file_is_that_file_with_its_hash(solve, conda):
    url = f"{conda.url}team/noarch/cloudpick-1.0-py_0.conda"
    content = (conda.folder / "team/noarch/cloudpick-1.0-py_0.conda").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert solve(f"{url}#{digest}")["cloudpick"] == "1.0"
    (cloudpick, _) = solve.solved.packages
    assert (cloudpick.url, cloudpick.sha256, cloudpick.size) == (url, digest, len(content))
    assert cloudpick.channel == f"{conda.url}team"
    assert refused(solve, f"{url}#sha256:{'0' * 64}")[0] == Failure.HASH_MISMATCH


def test_python_is_added_where_pip_needs_one(solve):
    assert solve("zlib-like", pip=["idna"], with_python=True) == {"python": PYTHON, "zlib-like": "1.3", "pip": "25.0"}


@pytest.mark.parametrize(
    ("specs", "failure", "reason"),
    [
        (["nowhere"], Failure.PACKAGE_NOT_FOUND, f"No channel has a package named nowhere for {HERE}."),
        (["cloudpick>=3"], Failure.NO_VERSION, f"No build of cloudpick matches >=3 on {HERE}. There are 2.0, 1.0."),
        (
            ["lonely"],
            Failure.CONFLICT,
            "This cannot be had: lonely 1.0 requires nowhere >=3, which no channel has.",
        ),
        (
            ["needs-cuda"],
            Failure.CONFLICT,
            "This cannot be had: needs-cuda 1.0 requires __cuda >=12, the environment variable CONDA_OVERRIDE_CUDA of "
            "the definition says which CUDA the machine has.",
        ),
    ],
)
def test_what_cannot_be_had_says_why(solve, specs, failure, reason):
    assert refused(solve, *specs) == (failure, reason)


def test_a_conflict_is_told_as_the_chain_of_requirements(solve):
    failure, reason = refused(solve, "joblike", "oldpick")
    assert failure == Failure.CONFLICT
    lead, *chains = re.split(": |; ", reason.removesuffix("."))
    assert lead == "These do not fit together"
    assert sorted(chains) == ["joblike 1.6 requires cloudpick >=2.0", "oldpick 0.9 requires cloudpick <2.0"]


def test_a_spec_that_the_solver_cannot_read_is_said(solve):
    failure, reason = refused(solve, "cloudpick[features=a]")
    assert failure == Failure.NOT_BUILDABLE
    assert reason.startswith("Conda's solver cannot read “cloudpick[features=a]”: ")


# A channel that misbehaves


def test_a_channel_that_is_not_there_is_a_network_fault(solve):
    failure, reason = refused(solve, "data", channels=["team", "nobody"])
    assert failure == Failure.NETWORK
    assert "nobody" in reason


def test_a_channel_that_is_down_is_a_network_fault(solve, settings):
    settings.CHANNEL_ALIAS = "http://127.0.0.1:9/"
    failure, reason = refused(solve, "data")
    assert (failure, "Connection refused" in reason) == (Failure.NETWORK, True)


def test_a_slow_channel_ends_at_the_time_limit(ask, wanted, conda, tmp_path):
    from builds import conda as module

    conda.faults["repodata.json.zst"] = conda.faults["repodata.json"] = lambda handler: time.sleep(5)
    question = module.question_of(wanted(conda=["data"], channels=["team"]), HERE, tmp_path / "repodata")
    started = time.monotonic()
    with pytest.raises(process.TooSlow):
        ask(question, seconds=1)
    assert time.monotonic() - started < 4


def test_the_memory_of_the_child_is_limited(ask, wanted, tmp_path):
    question = conda.question_of(wanted(conda=["data"], channels=["team"]), HERE, tmp_path / "repodata")
    with pytest.raises(OSError, match="conda-answer"):
        ask(question, memory=10)
    assert ask.code
    assert "records" in ask(question)


def test_a_child_that_is_killed_gives_no_answer_and_no_old_one(ask, wanted, tmp_path, monkeypatch):
    question = conda.question_of(wanted(conda=["data"], channels=["team"]), HERE, tmp_path / "repodata")
    assert "records" in ask(question)
    monkeypatch.setattr(conda, "SCRIPT", tmp_path / "killed.py")
    conda.SCRIPT.write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(OSError, match="conda-answer"):
        ask(question)
    assert ask.code == 128 + signal.SIGKILL


# Installing


def test_packages_are_linked_and_share_no_file_with_the_cache(solve, link, tmp_path):
    solve("fastpick")
    assert link(solve.solved.packages) == {"records": []}
    prefix = tmp_path / "prefix"
    assert (prefix / "bin" / "python").exists()
    files = [path for path in prefix.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.stat().st_nlink for path in files} == {1}
    (fastpick,) = (package for package in solve.solved.packages if package.name == "fastpick")
    assert conda.distributions(prefix, fastpick) == ["fastpick"]


def test_a_file_with_another_hash_is_not_linked_also_when_it_is_in_the_cache(solve, link, tmp_path):
    from dataclasses import replace

    solve("data")
    (data,) = solve.solved.packages
    link([data])
    answer = link([replace(data, sha256="0" * 64)])
    assert conda.explain_install(answer["fault"]) == (
        Failure.HASH_MISMATCH,
        "data-2026.1-h_0.conda is not the file that was locked: its hash is another.",
    )


def test_a_file_that_changed_in_the_channel_is_not_linked(solve, link, conda, tmp_path):
    from builds import conda as module

    solve("data")
    conda.faults["data-2026.1-h_0.conda"] = (conda.folder / "team/noarch/pip-25.0-py_0.conda").read_bytes()
    failure, _ = module.explain_install(link(solve.solved.packages)["fault"])
    assert failure == Failure.HASH_MISMATCH
    assert not list((tmp_path / "prefix").rglob("*.txt"))


def test_a_file_that_is_gone_is_a_network_fault(solve, link, conda):
    from builds import conda as module

    solve("data")
    conda.faults["data-2026.1-h_0.conda"] = 404
    failure, reason = module.explain_install(link(solve.solved.packages)["fault"])
    assert (failure, reason) == (
        Failure.NETWORK,
        "data-2026.1-h_0.conda could not be fetched. The channel answered 404 Not Found.",
    )


@pytest.mark.parametrize(
    ("marker", "platform", "fits"),
    [
        ("platform_machine == 'aarch64'", "linux-64", True),
        ("platform_machine == 'aarch64'", "linux-aarch64", False),
        ("python_version >= '3.12'", "linux-64", True),
        ("sys_platform == 'linux'", "linux-64", False),
    ],
)
def test_a_line_that_is_not_meant_for_the_target_conflicts_with_nothing(marker, platform, fits):
    solved = conda.Solved((Package("conda", "python", "3.11.7", "", "", 0, True),), {"idna": "3.7"})
    line = pip_lines.parse(f"idna==3.10; {marker}")[0]
    if fits:
        conda.check_together([line], solved, platform)
    else:
        with pytest.raises(conda.CondaFault):
            conda.check_together([line], solved, platform)
