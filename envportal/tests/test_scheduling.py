"""Many requests at once against a whole portal, whose worker is held until all of them stand in the queue."""

import os
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300)]

MANY = 20


@contextmanager
def held(portal):
    """The worker stands still; it is alive all the same."""
    pid = portal.parts()["worker"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def ask_at_once(portal, *versions):
    portal.token()
    with ThreadPoolExecutor(len(versions)) as clients:
        return list(clients.map(portal.ask, versions))


def test_twenty_requests_at_once_are_one_build_that_nineteen_end_with(portal):
    version = portal.register("idna==3.10")
    with held(portal):
        asked = ask_at_once(portal, *[version] * MANY)
        queue = [portal.build(pk)["queue"] for pk in asked]
    assert [wait["cause"] for wait in queue].count("twin") == MANY - 1
    (first,) = [pk for pk, wait in zip(asked, queue, strict=True) if wait["place"] == 1]
    assert {wait["waits_for"] for wait in queue} == {None, first}
    ended = [portal.wait_for_end(pk) for pk in asked]
    assert {(build["status"], build["reason"]) for build in ended} == {("succeeded", "")}
    assert [build["id"] for build in ended if build["reused_from"] is None] == [first]
    assert {build["reused_from"] for build in ended} == {None, first}
    assert [pk for pk in asked if portal.fetch(f"builds/{pk}/log/")] == [first]


def test_what_cannot_be_resolved_is_tried_once_for_all(portal):
    version = portal.register(f"envportal-no-such-package-{uuid.uuid4().hex[:6]}")
    with held(portal):
        asked = ask_at_once(portal, *[version] * MANY)
    ended = [portal.wait_for_end(pk) for pk in asked]
    assert {build["failure"] for build in ended} == {"package not found"}
    (first,) = [build["id"] for build in ended if build["reused_from"] is None]
    assert {build["reused_from"] for build in ended} == {None, first}
    assert len({build["reason"] for build in ended}) == 1


def test_the_next_twin_takes_over_from_one_that_is_cancelled(portal):
    version = portal.register("six==1.17.0")
    with held(portal):
        asked = [portal.ask(version) for _ in range(3)]
        assert portal.call("POST", f"builds/{asked[0]}/cancel/")[0] == 200
        assert portal.call("POST", f"builds/{asked[0]}/cancel/")[0] == 409
    ended = [portal.wait_for_end(pk) for pk in asked]
    assert [build["status"] for build in ended] == ["cancelled", "succeeded", "succeeded"]
    assert [build["reused_from"] for build in ended] == [None, None, asked[1]]


def test_three_workspaces_share_a_flooded_queue(portal):
    """What is asked for last, in the third workspace, is not built last."""
    names = [f"w{n}-{uuid.uuid4().hex[:6]}" for n in range(3)]
    code = f"from environments.models import Workspace as W; [W.objects.create(name=name) for name in {names}]"
    portal.manage("shell", "-c", code)
    versions = [version_in(portal, name, n) for name in names for n in range(10 if name != names[2] else 2)]
    with held(portal):
        asked = [portal.ask(version) for version in versions]
        last = portal.build(asked[-1])["queue"]
    ended = sorted((portal.wait_for_end(pk) for pk in asked), key=lambda build: build["started"])
    assert {build["failure"] for build in ended} == {"not buildable"}
    assert last["place"] <= 6
    places = [place for place, build in enumerate(ended, 1) if build["workspace"] == names[2]]
    assert max(places) <= 8  # two places of the worker, three workspaces
    halves = [build["workspace"] for build in ended[:12]]
    assert all(halves.count(name) >= 4 for name in names[:2])


def version_in(portal, workspace, n):
    """Something that ends in an instant, without a network: what is looked at is the order."""
    path = f"workspaces/{workspace}/environments/"
    assert portal.call("POST", path, {"name": f"e{n}"})[0] == 201
    wanted = {"docker": {"baseDockerfile": f"FROM scratch\nLABEL n={workspace}-{n}\n"}}
    status, answer = portal.call("POST", f"{path}e{n}/versions/", {"definition": wanted})
    assert status == 201, answer
    return f"{path}e{n}/versions/1/"
