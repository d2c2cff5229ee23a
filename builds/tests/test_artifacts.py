"""What a good build gives: which files, to whom, and by which addresses."""

import base64
import hashlib
import json
import time

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.urls import reverse

from builds import artifact_models, pack
from builds.models import ArchiveOrder, Artifact, Build, Status
from environments.models import Workspace

DOCUMENTS = [
    "pylock.toml",
    "requirements.txt",
    "environment.yml",
    "sbom.cdx.json",
    "Dockerfile",
    "provenance.intoto.json",
]


@pytest.fixture
def address(good):
    return reverse("build-artifact", args=[good.pk, "sbom.cdx.json"])


def content(answer):
    return b"".join(answer.streaming_content)


def test_a_build_gives_locks_a_bill_and_a_dockerfile_each_with_its_hash(installed):
    good, _ = installed("idna==3.10")
    given = pack.artifacts_of(good)
    assert [artifact.name for artifact in given] == DOCUMENTS
    for artifact in given:
        with artifact.open() as file:
            data = file.read()
        assert (artifact.sha256, artifact.size) == (hashlib.sha256(data).hexdigest(), len(data))
    with good.artifacts.get(name="sbom.cdx.json").open() as file:
        [_, idna] = json.load(file)["components"]
    assert (idna["purl"], idna["licenses"]) == ("pkg:pypi/idna@3.10", [{"license": {"name": "BSD License"}}])
    step = good.steps.get(name="pack")
    assert (step.status, step.bytes) == ("succeeded", sum(artifact.size for artifact in given))
    assert step.summary.startswith("6 files, ")


def test_a_build_that_ends_badly_leaves_no_artifact(
    installed, editor, monkeypatch, settings, django_capture_on_commit_callbacks
):
    def cancelled(build, *args, **kwargs):
        files = written(build, *args, **kwargs)
        Build.objects.get(pk=build.pk).cancel(editor)
        return files

    written = pack.write_documents
    monkeypatch.setattr(pack, "write_documents", cancelled)
    with pytest.raises(AssertionError, match="cancelled"), django_capture_on_commit_callbacks(execute=True):
        installed("idna==3.10")
    assert not Artifact.objects.exists()
    artifacts = settings.STORAGES["artifacts"]["OPTIONS"]["location"]
    assert [path for path in artifacts.rglob("*") if path.is_file()] == []


def test_a_file_comes_with_its_hash_and_its_name(client, viewer, good, address):
    client.force_login(viewer)
    answer = client.get(address)
    data, sha256 = content(answer), good.artifacts.get(name="sbom.cdx.json").sha256
    assert hashlib.sha256(data).hexdigest() == sha256
    assert answer.headers["ETag"] == f'"{sha256}"'
    assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="science-1.cdx.json"'
    assert answer.headers["Content-Length"] == str(len(data))
    assert client.get(address, headers={"If-None-Match": f'"{sha256}"'}).status_code == 304


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-7", -7, None)]
)
def test_a_range_is_that_part_of_the_file(client, viewer, address, asked, start, end):
    client.force_login(viewer)
    whole, part = content(client.get(address)), client.get(address, headers={"Range": asked})
    assert (part.status_code, content(part)) == (206, whole[start:end])
    other = client.get(address, headers={"Range": asked, "If-Range": '"another"'})
    assert (other.status_code, content(other)) == (200, whole)


def test_a_range_behind_the_end_is_refused(client, viewer, good, address):
    client.force_login(viewer)
    answer = client.get(address, headers={"Range": "bytes=999999999-"})
    size = good.artifacts.get(name="sbom.cdx.json").size
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")


def test_a_stranger_is_told_there_is_no_such_file(client, stranger, address):
    client.force_login(stranger)
    assert client.get(address).status_code == 404
    client.logout()
    assert client.get(address).headers["Location"].startswith(reverse("sign-in"))


def test_a_file_that_the_storage_lost_is_not_found(client, viewer, good, address):
    artifact_models.storage().delete(good.artifacts.get(name="sbom.cdx.json").path)
    client.force_login(viewer)
    assert client.get(address).status_code == 404


def test_a_signed_address_opens_one_file_to_anybody_for_some_minutes(client, good, monkeypatch):
    signed = artifact_models.signed_path(good, "sbom.cdx.json")
    assert content(client.get(signed)) == content(client.get(signed))
    assert client.get(signed.replace("sbom.cdx.json", "Dockerfile")).status_code == 403
    assert client.get(signed[:-1]).status_code == 403
    assert client.get(signed.partition("?")[0]).status_code == 403
    now = time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + artifact_models.SIGNED_SECONDS + 5)
    assert client.get(signed).status_code == 403


def test_the_api_lists_the_files_with_addresses_that_open(api, viewer, good, client):
    listed = api(viewer).get(reverse("api-build-artifacts", args=[good.pk])).json()
    assert [each["name"] for each in listed] == DOCUMENTS
    bill = listed[3]
    assert set(bill) == {"name", "content_type", "size", "sha256", "created", "url", "signed_url"}
    assert hashlib.sha256(content(client.get(bill["url"]))).hexdigest() == bill["sha256"]
    del client.defaults["HTTP_AUTHORIZATION"]
    assert hashlib.sha256(content(client.get(bill["signed_url"]))).hexdigest() == bill["sha256"]
    assert client.get(bill["url"]).status_code == 401


def test_a_build_that_another_workspace_supplied_has_documents_of_its_own(
    good, client, stranger, wanted, django_assert_max_num_queries
):
    """Neither the name of the other environment nor its variables; the archive is the same for both."""
    own = Workspace.objects.get(name="elsewhere").add_environment("mine", stranger)
    version, _ = own.register(wanted("idna==3.10", environmentVariables={"MINE": "1"}), stranger)
    build = version.builds.request(version, stranger)
    assert build.reused_from == good
    client.force_login(stranger)
    address = reverse("build-artifact", args=[build.pk, "Dockerfile"])
    text = content(client.get(address)).decode()
    assert 'ENV MINE="1"' in text
    assert "mine, version 1" in text
    assert "science" not in text
    assert client.get(reverse("build-artifact", args=[good.pk, "Dockerfile"])).status_code == 404
    assert "science" not in content(client.get(reverse("build-artifact", args=[build.pk, "sbom.cdx.json"]))).decode()
    pack.keep(good, pack.ARCHIVE, "application/zstd", artifact_file(b"packed"), **pack.facts_of(b"packed"))
    assert content(client.get(reverse("build-artifact", args=[build.pk, pack.ARCHIVE]))) == b"packed"
    with django_assert_max_num_queries(12):
        content(client.get(address))


def artifact_file(data):
    return ContentFile(data)


def test_the_page_of_a_build_shows_its_files_and_hashes(client, viewer, good):
    client.force_login(viewer)
    page = client.get(good.get_absolute_url()).content.decode()
    for artifact in good.artifacts.all():
        assert reverse("build-artifact", args=[good.pk, artifact.name]) in page
        assert f'data-copy="{artifact.sha256}"' in page
    assert "Make an archive" in page


def test_of_an_unfinished_or_failed_build_there_are_none(api, viewer, build, client):
    address = reverse("api-build-artifacts", args=[build.pk])
    assert api(viewer).get(address).json() == []
    build.move_to(Status.RUNNING)
    build.fail("ours", "It failed.")
    assert client.get(address).json() == []
    assert client.get(reverse("api-build-artifact", args=[build.pk, "Dockerfile"])).status_code == 404


def test_files_go_with_their_build(good, django_capture_on_commit_callbacks):
    paths = [artifact.path for artifact in good.artifacts.all()]
    with django_capture_on_commit_callbacks(execute=True):
        good.delete()
    assert not any(artifact_models.storage().exists(path) for path in paths)


def test_two_who_write_the_same_file_leave_one(good):
    before = good.artifacts.get(name="Dockerfile")
    pack.keep(good, "Dockerfile", "text/plain", artifact_file(b"x"), **pack.facts_of(b"x"))
    assert good.artifacts.get(name="Dockerfile") == before
    folder = before.path.rpartition("/")[0]
    assert len(artifact_models.storage().listdir(folder)[1]) == len(DOCUMENTS)


def test_a_viewer_may_order_an_archive_and_a_stranger_finds_no_build(client, viewer, stranger, good):
    address = reverse("build-archive", args=[good.pk])
    client.force_login(stranger)
    assert client.post(address).status_code == 404
    client.force_login(viewer)
    assert client.post(address).status_code == 302
    assert ArchiveOrder.objects.get().asked_by == viewer


def test_without_packages_there_is_nothing_to_order(client, editor, good):
    Build.objects.filter(pk=good.pk).update(prefix="")
    client.force_login(editor)
    answer = client.post(reverse("build-archive", args=[good.pk]))
    assert answer.status_code == 409
    assert "not there any more" in answer.content.decode()
    page = client.get(good.get_absolute_url()).content.decode()
    assert "no archive can be made of them" in page


def test_the_setting_orders_an_archive_after_each_build(installed, settings):
    settings.ARCHIVE = "built"
    build, _ = installed("idna==3.10")
    assert build.archive_order.status == Status.QUEUED


def test_an_auditor_takes_files_and_is_offered_no_archive(client, auditor, good):
    client.force_login(auditor)
    page = client.get(good.get_absolute_url()).content.decode()
    assert reverse("build-artifact", args=[good.pk, good.artifacts.first().name]) in page
    assert "Make an archive" not in page
    assert "Members of team can have one made." in page
