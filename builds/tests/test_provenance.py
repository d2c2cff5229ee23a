"""What a build says of itself: the signed statement beside its files, who gets it, and how it is checked."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from builds import pack, provenance, signing, statements, verify
from builds.artifact_models import ARCHIVE, ARCHIVE_PROVENANCE, PROVENANCE
from builds.lock_files import Locked
from builds.models import Artifact, Build, SigningKey
from builds.tests.diff_cast import pip
from environments.models import Workspace
from events.models import Event

RUN = provenance.Run({}, True, datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


def bytes_of(artifact):
    with artifact.open() as file:
        return file.read()


def statement_of(build, name=PROVENANCE):
    artifact = next(each for each in pack.artifacts_of(build) if each.name == name)
    keys = verify.read_keys(SigningKey.objects.as_pem())
    return verify.open_envelope(bytes_of(artifact).decode(), keys)[0]


@pytest.fixture
def archived(good):
    """A good build with an archive, and when it was made."""
    pack.keep(good, ARCHIVE, "application/zstd", ContentFile(b"packed"), **pack.facts_of(b"packed"))
    return good


@pytest.fixture
def supplied(good, stranger, wanted):
    """A build of another workspace that `good` supplies."""
    own = Workspace.objects.get(name="elsewhere").add_environment("mine", stranger)
    version, _ = own.register(wanted("idna==3.10"), stranger)
    build = version.builds.request(version, stranger)
    assert build.reused_from == good
    return build


def test_a_build_states_what_its_files_were_made_of(installed):
    build, _ = installed("idna==3.10")
    said = statement_of(build)
    files = build.artifacts.exclude(name=PROVENANCE)
    assert {each["name"]: each["digest"]["sha256"] for each in said["subject"]} == {
        file.name: hashlib.sha256(bytes_of(file)).hexdigest() for file in files
    }
    wanted, run = said["predicate"]["buildDefinition"], said["predicate"]["runDetails"]
    portal = django_settings.PUBLIC_URL.rstrip("/")
    document = build.version.as_file("definition.json")[0].encode()
    definition = {
        "name": "definition.json",
        "uri": f"{portal}/workspaces/team/environments/science/versions/1/files/definition.json",
        "digest": {"sha256": hashlib.sha256(document).hexdigest()},
    }
    assert wanted["externalParameters"] == {
        "workspace": "team",
        "environment": "science",
        "version": 1,
        "definition": definition,
        "platform": build.lock.platform,
    }
    assert wanted["internalParameters"] == {
        "identity": build.version.identity,
        "imageKey": build.image_key,
        "lock": build.lock.digest,
        "python": build.lock.python,
        "sandboxed": build.is_sandboxed,
    }
    idna = build.lock.packages.get()
    assert wanted["resolvedDependencies"] == [
        definition,
        {
            "name": "idna",
            "uri": "pkg:pypi/idna@3.10",
            "downloadLocation": idna.url,
            "digest": {"sha256": idna.sha256},
        },
    ]
    tools = {"envportal": "0.1.0", "uv": version_of("uv"), "py-rattler": version_of("py-rattler")}
    assert run["builder"] == {"id": f"{portal}/provenance/", "version": tools}
    assert run["metadata"]["invocationId"] == f"{portal}/builds/{build.pk}/"
    began, ended = (datetime.fromisoformat(run["metadata"][name]) for name in ("startedOn", "finishedOn"))
    assert build.started.replace(microsecond=0) == began <= ended <= build.finished


def test_an_input_that_is_built_from_source_is_said_to_be():
    """What it was built with is not among the inputs."""
    wheel = pip("idna", "3.10")
    source = replace(wheel, url="https://files.example.org/idna-3.10.tar.gz", sha256="")
    facts = {"name": "idna", "uri": "pkg:pypi/idna@3.10"}
    made = provenance.Made("", "", "", "", 1, ("", "", ""), "", "", Locked("", "", "", (wheel, source)), {}, RUN)
    said = provenance.statement(made)["predicate"]["buildDefinition"]["resolvedDependencies"][1:]
    assert said == [
        facts | {"downloadLocation": wheel.url, "digest": {"sha256": wheel.sha256}},
        facts | {"downloadLocation": source.url, "annotations": {"envportal:source": True}},
    ]


def test_it_is_signed_once_and_stays(good):
    before = bytes_of(good.artifacts.get(name=PROVENANCE))
    SigningKey.objects.begin_new()
    pack.write_documents(good)
    pack.artifacts_of(good)
    assert bytes_of(good.artifacts.get(name=PROVENANCE)) == before
    assert statement_of(good)  # by the key of before


def test_the_definition_that_it_names_is_the_one_that_is_downloaded(client, viewer, good):
    document = statement_of(good)["predicate"]["buildDefinition"]["externalParameters"]["definition"]
    client.force_login(viewer)
    path = document["uri"].removeprefix(django_settings.PUBLIC_URL.rstrip("/"))
    assert hashlib.sha256(client.get(path).content).hexdigest() == document["digest"]["sha256"]


def test_a_build_that_another_supplied_tells_its_own_name_and_who_built_when(good, supplied):
    theirs, own = statement_of(good), statement_of(supplied)
    wanted = own["predicate"]["buildDefinition"]
    assert wanted["externalParameters"]["environment"] == "mine"
    assert wanted["internalParameters"]["suppliedBy"] == f"urn:uuid:{good.pk}"
    assert "science" not in json.dumps(own)
    run, their_run = (each["predicate"]["runDetails"] for each in (own, theirs))
    assert run["builder"] == their_run["builder"]
    assert run["metadata"] == their_run["metadata"] | {"invocationId": run["metadata"]["invocationId"]}
    assert {each["name"]: each["digest"]["sha256"] for each in own["subject"]} == dict(
        supplied.artifacts.exclude(name=PROVENANCE).values_list("name", "sha256")
    )


def test_an_archive_has_a_statement_of_its_own_in_each_workspace(archived, supplied):
    sha256 = hashlib.sha256(b"packed").hexdigest()
    for build, environment in ((archived, "science"), (supplied, "mine")):
        said = statement_of(build, ARCHIVE_PROVENANCE)
        assert said["subject"] == [{"name": ARCHIVE, "digest": {"sha256": sha256}}]
        assert said["predicate"]["buildDefinition"]["externalParameters"]["environment"] == environment
    assert ARCHIVE not in str(statement_of(archived)["subject"])


def test_an_archive_that_is_made_anew_has_a_new_statement(archived):
    pack.attest_archive(archived)
    first = archived.artifacts.get(name=ARCHIVE_PROVENANCE)
    pack.attest_archive(archived)
    assert archived.artifacts.get(name=ARCHIVE_PROVENANCE).pk == first.pk
    Artifact.objects.free_files(archived)
    assert archived.artifacts.filter(name=ARCHIVE_PROVENANCE).exists()  # for those who downloaded it
    pack.keep(archived, ARCHIVE, "application/zstd", ContentFile(b"other"), **pack.facts_of(b"other"))
    said = statement_of(archived, ARCHIVE_PROVENANCE)
    assert said["subject"][0]["digest"]["sha256"] == hashlib.sha256(b"other").hexdigest()


def test_of_what_was_built_before_nobody_states_anything(good, supplied):
    """Which tools had built it nobody knows any more."""
    good.artifacts.get(name=PROVENANCE).delete()
    pack.write_documents(good)
    assert PROVENANCE not in {each.name for each in pack.artifacts_of(good)}
    assert PROVENANCE not in {each.name for each in pack.artifacts_of(supplied)}
    assert statements.about(good, []) is None


def test_whoever_may_see_the_build_gets_its_statement_under_a_name(client, viewer, stranger, archived):
    client.force_login(viewer)
    for name, filename in (
        (PROVENANCE, "science-1.intoto.json"),
        (ARCHIVE_PROVENANCE, "science-1.tar.zst.intoto.json"),
    ):
        answer = client.get(reverse("build-artifact", args=[archived.pk, name]))
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{filename}"'
        assert answer.headers["Content-Type"] == "application/vnd.dsse.envelope.v1+json"
    page = client.get(archived.get_absolute_url()).content.decode()
    assert reverse("provenance") in page
    client.force_login(stranger)
    assert client.get(reverse("build-artifact", args=[archived.pk, PROVENANCE])).status_code == 404


# Keys


def test_old_keys_stay_readable_for_everybody(client, good):
    old = SigningKey.objects.get()
    new = SigningKey.objects.begin_new()
    keys = verify.read_keys(client.get(reverse("signing-keys")).content.decode())
    assert list(keys) == [new.keyid, old.keyid]
    assert list(verify.read_keys(client.get(reverse("signing-key", args=[old.keyid])).content.decode())) == [old.keyid]
    assert client.get(reverse("signing-key", args=["0" * 64])).status_code == 404
    listed = client.get(reverse("api-signing-keys")).json()["results"]
    assert [(each["keyid"], each["pem"]) for each in listed] == [(new.keyid, new.pem), (old.keyid, old.pem)]
    page = client.get(reverse("provenance")).content.decode()
    assert new.keyid in page
    assert old.keyid in page
    assert b"PRIVATE" not in b"".join(client.get(reverse(name)).content for name in ("signing-keys", "provenance"))


def test_keys_are_listed_made_and_forgotten_by_a_command(good, capsys):
    old = SigningKey.objects.get().keyid
    call_command("signingkeys")
    assert re.fullmatch(rf"{old}  since \d{{4}}-\d\d-\d\d  signs here\n", capsys.readouterr().out)
    with pytest.raises(CommandError, match="This key signs here"):
        call_command("signingkeys", "--forget", old)
    call_command("signingkeys", "--new")
    call_command("signingkeys", "--forget", old)
    assert SigningKey.objects.get().keyid != old
    with pytest.raises(CommandError, match="There is no key"):
        call_command("signingkeys", "--forget", old)
    said = [(event.verb, event.kind) for event in Event.objects.filter(kind="signing key").order_by("pk")]
    assert said == [("made", "signing key"), ("deleted", "signing key")]


def test_the_portal_does_not_start_with_a_key_that_it_cannot_use(db, settings, tmp_path):
    settings.SIGNING_KEY.write_text("nonsense")
    settings.VAR = tmp_path
    with pytest.raises(CommandError, match=r"ENVPORTAL_SIGNING_KEY: .*holds no private key"):
        call_command("setup")


# The check


@pytest.fixture
def downloaded(good, tmp_path, monkeypatch):
    """The statement and a file of a good build, as somebody has them who downloaded them."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "science-3.intoto.json").write_bytes(bytes_of(good.artifacts.get(name=PROVENANCE)))
    (folder / "science-3.cdx.json").write_bytes(bytes_of(good.artifacts.get(name="sbom.cdx.json")))
    (folder / "key.pem").write_text(SigningKey.objects.as_pem())
    monkeypatch.chdir(folder)
    return folder


FILES = ["science-3.cdx.json", "--provenance", "science-3.intoto.json"]


def test_the_command_verifies_by_the_keys_of_the_portal_or_by_others(downloaded, tmp_path, capsys):
    call_command("verify", *FILES)
    said = capsys.readouterr().out
    assert said.startswith("Verified\nFile         sbom.cdx.json, sha256 ")
    assert "Made of      team/science/1, 2 inputs" in said
    call_command("verify", *FILES, "--key", "key.pem")
    signing.make(tmp_path / "other.pem")
    with pytest.raises(CommandError, match=r"Not verified \(key\)"):
        call_command("verify", *FILES, "--key", str(tmp_path / "other.pem"))


def change_file(folder):
    (folder / "science-3.cdx.json").write_text("{}")


def change_statement(folder):
    path = folder / "science-3.intoto.json"
    envelope = json.loads(path.read_text())
    said = base64.b64decode(envelope["payload"]).replace(b"science", b"evident")
    path.write_text(json.dumps(envelope | {"payload": base64.b64encode(said).decode()}))


def forget_key(folder):
    SigningKey.objects.all().delete()
    SigningKey.objects.begin_new()


def cut_envelope(folder):
    path = folder / "science-3.intoto.json"
    path.write_text(path.read_text()[:-9])


@pytest.mark.parametrize(
    ("tamper", "check"),
    [(change_file, "subject"), (change_statement, "signature"), (forget_key, "key"), (cut_envelope, "envelope")],
)
def test_the_command_says_which_check_failed(downloaded, tamper, check):
    tamper(downloaded)
    with pytest.raises(CommandError, match=rf"Not verified \({check}\)"):
        call_command("verify", *FILES)


def test_a_file_that_is_not_there_is_no_failed_check(downloaded):
    with pytest.raises(CommandError, match="nothing: No such file") as fault:
        call_command("verify", "nothing", *FILES[1:])
    assert fault.value.returncode == 2


def openssl_lines(client):
    """What the page tells people to type."""
    page = client.get(reverse("provenance")).content.decode()
    found = [html.unescape(each) for each in re.findall(r'<pre tabindex="0">(.*?)</pre>', page, re.DOTALL)]
    return next(each for each in found if "openssl" in each)


def run_lines(lines, folder):
    command = ["bash", "-euo", "pipefail", "-c", lines]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(not shutil.which("openssl"), reason="runs it")
def test_the_lines_with_openssl_on_the_page_verify_and_find_what_was_changed(client, downloaded):
    lines = openssl_lines(client)
    done = run_lines(lines, downloaded)
    good = (downloaded / "science-3.cdx.json").read_bytes()
    told = f"Signature Verified Successfully\n{hashlib.sha256(good).hexdigest()}\n"
    assert (done.returncode, done.stdout) == (0, told)
    change_file(downloaded)
    done = run_lines(lines, downloaded)
    assert (done.returncode, done.stdout) == (1, "Signature Verified Successfully\n")
    (downloaded / "science-3.cdx.json").write_bytes(good)
    change_statement(downloaded)
    done = run_lines(lines, downloaded)
    assert (done.returncode != 0, "Signature Verification Failure" in done.stdout + done.stderr) == (True, True)


def test_the_documentation_has_the_same_lines(client, db):
    text = (Path(django_settings.BASE_DIR) / "docs" / "inventory.md").read_text()
    assert all(f"    {line}" in text for line in openssl_lines(client).splitlines())


def test_the_script_that_is_downloaded_is_the_one_that_is_tested(client, db):
    assert client.get(reverse("verify-script")).content == Path(verify.__file__).read_bytes()


def test_a_build_that_was_cancelled_has_no_statement(good):
    Build.objects.filter(pk=good.pk).update(status="cancelled")
    good.refresh_from_db()
    assert pack.artifacts_of(good) == []
