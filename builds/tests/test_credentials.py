"""Builds from private indexes and channels: real servers that want a name and a password, or a token."""

import hashlib
import html
import sys
from base64 import b64encode
from urllib.parse import quote, unquote

import pytest
from django.apps import apps
from django.urls import reverse

from builds import caches, engine, keeping, log, log_files, preview, process, worker
from builds.diagnosis import Diagnosed
from builds.failures import Failure
from builds.models import Build, Lock, Status
from builds.tests.conda_channel import subdir
from builds.tests.in_process import run
from builds.tests.loopback import HTML, serve
from builds.uv import this_platform
from environments import sealing
from environments.models import Workspace
from envportal.tests.sdist_maker import make_sdist
from envportal.tests.wheel_maker import make_wheel

HERE = "{}.{}".format(*sys.version_info[:2])
WHEEL = make_wheel()
NAME = "demo_pkg-1.0-py3-none-any.whl"
SOURCE = make_sdist("src-pkg", built="print('ENV', sorted(os.environ))")
SOURCE_NAME = "src_pkg-1.0.tar.gz"
PASSWORD, TOKEN = "s3cr3t/P@ss:w+rd %é,x", "tok-3n.abc/def+x"
SPELLED = [
    spelled
    for secret in (PASSWORD, TOKEN)
    for spelled in (secret, quote(secret), quote(secret, safe=""), b64encode(secret.encode()).decode())
] + [b64encode(f"user:{PASSWORD}".encode()).decode()]


@pytest.fixture(autouse=True)
def pythons(db):
    worker.report_pythons("w")


@pytest.fixture
def index():
    """An index with one package, and a page of links to it, for whoever has the password or the token."""

    def guarded(content_type, body):
        def answer(handler):
            token = unquote(handler.path.split("/")[2]) if handler.path.startswith("/t/") else ""
            login = f"Basic {b64encode(f'user:{PASSWORD}'.encode()).decode()}"
            if token != TOKEN and handler.headers.get("Authorization") != login:
                handler.send_error(401)
                return
            handler.send_response(200)
            handler.send_header("Content-Type", content_type)
            handler.send_header("Cache-Control", "max-age=31536000, immutable")  # as the files of an index
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return answer

    with serve() as registry:
        link = f'<a href="{{}}{NAME}#sha256={hashlib.sha256(WHEEL).hexdigest()}">{NAME}</a>'
        source = f'<a href="{{}}{SOURCE_NAME}#sha256={hashlib.sha256(SOURCE).hexdigest()}">{SOURCE_NAME}</a>'
        for below in ("", f"/t/{quote(TOKEN, safe='')}"):
            registry.pages |= {
                f"{below}/simple/demo-pkg/": guarded(HTML, link.format("../../files/").encode()),
                f"{below}/links/": guarded(HTML, link.format("../files/").encode()),
                f"{below}/files/{NAME}": guarded("application/octet-stream", WHEEL),
                f"{below}/simple/src-pkg/": guarded(HTML, source.format("../../files/").encode()),
                f"{below}/files/{SOURCE_NAME}": guarded("application/gzip", SOURCE),
            }
        yield registry


@pytest.fixture
def channel(conda):
    conda.login, conda.token = f"user:{PASSWORD}", TOKEN
    return conda


@pytest.fixture
def secrets(workspace, owner):
    return [
        workspace.set_secret(name, value, [], owner)[0] for name, value in (("PASSWORD", PASSWORD), ("TOKEN", TOKEN))
    ]


@pytest.fixture
def make(environment, editor, wanted):
    """Register these lines, build them and return the build as the database has it."""

    def make(*pip, environment=environment, conda=(), channels=(), run=True, **base):
        definition = wanted(*pip, conda=conda, channels=channels, python=HERE, **base)
        version, _ = environment.register(definition, editor)
        build = version.builds.request(version, editor)
        if run:
            engine.run(Build.objects.with_subject().get(pk=build.pk), "w")
        build.refresh_from_db()
        return build

    return make


@pytest.fixture
def seen(monkeypatch, settings):
    """Everything that a tool could be seen with while it ran: its command, and the files of the work folder after it."""
    told, run = [], process.run

    def look(command, **more):
        told.append(" ".join(map(str, command)))
        try:
            return run(command, **more)
        finally:
            told.extend(path.read_text() for path in settings.WORK.rglob("conda-question.json"))
            told.extend(path.read_text() for path in settings.WORK.rglob("requirements.in"))

    monkeypatch.setattr(process, "run", look)
    return told


def put(lines, server):
    """Fill in where the server is, as {user} with a password, as {token} with a token."""
    host = server.url.removeprefix("http://").rstrip("/")
    words = {
        "user": f"http://user:${{PASSWORD}}@{host}",
        "token": f"http://{host}/t/${{TOKEN}}",
        "plain": server.url[:-1],
    }
    return [line.format(**words) for line in lines]


def said(build):
    return log.read(build).decode()


def everything(build, client, settings):
    """All texts that are left of a build: rows, prefix, stored log, what pages and API answer."""
    for model in apps.get_models():
        for row in model.objects.values():
            yield "".join(
                bytes(v).decode(errors="replace") if isinstance(v, bytes | memoryview) else f" {v}"
                for v in row.values()
            )
    for folder in (settings.PREFIXES, settings.WORK):
        for path in folder.rglob("*"):
            yield str(path)
            if path.is_file() and not path.is_symlink():
                yield path.read_bytes().decode(errors="replace")
    for path in (*settings.CACHE.glob("*"), *settings.CACHE.glob("*/*")):
        yield str(path)
    files = [
        reverse(f"{api}build-lock-file", args=[build.pk, file]) for api in ("", "api-") for file in build.lock_files
    ]
    version = [build.version.environment.workspace.name, build.version.environment.name, build.version.number]
    urls = [reverse(name, args=version) for name in ("version", "api-version")]
    urls += [reverse(name, args=[build.pk]) for name in ("build", "api-build", "build-log", "api-build-log")]
    urls += [reverse(name, args=version[:1]) for name in ("secrets", "api-secrets")]
    for url in (*urls, *files):
        answer = client.get(url)
        yield html.unescape(b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode())


def assert_told_nowhere(build, client, settings, seen=()):
    texts = [*seen, *everything(build, client, settings)]
    assert len(texts) > 30
    for text in texts:
        for spelled in SPELLED:
            assert spelled not in text, text[:2000]


@pytest.mark.parametrize("where", ["user", "token"])
def test_source_is_fetched_with_a_secret_and_built_without_it_and_no_cache_has_it(
    secrets, index, make, client, editor, settings, seen, tmp_path, where
):
    client.force_login(editor)
    settings.CACHE = tmp_path / "kept"
    settings.CACHE.mkdir()
    lines = put(["--no-binary src-pkg", f"--index-url {{{where}}}/simple/", "src-pkg"], index)
    build = make(*lines)
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert_told_nowhere(build, client, settings, seen)
    assert "ENVPORTAL_SECRET" not in said(build)
    assert not caches.built().exists()
    again = run(keeping.rebuild(build, editor))
    assert (again.status, again.reason) == (Status.SUCCEEDED, ""), said(again)
    assert said(again).count("ENV [") == 1  # built again, from what was fetched again
    index.pages.clear()
    assert run(keeping.rebuild(build, editor)).status == Status.FAILED


PIP = {
    "an index": ["--index-url {user}/simple/", "demo-pkg"],
    "one more index": ["--extra-index-url {user}/simple/", "demo-pkg"],
    "links": ["--index-url {user}/simple/", "--find-links {user}/links/", "demo-pkg"],
    "a file": ["demo-pkg @ {user}/files/" + NAME],
    "an index behind a token": ["--index-url {token}/simple/", "demo-pkg"],
    "a file behind a token": ["demo-pkg @ {token}/files/" + NAME],
}


@pytest.mark.parametrize("lines", PIP.values(), ids=PIP.keys())
def test_pip_packages_come_with_the_secret_which_is_told_nowhere(
    make, index, secrets, settings, tmp_path, client, owner, seen, lines
):
    settings.CACHE = tmp_path / "cache"  # other tests put the same wheel into the one that they share
    settings.CACHE.mkdir()
    build = make(*put(lines, index))
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    package = build.lock.packages.get(name="demo-pkg")
    path = f"t/${{TOKEN}}/files/{NAME}" if "{token}" in lines[0] + lines[-1] else f"files/{NAME}"
    assert package.url == index.url + path
    assert "@" not in package.channel
    assert list((settings.PREFIXES / build.prefix).glob("lib/python*/site-packages/demo_pkg"))
    client.force_login(owner)
    log_files.move(build)
    assert_told_nowhere(build, client, settings, seen)
    assert "demo_pkg" not in str([*settings.CACHE.rglob("demo*")])


CONDA = {
    "a channel": ([], ["{user}/team"], ["zlib-like=1.3"]),
    "the channel of a package": ([], [], ["{user}/team::zlib-like=1.3"]),
    "a file": ([], [], ["{user}/team/{subdir}/zlib-like-1.3-h_0.conda"]),
    "a channel behind a token": ([], ["{token}/team"], ["zlib-like=1.3"]),
    "a file behind a token": ([], [], ["{token}/team/{subdir}/zlib-like-1.3-h_0.conda"]),
}


@pytest.mark.parametrize(("pip", "channels", "lines"), CONDA.values(), ids=CONDA.keys())
def test_conda_packages_come_with_the_secret_which_is_told_nowhere(
    make, channel, secrets, settings, client, owner, seen, wanted, environment, editor, pip, channels, lines
):
    channels, lines = put(channels, channel), put([line.replace("{subdir}", subdir()) for line in lines], channel)
    definition = wanted(*pip, conda=lines, channels=channels, python="")
    version, _ = environment.register(definition, editor)
    build = version.builds.request(version, editor)
    engine.run(Build.objects.with_subject().get(pk=build.pk), "w")
    build.refresh_from_db()
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    package = build.lock.packages.get(name="zlib-like")
    below = "t/${TOKEN}/" if "/t/" in definition.addresses[0][1] else ""
    assert package.url == f"{channel.url}{below}team/{subdir()}/zlib-like-1.3-h_0.conda"
    assert package.channel == f"{channel.url}{below}team"
    meta = settings.PREFIXES / build.prefix / "conda-meta" / "zlib-like-1.3-h_0.json"
    assert f'"url": "{package.url}"' in meta.read_text()
    client.force_login(owner)
    log_files.move(build)
    assert_told_nowhere(build, client, settings, seen)


def test_both_parts_come_with_their_secrets(make, channel, index, secrets, settings, client, owner, seen):
    lines = put(["--extra-index-url {user}/simple/", "demo-pkg"], index)
    build = make(*lines, conda=["joblike"], channels=put(["{user}/team"], channel))
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    client.force_login(owner)
    log_files.move(build)
    assert_told_nowhere(build, client, settings, seen)


# Without it


def test_without_the_secret_the_build_says_which_is_missing_and_where_it_is_set(make, index, client, editor):
    build = make(*put(PIP["an index"], index))
    assert (build.status, build.failure) == (Status.FAILED, Failure.CREDENTIALS)
    told = "team has no secret PASSWORD, which the definition names. Its owners set it under Secrets."
    assert build.reason == told
    assert index.asked == []
    client.force_login(editor)
    assert (
        f'href="{reverse("secrets", args=["team"])}">Secrets of team'
        in client.get(build.get_absolute_url()).content.decode()
    )


@pytest.mark.parametrize("lines", [["--index-url {plain}/simple/", "demo-pkg"], PIP["an index"]])
def test_an_index_that_wants_others_is_told_apart_from_one_that_lacks_the_package(make, index, workspace, owner, lines):
    workspace.set_secret("PASSWORD", "another-one", [], owner)
    build = make(*put(lines, index))
    assert (build.status, build.failure) == (Status.FAILED, Failure.CREDENTIALS)
    assert build.reason.startswith(f"The index {index.url}simple/ answered 401 Unauthorized: it wants credentials")
    assert "another-one" not in said(build)


@pytest.mark.parametrize("where", ["{plain}/team", "{user}/team"])
def test_a_channel_that_wants_others_is_told_apart_from_one_that_is_down(make, channel, workspace, owner, where):
    workspace.set_secret("PASSWORD", "another-one", [], owner)
    build = make(conda=["zlib-like"], channels=put([where], channel))
    assert (build.status, build.failure) == (Status.FAILED, Failure.CREDENTIALS)
    assert build.reason.startswith("A conda channel wants credentials, or others than it got: ")
    assert "401" in build.reason
    assert "another-one" not in said(build) + build.reason + build.quote


def test_a_secret_goes_to_its_hosts_alone(make, index, workspace, owner):
    workspace.set_secret("PASSWORD", PASSWORD, ["index.example.org"], owner)
    build = make(*put(PIP["an index"], index))
    assert (build.status, build.failure) == (Status.FAILED, Failure.CREDENTIALS)
    assert build.reason.startswith("The secret PASSWORD of team may not be sent to 127.0.0.1")
    assert index.asked == []


def test_a_secret_whose_key_is_gone_says_so(make, index, secrets, settings):
    settings.SECRET_KEY = "another key that nothing was sealed with"
    build = make(*put(PIP["an index"], index))
    assert (build.status, build.failure) == (Status.FAILED, Failure.CREDENTIALS)
    assert "was sealed with a key that this portal does not have any more" in build.reason


def test_what_is_no_secret_is_filled_in_by_nothing(make, index, secrets):
    build = make(f"--index-url {index.url}$TOKEN/simple/", "demo-pkg")
    assert (build.status, build.failure) == (Status.FAILED, Failure.NOT_BUILDABLE)
    assert "$TOKEN in " in build.reason


# What a workspace has is its own


def test_only_what_the_definition_names_is_opened(make, index, secrets, workspace, owner, monkeypatch):
    opened, unseal = [], sealing.unseal
    monkeypatch.setattr(sealing, "unseal", lambda text: opened.append(unseal(text)) or opened[-1])
    assert make(*put(PIP["an index"], index)).status == Status.SUCCEEDED
    assert opened == [PASSWORD]
    used = {secret.name: bool(secret.used) for secret in workspace.secrets.all()}
    assert used == {"PASSWORD": True, "TOKEN": False}


def test_another_workspace_with_the_same_definition_has_neither_secret_nor_packages_of_the_first(
    make, index, secrets, environment, owner, settings
):
    elsewhere = Workspace.objects.create(name="elsewhere")
    first = make(*put(PIP["an index"], index))
    theirs = elsewhere.add_environment("copied", owner)
    second = make(*put(PIP["an index"], index), environment=theirs)
    assert (first.status, second.status, second.failure) == (Status.SUCCEEDED, Status.FAILED, Failure.CREDENTIALS)
    assert first.image_key == second.image_key
    assert second.reason.startswith("elsewhere has no secret PASSWORD")
    assert (second.reused_from, second.lock) == (None, None)
    assert preview._known(second.version.definition, this_platform()) is None
    # With the wrong one it gets nothing either, though all of it was fetched on this machine before.
    elsewhere.set_secret("PASSWORD", "not-the-right-one", [], owner)
    third = make(*put(PIP["an index"], index), environment=theirs)
    assert (third.status, third.failure, third.lock) == (Status.FAILED, Failure.CREDENTIALS, None)
    elsewhere.set_secret("PASSWORD", PASSWORD, [], owner)
    fourth = make(*put(PIP["an index"], index), environment=theirs)
    assert (fourth.status, fourth.reused_from) == (Status.SUCCEEDED, None)
    assert make(*put(PIP["an index"], index), environment=theirs).reused_from == fourth
    again = make(*put(PIP["an index"], index))
    assert again.reused_from == first


def test_what_was_fetched_with_a_secret_is_in_no_cache_that_others_use(make, index, channel, secrets, settings):
    file = f"demo-pkg @ {index.url}files/{NAME}"
    assert make(*put(PIP["a file"], index)).status == Status.SUCCEEDED
    build = make(file)
    assert (build.status, build.failure) == (Status.FAILED, Failure.WHEEL)
    assert make(conda=["zlib-like=1.3"], channels=put(["{user}/team"], channel)).status == Status.SUCCEEDED
    assert make(conda=["zlib-like=1.3"], channels=put(["{plain}/team"], channel)).failure == Failure.CREDENTIALS


def test_twins_of_two_workspaces_do_not_wait_for_each_other(make, index, secrets, owner):
    elsewhere = Workspace.objects.create(name="elsewhere")
    mine = make(*put(PIP["an index"], index), run=False)
    theirs = make(*put(PIP["an index"], index), environment=elsewhere.add_environment("copied", owner), run=False)
    assert mine.move_to(Status.RUNNING)
    assert theirs.move_to(Status.RUNNING)
    assert mine.finish(Status.SUCCEEDED, prefix="x")
    theirs.refresh_from_db()
    assert theirs.status == Status.RUNNING


@pytest.mark.parametrize("part", ["pip", "conda"])
def test_a_lock_is_installed_again_with_the_secret(make, index, channel, secrets, part):
    def again():
        if part == "pip":
            return make(*put(PIP["a file behind a token"] + PIP["one more index"][:1], index))
        return make(conda=["zlib-like"], channels=put(["{user}/team"], channel))

    first = again()
    assert (first.status, first.reason) == (Status.SUCCEEDED, "")
    Build.objects.filter(pk=first.pk).update(prefix="")  # it was cleaned away
    second = again()
    assert (second.status, second.reason, second.lock, second.reused_from) == (Status.SUCCEEDED, "", first.lock, None)
    assert "Taking the lock" in said(second)
    assert Lock.objects.count() == 1


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_code_of_the_packages_finds_no_secret(make, index, secrets, settings, sandbox):
    settings.SANDBOX = sandbox
    code = (
        "import os, pathlib\n"
        "files = [path for path in pathlib.Path(os.environ['HOME']).parent.rglob('*') if path.is_file()]\n"
        "print('found', [path.name for path in files if b'tok' + b'-3n' in path.read_bytes()])\n"
        "print('environment', [name for name in os.environ if 'SECRET' in name])\n"
    )
    wheel = make_wheel(code=code)
    index.pages[f"/t/{quote(TOKEN, safe='')}/files/{NAME}"] = ("application/octet-stream", wheel)
    build = make(*put(PIP["a file behind a token"], index))
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    assert "environment []" in said(build)
    assert "found []" in said(build)


def test_the_redactor_knows_every_spelling_of_a_secret_that_a_tool_prints(make, index, secrets, settings):
    build = make(*put(PIP["an index"], index), run=False)
    attempt = engine.Attempt(
        Build.objects.with_subject().get(pk=build.pk), settings.PREFIXES / "x", settings.WORK / "x"
    )
    attempt.work.mkdir()
    attempt.take_credentials()
    user = b64encode(f"user:{PASSWORD}".encode()).decode()
    for spelled in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), b64encode(PASSWORD.encode()).decode(), user):
        with pytest.raises(Diagnosed) as failed:
            attempt.give_up(Failure.OURS, f"it printed {spelled} here")
        assert failed.value.args[0].reason == "it printed … here"
        assert spelled not in said(build)
