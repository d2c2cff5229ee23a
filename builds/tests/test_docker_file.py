"""Dockerfiles of builds. No Docker is here: what they hand to the installers is taken out and installed by uv."""

import re
import subprocess

import pytest
from uv import find_uv_bin

from builds import docker_file, uv
from builds.lock import Package
from builds.lock_files import Locked

ZLIB = Package(
    "conda",
    "zlib",
    "1.3.1",
    "https://conda.example.org/team/linux-64/zlib-1.3.1-h1_2.conda",
    "d" * 64,
    90_000,
    True,
    build="h1_2",
    channel="https://conda.example.org/team",
    subdir="linux-64",
)
SIX = Package(
    "pip", "six", "1.17.0", "https://x.example.org/six-1.17.0.whl", "e" * 64, 1, True, channel="https://x.example.org"
)
PRIVATE = Package("pip", "ours", "1.0", "https://envs.example.org/workspaces/team/wheels/f/ours.whl", "f" * 64, 1, True)


def recipe(*packages, **more):
    facts = {
        "title": "science, version 3",
        "base": "",
        "python": "python:{version}-slim",
        "micromamba": "mamba:1",
        "uv": "0.13.9",
        "portal": "https://envs.example.org",
    }
    locked = Locked("science", "3.11.7", "linux-64", packages, ("team",))
    return docker_file.render(docker_file.Recipe(locked, **facts | more))


def copied(text, name):
    """What a Dockerfile writes into a file of its lock."""
    return re.search(rf"COPY <<'(\w+)' /lock/{re.escape(name)}\n(.*?)^\1$", text, re.DOTALL | re.MULTILINE)[2]


def test_pip_packages_are_installed_by_hash_on_the_python_that_was_locked():
    text = recipe(SIX)
    assert "FROM --platform=linux/amd64 python:3.11.7-slim\nRUN python -m venv --without-pip /opt/env\n" in text
    assert copied(text, "requirements.txt").splitlines()[-1] == f"six==1.17.0 --hash=sha256:{'e' * 64}"
    assert "--no-deps --only-binary :all: --require-hashes" in text
    assert "micromamba" not in text


def test_conda_packages_are_fetched_then_their_hashes_checked_then_linked_without_the_network():
    text = recipe(ZLIB, SIX)
    assert copied(text, "explicit.txt").splitlines()[-1] == f"{ZLIB.url}#sha256:{'d' * 64}"
    assert copied(text, "conda.sha256") == f"{'d' * 64}  zlib-1.3.1-h1_2.conda\n"
    steps = ["--download-only", "sha256sum --check", "--offline", "uv pip install"]
    assert [text.index(step) for step in steps] == sorted(text.index(step) for step in steps)


def test_the_base_image_of_the_definition_is_what_it_stands_on():
    assert "\nFROM --platform=linux/amd64 registry.example.org/base:1\n" in recipe(
        ZLIB, base="registry.example.org/base:1"
    )
    text = recipe(SIX, base="registry.example.org/base:1")
    assert "uv venv --python 3.11.7 /opt/env" in text


def test_a_private_wheel_is_fetched_with_a_secret_that_the_image_does_not_keep():
    text = recipe(SIX, PRIVATE)
    assert f"ours @ {PRIVATE.url} --hash=sha256:{'f' * 64}" in copied(text, "requirements.txt")
    assert "--mount=type=secret,id=netrc,required=true" in text
    assert "machine envs.example.org login token password YOUR_TOKEN" in text
    assert "secret" not in recipe(SIX)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", 'ENV A="plain"'),
        ('a "b" $HOME \\n', 'ENV A="a \\"b\\" \\$HOME \\\\n"'),
        ("1\nRUN rm -rf /", "# One variable of the definition cannot be said here"),
    ],
)
def test_a_variable_is_a_value_and_nothing_more(value, line):
    text = recipe(SIX, variables={"A": value})
    assert line in text
    assert "\nRUN rm" not in text


def test_what_a_dockerfile_installs_is_what_the_portal_installed(installed, tmp_path, settings):
    build, prefix = installed("idna==3.10", "python-dateutil==2.9.0.post0")
    with build.artifacts.get(name="Dockerfile").open() as file:
        text = file.read().decode()
    (tmp_path / "requirements.txt").write_text(copied(text, "requirements.txt"))
    words = re.search(r"uv (pip install .*--require-hashes)", text)[1].split()
    words[words.index("/opt/env/bin/python")] = "python/bin/python"
    environ = uv.environ(tmp_path) | {"UV_CACHE_DIR": str(tmp_path / "cache")}
    for command in (["venv", "--quiet", "python"], [*words, "--requirement", "requirements.txt"]):
        subprocess.run([find_uv_bin(), *command], cwd=tmp_path, env=environ, check=True, capture_output=True)
    freeze = [find_uv_bin(), "pip", "freeze", "--python"]
    told = [
        subprocess.run([*freeze, python], env=environ, check=True, capture_output=True, text=True).stdout
        for python in (tmp_path / "python/bin/python", prefix / "bin/python")
    ]
    assert told[0] == told[1] == "idna==3.10\npython-dateutil==2.9.0.post0\nsix==1.17.0\n"
