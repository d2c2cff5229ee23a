"""Makes small source distributions that are real: each brings what builds it, or names setuptools."""

import gzip
import io
import tarfile

# A backend of PEP 517 that needs nothing else. A test says what its hooks do besides.
BACKEND = """
import os, sys, zipfile

def get_requires_for_build_wheel(config_settings=None):
    {asked}
    return {more!r}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {built}
    tag = {tag!r}
    info = "{module}-{version}.dist-info"
    files = {{
        "{module}.py": {code!r},
        info + "/METADATA": {metadata!r},
        info + "/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: " + tag + "\\n",
    }}
    files[info + "/RECORD"] = "".join(path + ",,\\n" for path in [*files, info + "/RECORD"])
    name = "{module}-{version}-" + tag + ".whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return name
"""


def make_sdist(
    name="demo", version="1.0", *, asked="", built="", more=(), requires=(), build_requires=(), code="x = 1\n", **facts
):
    """Return the bytes of a .tar.gz whose own backend makes a wheel of one module.

    `asked` and `built` are statements that run when it is asked what it needs, and before the wheel is written; `more`
    is what it then needs, `build_requires` what its pyproject.toml names, `requires` what the package needs.
    """
    module = name.replace("-", "_")
    metadata = f"Metadata-Version: 2.1\nName: {facts.pop('says', name)}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    words = {
        "asked": _indented(asked),
        "built": _indented(built),
        "more": list(more),
        "tag": facts.pop("tag", "py3-none-any"),
    }
    backend = BACKEND.format(module=module, version=version, code=code, metadata=metadata, **words)
    system = f'[build-system]\nrequires = {list(build_requires)}\nbuild-backend = "own"\nbackend-path = ["."]\n'
    return pack(f"{module}-{version}", {"pyproject.toml": system, "own.py": backend} | facts)


def make_setup(name="demo", version="1.0", setup="", **files):
    """Return the bytes of a .tar.gz with a setup.py and nothing else, as they were before pyproject.toml."""
    written = f"from setuptools import setup, Extension\n{setup or f'setup(name={name!r}, version={version!r}, py_modules=[{name!r}])'}\n"
    return pack(f"{name}-{version}", {"setup.py": written, f"{name}.py": "x = 1\n"} | files)


def pack(folder, files):
    data = io.BytesIO()
    with gzip.GzipFile(fileobj=data, mode="w", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return data.getvalue()


def _indented(code):
    return "\n    ".join(code.strip().split("\n")) or "pass"
