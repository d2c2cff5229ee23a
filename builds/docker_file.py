"""A lock as a Dockerfile that gives the same packages, without the portal and without any other file. Pure.

Exactly the locked files are installed, every hash checked. The pip part is installed by uv and the conda part by
micromamba; both are only there while the image is made.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .lock_files import render as render_lock

PREFIX = "/opt/env"
NETRC = "/run/secrets/netrc"
HEREDOC = "END_OF_LOCK"
LOCK = "/lock"  # folder of what is installed from, gone at the end
PLATFORMS = {"linux-64": "linux/amd64", "linux-aarch64": "linux/arm64"}


@dataclass(frozen=True)
class Recipe:
    """What the image is made of: a `lock_files.Locked`, the base image of the definition or empty, its variables.

    `micromamba` and `python` are images: of the first, and of a Python with `{version}` in its name; `uv` is a version.
    `portal` is the portal's address, at which private wheels are.
    """

    locked: object
    title: str
    base: str
    python: str
    micromamba: str
    uv: str
    portal: str
    variables: dict = field(default_factory=dict)

    @property
    def is_private(self):
        """Whether it takes a token to fetch all packages."""
        return any(package.url.startswith(self.portal) for package in self.locked.pip)

    @property
    def with_python(self):
        """The image with the Python that is asked for; any that is new enough runs pip to get uv."""
        return self.python.replace("{version}", self.locked.python or "3")

    @property
    def system(self):
        """The image that all of it is put on. What conda brings needs no Python there, but a C library."""
        return self.base or (self.micromamba if self.locked.conda else self.with_python)


def render(recipe):
    """Return the Dockerfile as text. It needs BuildKit, which every Docker since 23 has."""
    platform = PLATFORMS.get(recipe.locked.platform)
    flag = f"--platform={platform} " if platform else ""
    lines = ["# syntax=docker/dockerfile:1", f"# {recipe.title}, for {recipe.locked.platform}"]
    lines += _how_to_call(recipe)
    if recipe.locked.pip:
        lines += ["", f"FROM {flag}{recipe.with_python} AS tools", f"RUN pip install --no-cache-dir uv=={recipe.uv}"]
    if recipe.locked.conda:
        lines += ["", f"FROM {flag}{recipe.micromamba} AS micromamba"]
    lines += ["", f"FROM {flag}{recipe.system}"]
    if recipe.locked.conda:
        lines += ["USER root", *_conda(recipe)]
    else:
        lines += _python(recipe)
    if recipe.locked.pip:
        lines += _pip(recipe)
    return "\n".join([*lines, "", *_variables(recipe)]) + "\n"


def _how_to_call(recipe):
    if not recipe.is_private:
        return ["# docker build -t environment - < Dockerfile"]
    machine = urlsplit(recipe.portal).hostname
    return [
        "# docker build --secret id=netrc,src=netrc -t environment - < Dockerfile",
        "# Private wheels are fetched with a token of yours, from a file `netrc` with this one line; no part of the",
        "# image has it:",
        f"#   machine {machine} login token password YOUR_TOKEN",
    ]


def _python(recipe):
    version = recipe.locked.python
    if not recipe.base:
        return [f"RUN python -m venv --without-pip {PREFIX}"]
    return [
        f"# Where this image has no Python {version}, uv fetches it.",
        _run(_tool("tools", "uv"), f"UV_PYTHON_INSTALL_DIR=/opt/python uv venv --python {version} {PREFIX}"),
    ]


def _conda(recipe):
    filenames = [(package.sha256, urlsplit(package.url).path.rpartition("/")[2]) for package in recipe.locked.conda]
    create = f"micromamba create --yes --root-prefix {LOCK}/mamba --prefix {PREFIX} --file {LOCK}/explicit.txt"
    return [
        *_copy("explicit.txt", render_lock("explicit.txt", recipe.locked)[0]),
        *_copy("conda.sha256", "".join(f"{sha256}  {name}\n" for sha256, name in filenames)),
        _run(
            _tool("micromamba", "micromamba"),
            f"{create} --download-only",
            f"cd {LOCK}/mamba/pkgs",
            f"sha256sum --check --quiet {LOCK}/conda.sha256",
            f"{create} --offline",
            f"rm -r {LOCK}",
        ),
    ]


def _pip(recipe):
    options = [_tool("tools", "uv")]
    if recipe.is_private:
        options.append("--mount=type=secret,id=netrc,required=true")
    install = f"uv pip install --python {PREFIX}/bin/python --no-cache --no-deps --only-binary :all: --require-hashes"
    sources = [package.name for package in recipe.locked.pip if package.is_source]
    install += "".join(f" --no-binary {name}" for name in sources)
    if recipe.locked.conda:
        install += " --break-system-packages"
    if recipe.is_private:
        install = f"NETRC={NETRC} {install}"
    return [
        *_from_source(sources),
        "# Another package index: --build-arg UV_DEFAULT_INDEX=https://index.example.org/simple",
        "ARG UV_DEFAULT_INDEX",
        *_copy("requirements.txt", render_lock("requirements.txt", recipe.locked)[0]),
        _run(" ".join(options), f"{install} --requirement {LOCK}/requirements.txt", f"rm -r {LOCK}"),
    ]


def _from_source(names):
    if not names:
        return []
    return [
        f"# Built from source here, with the network and with what builds it today: {', '.join(names)}.",
        "# Where that takes a compiler, name a base image that has one.",
    ]


def _tool(stage, name):
    source = {"uv": "/usr/local/bin/uv", "micromamba": "/bin/micromamba"}[name]
    return f"--mount=type=bind,from={stage},source={source},target=/usr/local/bin/{name}"


def _run(options, *commands):
    return f"RUN {options} \\\n    " + " \\\n    && ".join(commands)


def _copy(name, text):
    return [f"COPY <<'{HEREDOC}' {LOCK}/{name}", *text.rstrip("\n").split("\n"), HEREDOC]


def _variables(recipe):
    yield f'ENV PATH="{PREFIX}/bin:$PATH"'
    for name, value in sorted(recipe.variables.items()):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or not str(value).isprintable():
            yield "# One variable of the definition cannot be said here: its name, or a line break in its value."
            continue
        quoted = re.sub(r'(["\\$])', r"\\\1", str(value))
        yield f'ENV {name}="{quoted}"'
