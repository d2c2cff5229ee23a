"""The page of a lock and its twin in the API."""

import json
from dataclasses import replace

import pytest
from django.urls import reverse

from builds.lock import Package
from builds.models import Build, Lock, Status, VersionLock
from builds.uv import this_platform
from environments.models import Membership, Role

INDEX = "https://index.example.org/simple/"


def package(name, *requested_by, direct=False, **more):
    url = f"https://files.example.org/{name}-1.0-py3-none-any.whl"
    asked = {"channel": INDEX, "licence": "MIT", "requested_by": requested_by} | more
    return Package("pip", name, "1.0", url, "a" * 64, 1_500_000, direct, **asked)


PACKAGES = [
    package("requests", direct=True),
    package("urllib3", "requests"),
    package("helper", "urllib3"),
    package("adrift"),
    Package(
        "conda", "python", "3.11.7", "https://conda.example.org/team/linux-64/python-3.11.7-h_0.conda", "b" * 64, 0, True,
        build="h_0", channel="https://conda.example.org/team", subdir="linux-64", licence="PSF-2.0",
    ),
]  # fmt: skip


@pytest.fixture
def lock(build):
    lock = Lock.objects.store("3.11.7", this_platform(), PACKAGES)
    build.move_to(Status.RUNNING)
    build.steps.filter(name="install").update(bytes=7_000_000)
    build.finish(Status.SUCCEEDED, lock=lock, prefix="p")
    return lock


def page(client, who, lock, **query):
    client.force_login(who)
    return client.get(lock.get_absolute_url(), query)


def words(answer):
    return " ".join(answer.content.decode().split())


def test_it_says_of_each_package_why_it_is_here(client, viewer, lock):
    answer = page(client, viewer, lock)
    assert [(row.package.name, row.because_of) for row in answer.context["page"]] == [
        ("python", ()),
        ("requests", ()),
        ("adrift", ()),
        ("helper", ("requests", "urllib3")),
        ("urllib3", ("requests",)),
    ]
    assert "requests → urllib3" in words(answer)
    assert "5 packages for Python 3.11.7" in words(answer)
    assert "6.0 MB to download and 1 of unknown size" in words(answer)
    assert "<dd>7.0 MB</dd>" in words(answer)
    assert "index.example.org/simple" in words(answer)


def test_packages_are_searched_and_paged(client, viewer, lock, monkeypatch):
    assert [row.package.name for row in page(client, viewer, lock, q="URL").context["page"]] == ["urllib3"]
    assert "No package here has “zzz”" in words(page(client, viewer, lock, q="zzz"))
    monkeypatch.setattr("builds.lock_views.PAGE", 2)
    assert [row.package.name for row in page(client, viewer, lock, page=2).context["page"]] == ["adrift", "helper"]
    assert "3–4 of 5" in words(page(client, viewer, lock, page=2))


def test_it_names_versions_and_builds_of_ones_own_workspaces_alone(
    client, viewer, stranger, editor, lock, wanted, version
):
    elsewhere = stranger.memberships.get().workspace
    environment = elsewhere.add_environment("borrowed", stranger)
    other, _ = environment.register(wanted("idna==3.10"), stranger)
    other.builds.request(other, stranger)  # which is answered from ours
    text = words(page(client, viewer, lock))
    assert version.get_absolute_url() in text
    assert ("borrowed" in text, "elsewhere" in text) == (False, False)
    text = words(page(client, stranger, lock))
    assert ("borrowed" in text, "science" in text) == (True, False)
    Membership.objects.create(workspace=elsewhere, user=viewer, role=Role.VIEWER)
    assert "borrowed" in words(page(client, viewer, lock))


def test_whoever_sees_no_version_of_it_sees_no_lock(client, stranger, lock, api):
    assert page(client, stranger, lock).status_code == 404
    assert client.get(reverse("lock-file", args=[lock.digest, "pylock.toml"])).status_code == 404
    for address in ("", "files/pylock.toml"):
        assert api(stranger).get(f"/api/v1/locks/{lock.digest}/{address}").status_code == 404


def test_a_lock_that_was_only_looked_at_is_there_for_its_members(client, viewer, editor, version):
    lock = Lock.objects.store("3.11.7", "linux-aarch64", PACKAGES)
    assert page(client, viewer, lock).status_code == 404
    VersionLock.objects.offer(version, lock, editor)
    assert "looked at by edgar" in words(page(client, viewer, lock))


def test_a_lock_of_a_build_that_failed_is_there_too(client, viewer, build):
    lock = Lock.objects.store("3.11.7", this_platform(), PACKAGES)
    Build.objects.filter(pk=build.pk).update(lock=lock)
    build.fail("import", "It cannot be imported.")
    assert "No version has it" in words(page(client, viewer, lock))


def test_it_can_be_taken_along_in_every_form(client, viewer, lock, api):
    files = page(client, viewer, lock).context["lock"].files
    assert list(files) == ["pylock.toml", "requirements.txt", "explicit.txt", "pixi.lock", "environment.yml"]
    for file in files:
        answer = client.get(reverse("lock-file", args=[lock.digest, file]))
        assert (answer.status_code, answer.headers["Content-Disposition"]) == (200, f'attachment; filename="{file}"')
        assert api(viewer).get(f"/api/v1/locks/{lock.digest}/files/{file}").content == answer.content


def test_a_form_that_it_has_not_is_said(client, viewer, build):
    lock = Lock.objects.store("3.11.7", this_platform(), PACKAGES[:1])
    Build.objects.filter(pk=build.pk).update(lock=lock)
    client.force_login(viewer)
    answer = client.get(reverse("lock-file", args=[lock.digest, "explicit.txt"]))
    assert (answer.status_code, "This lock has no conda packages." in words(answer)) == (409, True)


def test_the_api_says_the_same(api, viewer, lock, build, version):
    said = api(viewer).get(reverse("api-lock", args=[lock.digest])).json()
    assert said["totals"] == {"packages": 5, "size": 6_000_000, "unsized": 1}
    assert said["installed_size"] == 7_000_000
    assert [(each["name"], each["because_of"]) for each in said["packages"]][3] == ("helper", ["requests", "urllib3"])
    assert [(row["environment"], row["version"], row["is_refresh"]) for row in said["versions"]] == [
        ("science", 1, False)
    ]
    assert [each["id"] for each in said["builds"]] == [str(build.pk)]
    assert said["files"]["pylock.toml"] == "pip packages, with hashes"


def test_version_and_build_lead_to_it(client, viewer, lock, build, version):
    client.force_login(viewer)
    for url in (version.get_absolute_url(), build.get_absolute_url()):
        assert f'href="{lock.get_absolute_url()}"' in client.get(url).content.decode()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "count"), [("lock", 12), ("api-lock", 14)])
def test_it_costs_the_same_with_many_packages_versions_and_builds(
    client, editor, lock, environment, wanted, django_assert_num_queries, name, count, rows
):
    for n in range(rows):
        version, _ = environment.register(wanted(f"idna=={n}"), editor)
        VersionLock.objects.keep(version, lock, editor)
        build = version.builds.request(version, editor)
        Build.objects.filter(pk=build.pk).update(lock=lock)
    more = [replace(PACKAGES[0], name=f"more-{n}") for n in range(rows)]
    longer = Lock.objects.store("3.11.7", this_platform(), more)
    lock.packages.add(*longer.packages.all())
    client.force_login(editor)
    client.get(reverse(name, args=[lock.digest]))
    with django_assert_num_queries(count):
        answer = client.get(reverse(name, args=[lock.digest]))
    assert answer.status_code == 200
    if name == "api-lock":
        assert len(json.loads(answer.content)["versions"]) == rows + 1


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_of_a_versions_locks_costs_the_same_however_long(
    client, editor, version, django_assert_num_queries, rows
):
    for n in range(rows):
        VersionLock.objects.offer(version, Lock.objects.store(f"3.1{n}.0", this_platform(), PACKAGES), editor)
    client.force_login(editor)
    url = reverse("api-version-locks", args=["team", "science", version.number])
    client.get(url)
    with django_assert_num_queries(6):
        assert len(client.get(url).json()["results"]) == rows
