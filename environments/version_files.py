"""A version in the forms of other tools, as downloads. Pure."""

import io
import zipfile

from .faults import UserFault
from .formats import azure, conda_file, explicit, pylock, requirements

TEXT = "text/plain; charset=utf-8"
# Name of the file -> what it is, in words.
FILES = {
    "environment.yml": "Conda environment file",
    "requirements.txt": "pip requirements",
    "azureml.zip": "Azure folder",
    "definition.json": "Definition as JSON",
    "Dockerfile": "Dockerfile",
    "explicit.txt": "Explicit conda list",
    "pylock.toml": "pylock.toml",
}


def render(file, definition, source, name, number):
    """Return (content, content type). Raise UserFault where the definition cannot be said in that form."""
    if file == "environment.yml":
        return source or _conda(definition), "application/yaml; charset=utf-8"
    if file == "azureml.zip":
        return _zip(azure.write_folder(definition, name, number)), "application/zip"
    if file == "definition.json":
        return azure.write_json(definition, name, number), "application/json"
    writer = {
        "requirements.txt": requirements.write,
        "Dockerfile": _dockerfile,
        "explicit.txt": explicit.write,
        "pylock.toml": pylock.write,
    }[file]
    return writer(definition), TEXT


def available(definition, source):
    """{name: words} of the files that the definition can be said in."""
    there = {}
    for file, words in FILES.items():
        try:
            render(file, definition, source, "", 1)
        except UserFault:
            continue
        there[file] = words
    return there


def _conda(definition):
    if not definition.conda_section:
        raise UserFault("This version has no conda section: its packages come with the image.")
    return conda_file.write(definition.conda_section)


def _dockerfile(definition):
    """The Dockerfile of the definition, or one that begins with its base image."""
    docker = definition.docker
    if docker.get("baseDockerfile"):
        return docker["baseDockerfile"]
    if docker.get("baseImage") and definition.brings_its_own_python:
        return f"FROM {docker['baseImage']}\n"
    raise UserFault("This version has no Dockerfile of its own: a build of it makes the image from its packages.")


def _zip(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
