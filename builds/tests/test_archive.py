"""Archives of installed packages: made, unpacked somewhere else, and used there by a fresh process."""

import base64
import json
import os
import subprocess
import tarfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from backports import zstd
from django.utils import timezone

from builds import archive, archive_child
from builds.artifact_models import ARCHIVE, ARCHIVE_PROVENANCE
from builds.models import ArchiveOrder, Status
from builds.tests.conftest import HERE


@pytest.fixture
def order(editor):
    """Order the archive of a build and make it. Return the order as the database has it."""

    def order(build, make=archive.make):
        made = ArchiveOrder.objects.order(build, editor)
        make(ArchiveOrder.objects.select_related("build").get(pk=made.pk))
        made.refresh_from_db()
        return made

    return order


@pytest.fixture
def unpacked(tmp_path):
    """Unpack the archive of a build in a folder. Return where the environment stands."""

    def unpacked(build, folder="else where"):
        (tmp_path / folder).mkdir(parents=True)
        with build.artifacts.get(name=ARCHIVE).open() as file, tarfile.open(fileobj=zstd.ZstdFile(file)) as tar:
            tar.extractall(tmp_path / folder, filter="tar")
        return tmp_path / folder / "env"

    return unpacked


def run(*command):
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


def test_an_archive_is_signed_by_who_made_it(good, order):
    assert order(good).status == Status.SUCCEEDED
    with good.artifacts.get(name=ARCHIVE_PROVENANCE).open() as file:
        said = base64.b64decode(json.load(file)["payload"]).decode()
    assert good.artifacts.get(name=ARCHIVE).sha256 in said


def test_pip_packages_work_where_they_are_unpacked(installed, order, unpacked):
    build, prefix = installed("idna==3.10", "charset-normalizer==3.4.0")
    assert order(build).status == Status.SUCCEEDED
    stands = unpacked(build)
    prefix.rename(prefix.with_name("gone"))
    assert run(stands / "bin" / "env-unpack") == f"This environment works in {stands}"
    assert run(stands / "bin" / "python", "-c", "import idna, sys; print(idna.__file__)").startswith(str(stands))
    assert run(stands / "bin" / "normalizer", "--version").startswith("Charset-Normalizer 3.4.0")
    names_the_old_place = subprocess.run(["grep", "-rl", prefix.name, stands], capture_output=True, check=False)
    assert names_the_old_place.stdout == b""
    assert run("sh", "-c", f'. "{stands}/bin/activate" && echo "$VIRTUAL_ENV" && python -c "import idna"') == str(
        stands
    )


def test_conda_and_pip_packages_work_where_they_are_unpacked_and_moved_again(installed, conda, order, unpacked):
    build, prefix = installed("charset-normalizer==3.4.0", conda=["joblike", "zlib-like=1.2"])
    order(build)
    stands = unpacked(build)
    prefix.rename(prefix.with_name("gone"))
    for place in (stands, stands.with_name("a much longer name for the environment than it had before")):
        if place != stands:
            stands.rename(place)
        run(place / "bin" / "env-unpack")
        code = "import joblike, charset_normalizer, sys; print(sys.prefix)"
        assert run(place / "bin" / "python", "-c", code) == str(place)
        assert run(place / "bin" / "normalizer", "--version").startswith("Charset-Normalizer 3.4.0")
    assert subprocess.run(["grep", "-rlF", str(prefix), place], capture_output=True, check=False).stdout == b""


def test_an_environment_for_another_python_says_which_it_needs(installed, order, unpacked, tmp_path):
    build, _ = installed("idna==3.10")
    order(build)
    stands = unpacked(build)
    config = stands / "pyvenv.cfg"
    config.write_text(config.read_text().replace(f"version_info = {HERE}", "version_info = 3.7"))
    ended = subprocess.run([stands / "bin" / "env-unpack"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "needs Python 3.7, and no python3.7 on PATH runs" in ended.stderr


def test_the_same_packages_give_the_same_bytes_wherever_they_stand(installed, tmp_path):
    _, prefix = installed("idna==3.10")
    copy = tmp_path / "somewhere" / "else" / "entirely"
    subprocess.run(["cp", "-a", prefix, copy.parent.mkdir(parents=True) or copy], check=True)
    for path in copy.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(path.read_bytes().replace(bytes(prefix), bytes(copy)))
            os.utime(path, (1, 1))
    made = [tmp_path / "one", tmp_path / "two"]
    for folder, file in zip((prefix, copy), made, strict=True):
        archive_child.main(str(folder), str(file), str(tmp_path / "answer"))
    assert made[0].read_bytes() == made[1].read_bytes()


def test_links_are_packed_and_not_followed(tmp_path):
    prefix, secret = tmp_path / "prefix", tmp_path / "secret"
    (prefix / "lib").mkdir(parents=True)
    secret.write_text("password")
    (prefix / "outside").symlink_to(secret)
    (prefix / "lib" / "inside").symlink_to(prefix / "real")
    (prefix / "real").write_text("here")
    archive_child.main(str(prefix), str(tmp_path / "made"), str(tmp_path / "answer"))
    with zstd.ZstdFile(tmp_path / "made") as packed, tarfile.open(fileobj=packed) as tar:
        links = {member.name: member.linkname for member in tar if member.issym()}
    assert links == {"env/outside": str(secret), "env/lib/inside": "../real"}
    assert b"password" not in zstd.decompress((tmp_path / "made").read_bytes())


def test_a_place_in_a_binary_keeps_its_room():
    data = b"\x7fELF\0/long/old/place/lib/x\0\0\0tail"
    assert (
        archive_child.put_into_binary(data, b"/long/old/place", b"/env")
        == b"\x7fELF\0/env/lib/x" + b"\0" * 14 + b"tail"
    )


def test_bytecode_says_the_time_that_its_source_has_in_the_archive(tmp_path):
    import py_compile

    prefix = tmp_path / "prefix"
    prefix.mkdir()
    (prefix / "m.py").write_text("x = 1\n")
    py_compile.compile(str(prefix / "m.py"), dfile="m.py")
    archive_child.main(str(prefix), str(tmp_path / "made"), str(tmp_path / "answer"))
    with zstd.ZstdFile(tmp_path / "made") as packed, tarfile.open(fileobj=packed) as tar:
        tar.extractall(tmp_path, filter="tar")
    [compiled] = Path(tmp_path / "env" / "__pycache__").iterdir()
    assert int.from_bytes(compiled.read_bytes()[8:12], "little") == int((tmp_path / "env" / "m.py").stat().st_mtime)


def test_ordering_twice_makes_one(good, editor, viewer, order):
    build = good
    first = ArchiveOrder.objects.order(build, editor)
    assert ArchiveOrder.objects.order(build, viewer) == first
    order(build)
    order(build)
    assert build.artifacts.filter(name=ARCHIVE).count() == 1
    assert ArchiveOrder.objects.get().asked_by == editor


def test_an_archive_that_was_cleaned_up_can_be_ordered_again(good, order):
    build = good
    order(build)
    first = build.artifacts.get(name=ARCHIVE).sha256
    build.artifacts.get(name=ARCHIVE).delete()
    assert order(build).status == Status.SUCCEEDED
    assert build.artifacts.get(name=ARCHIVE).sha256 == first


def test_a_worker_without_the_packages_leaves_the_order_to_others(good, order, settings, tmp_path):
    build = good
    settings.PREFIXES = tmp_path / "of another machine"
    assert order(build).status == Status.QUEUED
    ArchiveOrder.objects.update(created=timezone.now() - archive.PATIENCE - timedelta(seconds=1))
    archive.tend()
    made = ArchiveOrder.objects.get()
    assert (made.status, made.reason) == (Status.FAILED, archive.NOWHERE)


def test_an_order_that_lost_its_worker_fails_and_can_be_given_again(good, order, editor):
    build = good
    lost = ArchiveOrder.objects.order(build, editor)
    assert lost.take()
    assert not lost.take()
    ArchiveOrder.objects.update(heard_at=timezone.now() - timedelta(minutes=2))
    archive.tend()
    lost.refresh_from_db()
    assert (lost.status, lost.reason) == (Status.FAILED, archive.LOST)
    assert order(build).status == Status.SUCCEEDED


def test_a_process_that_fails_says_so_and_leaves_nothing(good, order, settings, monkeypatch):
    build = good
    settings.BUILD_MEMORY = 10  # MB, in which no Python starts
    made = order(build)
    assert (made.status, made.reason) == (Status.FAILED, archive.OURS)
    assert not build.artifacts.filter(name=ARCHIVE).exists()
    assert not list(settings.WORK.iterdir())


def test_a_worker_that_is_told_to_end_ends_the_archive_soon(good, order):
    build = good
    archive.stopping.set()
    try:
        made = order(build)
    finally:
        archive.stopping.clear()
    assert (made.status, made.reason) == (Status.FAILED, archive.STOPPED)


@pytest.mark.django_db(transaction=True)
def test_an_order_whose_message_was_lost_is_made_by_the_worker_that_has_the_packages(good, editor):
    build = good
    ArchiveOrder.objects.order(build, editor)
    ArchiveOrder.objects.update(created=timezone.now() - timedelta(minutes=1))
    archive.tend()
    [thread] = [each for each in threading.enumerate() if each.name == "archive"]
    thread.join(60)
    assert ArchiveOrder.objects.get().status == Status.SUCCEEDED


def test_how_far_it_is_is_written_while_it_is_made(good, order, settings, monkeypatch):
    build, prefix = good, settings.PREFIXES / good.prefix
    (prefix / "large").write_bytes(os.urandom(60_000_000))
    heard, hear = [], ArchiveOrder.hear

    def noted(self, done, total):
        heard.append((done, total))
        return hear(self, done, total)

    monkeypatch.setattr(ArchiveOrder, "hear", noted)
    made = order(build)
    assert made.status == Status.SUCCEEDED
    assert max(total for _, total in heard) > 60_000_000
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
