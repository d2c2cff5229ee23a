"""The pages that show a picture: that it is there, says the same as the list, leads on, and costs no more for more."""

import pytest
from django.urls import reverse
from django.utils import timezone

from builds.artifact_models import ARCHIVE
from builds.models import Machine
from builds.tests.diff_cast import built, pip
from builds.tests.test_models import succeed

LOCK = [
    pip("app", size=1_000_000),
    pip("tool", size=2_000_000),
    pip("web", direct=False, requested_by=("app",), size=5_000_000),
    pip("json", direct=False, requested_by=("app", "tool", "web"), size=3_000_000),
]


@pytest.fixture
def lock(environment, editor, wanted):
    return built(environment, editor, wanted("app"), *LOCK).builds.get().lock


@pytest.fixture
def look(client, viewer):
    """What the viewer sees at an address, and the context of the page."""
    client.force_login(viewer)

    def look(url, **query):
        answer = client.get(url, query)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split()), answer.context

    return look


# Lock


def test_a_lock_says_what_each_package_that_was_asked_for_brings(look, lock):
    text, context = look(lock.get_absolute_url())
    assert [(row.package.name, row.packages, row.alone) for row in context["brought"]] == [
        ("app", 3, 2),
        ("tool", 2, 1),
    ]
    assert "What each brings along" in text
    assert '<a href="?why=pip/app#why">app</a>' in text
    assert "itself and 2 more" in text
    assert "9.0 MB" in text


def test_a_package_of_a_lock_is_looked_at_by_its_address(look, lock):
    text, context = look(lock.get_absolute_url(), why="pip/json")
    assert context["picture"].key == ("pip", "json")
    assert "json is here because of app and tool. It needs nothing itself." in text
    assert "What each brings along" not in text
    assert text.count('<svg x="') == 3
    assert 'href="?why=pip/tool#why"' in text


def test_one_that_is_not_in_the_lock_is_said(look, lock):
    for asked in ("pip/nothing", "nothing", "conda/app", "<b>/<i>"):
        text, context = look(lock.get_absolute_url(), why=asked)
        assert context["picture"] is None
        assert "is in this lock" in text
        assert "<b>/<i>" not in text


def test_many_that_were_asked_for_are_cut_until_all_are_wanted(look, environment, editor, wanted):
    many = [pip(f"a{n}", requested_by=("a0",)) for n in range(12)]
    lock = built(environment, editor, wanted("many"), *many).builds.get().lock
    text, context = look(lock.get_absolute_url())
    assert len(context["brought"]) == 10
    assert "All 12 that were asked for" in text
    text, context = look(lock.get_absolute_url(), brings="all")
    assert len(context["brought"]) == 12
    assert "that were asked for</a>" not in text


def test_a_lock_that_does_not_say_who_needs_whom_has_no_picture(look, environment, editor, wanted):
    lock = built(environment, editor, wanted("plain"), pip("a"), pip("b")).builds.get().lock
    assert "What each brings along" not in look(lock.get_absolute_url())[0]


def test_the_api_says_what_each_brings(api, viewer, lock):
    said = api(viewer).get(reverse("api-lock", args=[lock.digest])).json()
    assert said["brings"][0] == {
        "manager": "pip", "name": "app", "packages": 3, "size": 9_000_000, "alone": 2, "alone_size": 6_000_000,
    }  # fmt: skip


@pytest.mark.parametrize("query", [{}, {"why": "pip/json"}])
def test_a_lock_costs_the_same_with_few_packages_and_with_many(
    client, viewer, environment, editor, wanted, django_assert_num_queries, query
):
    client.force_login(viewer)
    for many in (1, 40):
        more = [pip(f"more-{n}", requested_by=("app",)) for n in range(many)]
        lock = built(environment, editor, wanted(f"app=={many}"), *LOCK, *more).builds.get().lock
        client.get(lock.get_absolute_url())
        with django_assert_num_queries(14):
            client.get(lock.get_absolute_url(), query)


# Versions along time


def test_versions_stand_along_time_with_what_they_moved(look, environment, editor, wanted):
    built(environment, editor, wanted("idna==1"), pip("idna", "1"))
    assert "Versions along time" not in look(environment.get_absolute_url())[0]
    built(environment, editor, wanted("idna==2"), pip("idna", "2"), pip("six"))
    environment.register(wanted("idna==3"), editor)
    text, _ = look(environment.get_absolute_url())
    assert "3 versions, number 1 to 3; version 2 moved most: +1 ↑1, 1 major." in text
    assert "<title>Version 2, +1 ↑1, 1 major, succeeded</title>" in text
    assert "<title>Version 3, never built</title>" in text


def test_a_package_has_a_picture_of_its_steps(look, environment, editor, wanted):
    url = reverse("package", args=["team", "science", "pip", "idna"])
    built(environment, editor, wanted("idna==1"), pip("idna", "1.9"))
    assert "Version by version" not in look(url)[0]
    built(environment, editor, wanted("idna==2"), pip("idna", "1.10"))
    built(environment, editor, wanted("idna==3"), pip("six"))
    text, context = look(url)
    assert [each.move.version for each in context["picture"].stretches] == ["1.9", "1.10", ""]
    assert "not there since version 3." in text
    assert "<title>Version 3: not there</title>" in text


# Builds


def test_builds_of_an_environment_are_bars_with_their_numbers(look, environment, build, editor, wanted):
    url = reverse("builds", args=["team", "science"])
    assert "How long, and how it ended" not in look(url)[0]
    succeed(build)
    other, _ = environment.register(wanted("six"), editor)
    other.builds.request(other, editor).fail("ours", "because")
    text, context = look(url)
    assert [bar.tried.status for bar in context["times"].bars] == ["succeeded", "failed"]
    assert "<b>50 %</b> succeeded" in text
    assert "1 of 2 builds succeeded" in text
    assert text.count(f'href="{build.get_absolute_url()}"') == 2  # in the picture, and in the list


def test_builds_of_a_workspace_are_there_for_its_members_and_can_be_narrowed(look, workspace, build, editor, wanted):
    url = reverse("workspace-builds", args=["team"])
    other, _ = workspace.add_environment("other", editor).register(wanted("six"), editor)
    other.builds.request(other, editor).fail("ours", "because")
    text, context = look(url)
    assert [str(each.version) for each in context["builds"]] == ["other 1", "science 1"]
    assert len(context["times"].bars) == 2
    assert [str(each.version) for each in look(url, environment="science")[1]["builds"]] == ["science 1"]
    assert [str(each.version) for each in look(url, status="failed")[1]["builds"]] == ["other 1"]
    text, context = look(url, status="nonsense")
    assert "State: Select a valid choice" in text
    assert len(context["builds"]) == 2
    assert "No build matches" in look(url, environment="nothing")[0]


def test_builds_of_another_workspace_are_not_shown(client, stranger, build, api):
    client.force_login(stranger)
    assert str(build.pk) not in client.get(reverse("workspace-builds", args=["elsewhere"])).content.decode()
    assert api(stranger).get(reverse("api-workspace-builds", args=["elsewhere"])).json()["results"] == []


def test_the_api_lists_the_builds_of_a_workspace(api, viewer, build, workspace, editor, wanted):
    url = reverse("api-workspace-builds", args=["team"])
    other, _ = workspace.add_environment("other", editor).register(wanted("six"), editor)
    other.builds.request(other, editor)
    rows = api(viewer).get(url, {"limit": 1}).json()
    assert [row["environment"] for row in rows["results"]] == ["other"]
    assert [row["environment"] for row in api(viewer).get(rows["next"]).json()["results"]] == ["science"]
    assert [row["id"] for row in api(viewer).get(url, {"environment": "science"}).json()["results"]] == [str(build.pk)]
    fault = api(viewer).get(url, {"status": "nonsense"})
    assert (fault.status_code, list(fault.json())) == (400, ["status"])


# Storage


def test_storage_says_what_takes_the_room(client, person, build, settings):
    settings.STORAGE_MB = 2
    succeed(build)
    build.steps.filter(name="install").update(bytes=3_000_000)
    machine = Machine.objects.create(name="m", counted_at=timezone.now())
    machine.uses.create(kind="uv", size=9_000_000, files=3)
    machine.uses.create(kind="prefixes", size=3_000_000, files=3)
    client.force_login(person("root", is_superuser=True, is_staff=True))
    answer = client.get(reverse("storage"))
    rows = [(row.name, row.size) for row in answer.context["kinds"]]
    assert rows[:2] == [("Package cache, pip", 9_000_000), ("Installed packages", 3_000_000)]
    assert "Installed packages" not in [name for name, _ in rows[2:]]
    assert "<b>3.0 MB</b> of the 2.0 MB that they may, 150 %" in answer.content.decode()


def test_archives_are_told_apart_from_what_is_installed(client, api, person, build):
    succeed(build)
    build.steps.filter(name="install").update(bytes=3_000_000)
    build.artifacts.create(name=ARCHIVE, content_type="application/zstd", sha256="a" * 64, size=1_000_000, path="a")
    root = person("root", is_superuser=True, is_staff=True)
    client.force_login(root)
    rows = {row.name: row.size for row in client.get(reverse("storage")).context["kinds"]}
    assert (rows["Installed packages"], rows["Archives"]) == (3_000_000, 1_000_000)
    said = api(root).get(reverse("api-storage")).json()
    assert (said["size"], said["archives"], said["budget"]) == (4_000_000, 1_000_000, 0)
