"""A curated environment that is asked for under the name of a workspace: its rules hold, and for nobody else."""

from dataclasses import replace

import pytest
from django.urls import reverse

from builds.models import Build, Lock, Status, VersionLock
from builds.tests.test_models import PACKAGE, succeed
from environments.faults import Refused
from environments.models import Membership, Role, Rule, Version, Workspace
from environments.shelf_loader import portal_person

BROUGHT = replace(PACKAGE, name="brought", version="1.0", direct=False, requested_by=("idna",))
ASKED = ["AzureML-Minimal", 1]
JSON = {"content_type": "application/json"}


def block(workspace, subject="idna", **more):
    return Rule(workspace=workspace, kind=Rule.Kind.PACKAGE_BLOCKED, subject=subject, **more).put()


@pytest.fixture
def built(curated):
    """A build that the portal asked for ahead, with a package that the definition does not name."""
    build = curated.builds.request(curated, portal_person())
    build.move_to(Status.RUNNING)
    build.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.11.7", "linux-64", [PACKAGE, BROUGHT]), prefix="p")
    return build


@pytest.fixture
def ask(client, api):
    """Ask for a build of the curated version under the name of a workspace: the status of the page and of the API."""

    def ask(person, workspace):
        client.force_login(person)
        page = client.post(reverse("request-build", args=[workspace, *ASKED]))
        client.logout()
        answer = api(person).post(reverse("api-version-builds", args=[workspace, *ASKED]), {}, **JSON)
        del client.defaults["HTTP_AUTHORIZATION"]
        told = (page.content.decode() if page.status_code == 409 else "", answer.json().get("detail", ""))
        return page.status_code, answer.status_code, *told

    return ask


def test_a_team_is_refused_what_it_blocks_with_the_reason_and_no_other_is(ask, built, workspace, editor, stranger):
    block(workspace, message="Ask Vera.")
    page, answer, said, detail = ask(editor, "team")
    assert (page, answer) == (409, 409)
    assert detail == "The rules of team refuse this version. Line 7: idna is blocked here. Ask Vera."
    assert "Ask Vera." in said
    assert reverse("policies", args=["team"]) in said
    assert ask(stranger, "elsewhere")[:2] == (302, 200)
    assert Build.objects.filter(asked_by=editor).count() == 0
    built.refresh_from_db()
    assert built.status == "succeeded"


def test_so_is_it_what_another_package_brings(ask, built, workspace, editor, stranger):
    block(workspace, "brought", constraint="<2")
    assert ask(editor, "team")[3] == (
        "The rules of team refuse this version. brought 1.0 (needed by idna) is blocked here."
    )
    assert ask(stranger, "elsewhere")[:2] == (302, 200)


def test_and_what_comes_from_a_channel_that_it_does_not_allow(ask, curated, workspace, editor):
    Rule(workspace=workspace, kind=Rule.Kind.CHANNEL_ALLOWED, subject="bioconda").put()
    assert "conda-forge" in ask(editor, "team")[3]


def test_a_build_for_others_goes_on_under_the_rules_of_the_shelf(curated, workspace, editor, stranger):
    mine = Version.objects.get(pk=curated.pk)
    mine.used_in = workspace
    build = mine.builds.request(mine, editor)
    block(workspace, "brought")
    build.move_to(Status.RUNNING)
    build.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.11.7", "linux-64", [PACKAGE, BROUGHT]), prefix="p")
    with pytest.raises(Refused, match=r"brought 1\.0"):
        mine.builds.request(mine, editor)
    assert curated.builds.request(curated, stranger).reused_from == build


def test_under_the_name_of_the_shelf_one_workspace_of_mine_has_to_allow_it(ask, built, workspace, editor, curator):
    block(workspace)
    assert ask(editor, "curated")[:2] == (409, 409)
    assert "team" in ask(editor, "curated")[3]
    assert ask(curator, "curated")[:2] == (302, 200)
    other = Workspace.objects.create(name="other")
    Membership.objects.create(workspace=other, user=editor, role=Role.EDITOR)
    assert ask(editor, "curated")[:2] == (302, 200)
    block(other, "brought")
    assert ask(editor, "curated")[:2] == (409, 409)


def test_the_portal_builds_ahead_whatever_a_team_blocks(curated, workspace):
    block(workspace)
    assert curated.builds.request(curated, portal_person()).status == "queued"


def test_the_page_says_so_under_the_name_of_the_team_alone(client, built, workspace, editor):
    block(workspace, "brought")
    client.force_login(editor)
    pages = [client.get(reverse("version", args=[name, *ASKED])).content.decode() for name in ("team", "curated")]
    assert ["brought 1.0 (needed by idna) is blocked here" in page for page in pages] == [True, False]
    assert reverse("request-build", args=["team", *ASKED]) in pages[0]
    assert "team gets no build of it; other workspaces may." in pages[0]


def test_the_page_of_a_teams_own_version_names_what_its_lock_may_not_have_now(client, build, workspace, editor):
    succeed(build)
    block(workspace, constraint=">=3.9", subject="idna", manager="conda")
    client.force_login(editor)
    assert "is blocked here" not in client.get(build.version.get_absolute_url()).content.decode()
    block(workspace, constraint=">=3.9", subject="idna", manager="pip")
    assert "idna 3.10 is blocked here" in client.get(build.version.get_absolute_url()).content.decode()


@pytest.mark.parametrize("wish", [{"refresh": "1"}, {"lock": ""}], ids=["a refresh", "another lock"])
def test_which_packages_a_curated_version_has_curators_alone_change(client, api, built, editor, curator, wish):
    other = Lock.objects.store("3.11.7", "linux-64", [replace(PACKAGE, version="3.11")])
    VersionLock.objects.offer(built.version, other, curator)
    wish = {name: value or other.digest for name, value in wish.items()}
    statuses = []
    for person, name in ((editor, "team"), (curator, "curated")):
        client.force_login(person)
        statuses.append(client.post(reverse("request-build", args=[name, *ASKED]), wish).status_code)
        client.logout()
        url = reverse("api-version-builds", args=[name, *ASKED])
        statuses.append(
            api(person).post(url, wish | ({"refresh": True} if "refresh" in wish else {}), **JSON).status_code
        )
        del client.defaults["HTTP_AUTHORIZATION"]
    assert statuses == [403, 403, 302, 201]


@pytest.mark.parametrize("name", ["refresh", "keep-lock", "api-refresh", "api-version-locks"])
def test_nor_does_anybody_else_look_for_others(client, api, built, editor, name):
    client.force_login(editor)
    caller = api(editor) if name.startswith("api") else client
    assert caller.post(reverse(name, args=["team", *ASKED]), {"lock": "0" * 64}, **JSON).status_code == 403
