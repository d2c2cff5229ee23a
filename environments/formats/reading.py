"""Any file that describes an environment, as a definition with findings. Pure.

`read` takes the bytes of one file, `read_folder` those of a folder that Azure's clients wrote. Page, API and
`manage.py inspect` all come here.
"""

import re
from dataclasses import dataclass, replace

from .. import definition as definitions
from .. import names
from ..catalogue import found
from ..definition import Definition
from ..findings import by_weight, errors
from ..policy import Policy
from ..texts import shorten
from . import azure, conda_file, explicit, pylock, requirements
from .yaml_tree import YamlFault, parse

LONGEST = 1_000_000  # bytes
MOST_LINES = 20_000
FOLDER = (azure.DEFINITION, azure.CONDA, azure.DOCKERFILE)


@dataclass(frozen=True)
class Reading:
    """What came of a file. `definition` is None when it was refused; then an error among `findings` says why.

    `document` is what could be read even so, `conda` the conda file that an editor opens, with the comments of
    what was read, and `name` what the file calls the environment.
    """

    format: str
    definition: Definition | None
    findings: tuple
    document: dict | None = None
    conda: str = ""
    name: str = ""

    def as_dict(self, file):
        """The answer of `inspect` and of the API."""
        return {
            "file": file,
            "format": self.format,
            "definition": self.definition and self.definition.document,
            "image_key": self.definition and self.definition.image_key,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def read(filename, data, policy=None):
    """Read one file. `data` is bytes, or text that was typed."""
    policy = policy or Policy()
    text, fault = decode(data)
    if fault:
        return Reading("unknown", None, (fault,))
    if not text.strip():
        return Reading("unknown", None, (found("file-empty", line=1),))
    return _READERS[detect(filename, text)](text, policy)


def read_uploads(files, policy=None):
    """Read what a person chose: one file, or several that Azure's clients wrote together. They have `name` and `read`."""
    if len(files) == 1:
        return read(files[0].name, files[0].read(LONGEST + 1), policy)
    return read_folder({file.name: file.read(LONGEST + 1) for file in files if file.name in FOLDER}, policy)


def read_folder(files, policy=None):
    """Read {file name: bytes} as the folder of `Environment.save_to_directory`."""
    policy = policy or Policy()
    if azure.DEFINITION not in files:
        return Reading("azure-folder", None, (found("file-missing", name=azure.DEFINITION),))
    texts = {}
    for name in FOLDER:
        if name in files:
            texts[name], fault = decode(files[name])
            if fault:
                return Reading("azure-folder", None, (replace(fault, message=f"{name}: {fault.message}"),))
    document, lines, findings = azure.read_json(texts[azure.DEFINITION])
    if document is None or (findings := _wrong_sections(document)):
        return Reading("azure-folder", None, tuple(findings))
    lines, file = {where: (azure.DEFINITION, line) for where, line in lines.items()}, None
    if azure.CONDA in texts:
        file = conda_file.read(texts[azure.CONDA])
        findings = [replace(each, message=f"{azure.CONDA}: {each.message}") for each in file.findings]
        if file.section is None:
            return Reading("azure-folder", None, tuple(findings), document, file.text)
        document["python"] = (document.get("python") or {}) | {"condaDependencies": file.section}
        lines |= {where: (azure.CONDA, node.line) for where, node in file.nodes.items()}
    if azure.DOCKERFILE in texts:
        document["docker"] = (document.get("docker") or {}) | {"baseDockerfile": texts[azure.DOCKERFILE]}
        lines.pop("docker.baseDockerfile", None)
    reading = _finish("azure-folder", document, lines, file.text if file else "", findings, policy)
    reading = _named(reading, document.get("name"), policy)
    return replace(reading, findings=tuple(by_weight(_in_file(each, lines) for each in reading.findings)))


def _wrong_sections(document):
    """The other files of the folder are laid into these sections, so they have to be objects."""
    return [
        found("not-an-object", key) for key in ("python", "docker") if not isinstance(document.get(key), dict | None)
    ]


def unreadable(reason):
    """The Reading of a file that the system does not give."""
    return Reading("unknown", None, (found("file-unknown", reason=reason),))


def _in_file(finding, lines):
    """Say in which file of the folder the line stands."""
    file, number = finding.line if isinstance(finding.line, tuple) else (None, finding.line)
    if finding.where.startswith("docker.baseDockerfile") and finding.line and not file:
        file = azure.DOCKERFILE
    return replace(finding, line=number, message=f"{file}: {finding.message}" if file else finding.message)


def decode(data):
    """Return (text with \\n as line ends, None), or ("", the finding that says why there is none)."""
    if isinstance(data, str):
        data, text = data.encode("utf-8", "surrogatepass"), data
    else:
        text = None
    if len(data) > LONGEST:
        return "", found("text-too-long", length=len(data), longest=LONGEST)
    if data.startswith(b"PK\x03\x04"):
        return "", found("file-unknown", reason="it is a zip archive; unpack it and choose the files that were in it")
    if text is None:
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        if encoding == "utf-8-sig" and data[:200].count(b"\0") > len(data[:200]) // 4:
            encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as fault:
            line = data.count(b"\n", 0, fault.start) + 1
            reason = f"byte {fault.start + 1} is 0x{data[fault.start]:02x}"
            return "", found("text-encoding", line=line, reason=reason)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.count("\n")
    if lines > MOST_LINES:
        return "", found("text-too-many-lines", line=MOST_LINES + 1, length=lines, longest=MOST_LINES)
    if "\0" in text:
        return "", found("text-character", line=text.count("\n", 0, text.index("\0")) + 1, character="U+0000")
    return text, None


def detect(filename, text):
    """Tell the format, by what stands in the text first and by the name of the file where that says more."""
    name = re.split(r"[/\\]", filename)[-1].lower()
    if explicit.is_explicit(text):
        return "explicit"
    if re.fullmatch(r"(?:.*\.)?(?:base)?(?:dockerfile|containerfile)(?:\..*)?", name):
        return "dockerfile"
    if name.endswith(".json") or re.match(r"\s*\{\s*(?:\"|\}\s*$)", text):
        return "azure-json"
    if name.endswith(".toml") or re.search(r"^lock-version\s*=", text, re.M):
        return "pylock"
    if name.endswith((".yml", ".yaml")) or re.search(_YAML_KEY, text, re.M):
        return "conda"
    if explicit.is_exported(text):
        return "conda-export"
    first = next((line.strip() for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")), "")
    if re.match(r"(?:FROM\s+\S|ARG\s+\w+(?:=|$))", first, re.I) and not re.search(r"[=<>~]=", first):
        return "dockerfile"
    return "requirements"


_YAML_KEY = r"^(?:name|channels|dependencies|conda_file|prefix|variables|dependecies|dependancies)\s*:(?:\s|$)"


def _read_conda(text, policy):
    try:
        root = parse(text)
    except YamlFault as fault:
        return Reading("conda", None, (fault.finding,), None, text)
    if root and root.kind == "map" and azure.is_version_2(root):
        document, lines, conda, findings = azure.read_version_2(text, root)
        reading = _finish("azure-yaml", document, lines, conda, findings, policy)
        return _named(reading, root.get("name"), policy)
    file = conda_file.read(text)
    if file.section is None:
        return Reading("conda", None, tuple(file.findings), None, text)
    document = {"python": {"condaDependencies": file.section}}
    lines = {where: node.line for where, node in file.nodes.items()}
    reading = _finish("conda", document, lines, text, file.findings, policy)
    return _named(reading, root.get("name") if root else None, policy)


def _named(reading, node, policy):
    """Take over what the file calls the environment, and say so where it cannot be called that."""
    name = getattr(node, "value", node)
    name = name if isinstance(name, str) else ""
    wrong = names.examine(name, policy.reserved_prefixes) if name else None
    if not wrong:
        return replace(reading, name=name)
    line = getattr(node, "line", None)
    said = found("name-unusable", "name", line, name=shorten(name), reason=wrong.message)
    findings = [*reading.findings, said]
    return replace(reading, findings=tuple(findings if _has_files(reading) else by_weight(findings)))


def _has_files(reading):
    """Whether its lines are still pairs of file and line, as they are for a folder."""
    return any(isinstance(finding.line, tuple) for finding in reading.findings)


def _read_json(text, policy):
    document, lines, findings = azure.read_json(text)
    if document is None:
        return Reading("azure-json", None, tuple(findings))
    conda = ((document.get("python") or {}) if isinstance(document.get("python"), dict) else {}).get(
        "condaDependencies"
    )
    written = conda_file.write(conda) if isinstance(conda, dict) else ""
    reading = _finish("azure-json", document, lines, written, findings, policy)
    return _named(reading, document.get("name"), policy)


def _read_requirements(text, policy):
    document, lines, conda = requirements.read(text)
    return _finish("requirements", document, lines, conda, [], policy)


def _read_explicit(text, policy):
    document, lines, conda = explicit.read(text)
    format = "explicit" if explicit.is_explicit(text) else "conda-export"
    return _finish(format, document, lines, conda, [], policy)


def _read_pylock(text, policy):
    document, lines, conda, findings = pylock.read(text)
    if document is None:
        return Reading("pylock", None, tuple(findings))
    return _finish("pylock", document, lines, conda, findings, policy)


def _read_dockerfile(text, policy):
    document = {"python": {"userManagedDependencies": True}, "docker": {"baseDockerfile": text}}
    return _finish("dockerfile", document, {}, "", [], policy)


def _finish(format, document, lines, conda, findings, policy):
    """Say what is wrong with the document, each at its line."""
    definition = definitions.examine(document, policy)
    findings = [*findings, *(_at_line(finding, lines) for finding in definition.findings)]
    is_refused = bool(errors(findings))
    reading = Reading(format, None if is_refused else definition, tuple(findings), document, conda)
    return reading if _has_files(reading) else replace(reading, findings=tuple(by_weight(findings)))


def _at_line(finding, lines):
    """Give a finding the line of the place that it is about, or of the nearest place around it."""
    where = finding.where
    if where == "docker.baseDockerfile" and where in lines and finding.line:  # a Dockerfile inside of another file
        return replace(finding, line=lines[where], message=f"Line {finding.line} of the Dockerfile: {finding.message}")
    if finding.line:
        return finding
    while where:
        if where in lines:
            return finding.at(lines[where])
        where = re.sub(r"(?:\.[^.\[\]]*|\[\d+\]|^[^.\[]*)$", "", where)
    return finding


_READERS = {
    "conda": _read_conda,
    "azure-json": _read_json,
    "requirements": _read_requirements,
    "explicit": _read_explicit,
    "conda-export": _read_explicit,
    "pylock": _read_pylock,
    "dockerfile": _read_dockerfile,
}
