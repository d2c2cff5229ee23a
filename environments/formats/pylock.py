"""pylock.toml (PEP 751) as a definition that is pinned to it, and back. Pure."""

import json
import re
import tomllib

from .. import conda_specs
from ..catalogue import found
from ..faults import UserFault
from ..findings import place
from . import conda_file

_PATH = ("python", "condaDependencies", "dependencies", 1, "pip")


def read(text):
    """Return (document or None, {where: line}, the same as a conda file, findings)."""
    try:
        lock = _load(text)
    except ValueError as fault:
        match = re.search(r"\(at line (\d+),", str(fault))
        reason = re.sub(r"\s*\(at .*\)$", "", str(fault))
        return None, {}, "", [found("toml-invalid", line=int(match[1]) if match else 1, reason=reason)]
    packages = lock.get("packages")
    if not isinstance(packages, list) or not all(isinstance(each, dict) for each in packages):
        return None, {}, "", [found("file-unknown", line=1, reason="a pylock.toml has [[packages]]")]
    wanted, lines, findings = [], {}, []
    numbers = [i for i, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*packages\s*\]\]", line)]
    for i, package in enumerate(packages):
        number = numbers[i] if i < len(numbers) else None
        line = _line(package)
        if line is None:
            findings.append(
                found("file-unknown", line=number, reason="a package needs a name, and a version or an address")
            )
            continue
        lines[place(*_PATH, len(wanted))] = number
        wanted.append(line)
    python = _python(lock)
    dependencies = [f"python{python}" if python else "python", "pip", {"pip": wanted}]
    if not python:
        dependencies = dependencies[1:]
    else:
        lines = {where.replace("dependencies[1]", "dependencies[2]"): line for where, line in lines.items()}
    section = {"dependencies": dependencies if wanted else dependencies[:-1]}
    return {"python": {"condaDependencies": section}}, lines, conda_file.write(section), findings


def _load(text):
    """Parse, after a look at what makes the parser of Python slow or deep."""
    if re.search(r"(?:\.[\w\"'-]{1,80}){60}|[\[{](?:\s*[\[{]){60}", text):
        raise ValueError("its keys or values are nested too deep")
    try:
        return tomllib.loads(text)
    except RecursionError as fault:
        raise ValueError("its keys or values are nested too deep") from fault


def _python(lock):
    wanted = lock.get("requires-python")
    return re.sub(r"\s+", "", wanted) if isinstance(wanted, str) and re.fullmatch(r"[\d.*,<>=!~\s]+", wanted) else ""


def _line(package):
    """A package as a pip line: by its address when it has one file, else by version and the hashes of all files."""
    name, version, marker = package.get("name"), package.get("version"), package.get("marker")
    if not isinstance(name, str):
        return None
    files = [
        each
        for each in [*_list(package.get("wheels")), package.get("sdist"), package.get("archive")]
        if isinstance(each, dict)
    ]
    hashes = sorted(
        {
            f"sha256:{each['hashes']['sha256']}"
            for each in files
            if isinstance(each.get("hashes"), dict) and isinstance(each["hashes"].get("sha256"), str)
        }
    )
    alone = files[0] if len(files) == 1 and isinstance(files[0].get("url"), str) else None
    vcs = package.get("vcs")
    if alone:
        line = f"{name} @ {alone['url']}"
    elif isinstance(vcs, dict) and isinstance(vcs.get("url"), str):
        line = f"{name} @ {vcs.get('type', 'git')}+{vcs['url']}@{vcs.get('commit-id', '')}".rstrip("@")
    elif isinstance(version, str):
        line = f"{name}=={version}"
    else:
        return None
    line += f" ; {marker}" if isinstance(marker, str) else ""
    return line + "".join(f" --hash={digest}" for digest in hashes)


def _list(value):
    return value if isinstance(value, list) else []


def write(definition):
    """Return a pylock.toml. Raise UserFault unless every package is named by the address of its file, with a hash."""
    if definition.conda_packages:
        raise UserFault("A pylock.toml holds pip packages only, and this definition asks conda for some.")
    lines = ['lock-version = "1.0"', 'created-by = "envportal"']
    python = conda_specs.python_specifiers(definition.python)
    if len(python) > 1:
        raise UserFault(f"A pylock.toml asks for one range of Pythons, and here are several: {definition.python}.")
    if str(python[0]):
        lines.append(f'requires-python = "{python[0]}"')
    for line in definition.pip:
        digests = [digest for digest in line.hashes if digest.startswith("sha256:")]
        if not line.url.partition("#")[0].endswith(".whl") or not digests:
            raise UserFault(
                f"A pylock.toml names the exact file of every package with its hash, and {line.name or line.text} is not "
                "named so. Build the version: its lock is one."
            )
        lines += ["", "[[packages]]", f"name = {json.dumps(line.name)}"]
        if line.requirement and line.requirement.marker:
            lines.append(f"marker = {json.dumps(str(line.requirement.marker))}")
        wheel = f'{{ url = {json.dumps(line.url)}, hashes = {{ sha256 = "{digests[0].partition(":")[2]}" }} }}'
        lines.append(f"wheels = [{wheel}]")
    return "\n".join(lines) + "\n"
