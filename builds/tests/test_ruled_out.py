"""Versions that the portal blocks are not chosen: real resolvers, an index and a channel on loopback."""

import pytest

from builds import ruled_out
from builds.failures import Failure
from builds.models import Lock, Status
from builds.tests.in_process import HERE, run, said
from builds.tests.test_refresh import versions
from environments.models import Rule, Workspace
from environments.policy import PackageRule


def block(subject, constraint, workspace=None, manager=""):
    kind = Rule.Kind.PACKAGE_BLOCKED
    return Rule(workspace=workspace, kind=kind, subject=subject, constraint=constraint, manager=manager).put()


@pytest.mark.parametrize(
    ("constraint", "pip", "conda"),
    [
        ("<2", ["x>=2\n"], ["x >=2"]),
        ("<=2.1", ["x>2.1\n"], ["x >2.1"]),
        (">=2", ["x<2\n"], ["x <2"]),
        (">2", ["x<=2\n"], ["x <=2"]),
        ("==2.1", ["x!=2.1\n"], ["x !=2.1"]),
        ("2.1", ["x!=2.1\n"], ["x !=2.1"]),
        ("2.1.*", ["x!=2.1.*\n"], ["x !=2.1.*"]),
        ("=2.1", ["x!=2.1.*\n"], ["x !=2.1.*"]),
        ("!=2.1", ["x==2.1\n"], ["x ==2.1"]),
        ("<1 | ==2.1", ["x>=1,!=2.1\n"], ["x >=1,!=2.1"]),
        (">=1,<2", [], ["x (<1|>=2)"]),
        (">=1,<2|==3", [], ["x (<1|>=2),!=3"]),
        ("<2rc1", [], ["x >=2rc1"]),
        ("~=2.1", [], []),
        ("", [], []),
    ],
    ids=str,
)
def test_what_a_rule_leaves(constraint, pip, conda):
    blocked = [PackageRule("X", constraint=constraint)]
    assert ruled_out.for_pip(blocked) == [line.replace("x", "X", 1) for line in pip]
    assert ruled_out.for_conda(blocked) == conda


def test_each_manager_is_told_of_its_own():
    blocked = [PackageRule("a", manager="pip", constraint="<2"), PackageRule("b", manager="conda", constraint="<2")]
    assert (ruled_out.for_pip(blocked), ruled_out.for_conda(blocked)) == (["a>=2\n"], ["b >=2"])
    assert ruled_out.for_pip(blocked, provided={"a": "1.0"}) == []


@pytest.fixture
def build_of(pythons, environment, editor, wanted):
    """Build what asks for these, in a version of its own."""

    def build_of(*pip, **more):
        version = environment.register(wanted(*pip, **{"python": HERE} | more), editor)[0]
        return run(version.builds.request(version, editor))

    return build_of


def test_pip_gets_the_newest_that_is_allowed(index, build_of):
    index.put_wheels("demo-pkg", "1.0", "1.1", "2.0", requires=["helper-pkg"])
    index.put_wheels("helper-pkg", "1.0", "3.0")
    block("demo_pkg", ">=2")
    block("helper-pkg", "==3.0")
    build = build_of("demo-pkg")
    assert (build.reason, versions(build.lock)) == ("", {"demo-pkg": "1.1", "helper-pkg": "1.0"})


def test_conda_too(conda, build_of):
    block("cloudpick", ">=2", manager="conda")
    build = build_of(conda=["cloudpick"], channels=["team"])
    assert (build.reason, versions(build.lock)["cloudpick"]) == ("", "1.0")
    refused = build_of(conda=["joblike"], channels=["team"])  # which needs 2.0
    assert refused.status == Status.FAILED
    assert refused.reason.endswith("Rules of the portal block cloudpick >=2."), refused.reason


def test_where_nothing_is_left_the_rule_is_named(index, build_of):
    index.put_wheels("demo-pkg", "1.0", requires=["helper-pkg>=3"])
    index.put_wheels("helper-pkg", "1.0", "3.0")
    block("helper-pkg", ">=3")
    build = build_of("demo-pkg")
    assert build.status == Status.FAILED
    assert build.reason.endswith("Rules of the portal block helper-pkg >=3.")


def test_a_lock_that_the_portal_refuses_by_now_is_resolved_anew(index, build_of):
    index.put_wheels("demo-pkg", "1.0", "2.0")
    first = build_of("demo-pkg")
    block("demo-pkg", ">=2")
    again = run(first.version.builds.request(first.version, first.asked_by))
    assert (again.status, versions(again.lock)) == (Status.SUCCEEDED, {"demo-pkg": "1.0"})
    assert "has what the rules of the portal refuse, so packages are resolved anew" in said(again)
    assert Lock.objects.kept(first.version.reuse_key) == again.lock


def test_what_a_workspace_blocks_changes_nobody_elses_packages(index, build_of, workspace, editor, wanted):
    index.put_wheels("demo-pkg", "1.0", "2.0")
    block("demo-pkg", ">=2", workspace)
    refused = build_of("demo-pkg")
    assert (refused.failure, refused.reason) == (
        Failure.NOT_ALLOWED,
        "The rules of team refuse this. demo-pkg 2.0 is blocked here.",
    )
    other = Workspace.objects.make("other", editor)
    theirs = other.add_environment("theirs", editor).register(wanted("demo-pkg", python=HERE), editor)[0]
    assert versions(run(theirs.builds.request(theirs, editor)).lock) == {"demo-pkg": "2.0"}
