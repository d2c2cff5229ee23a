"""What Azure's clients write: a definition as JSON, a folder of three files, the environment of `az ml` 2. Pure."""

import json
import re

from ..catalogue import found
from ..findings import place
from ..texts import shorten
from . import conda_file
from .yaml_tree import YamlFault, parse

DEFINITION, CONDA, DOCKERFILE = "azureml_environment.json", "conda_dependencies.yml", "BaseDockerfile"
LONGEST_WITH_LINES = 300_000
_KEYS_OF_2 = ("conda_file", "image", "build")
_OTHERS_OF_2 = ("$schema", "name", "version", "description", "tags", "os_type", "inference_config", "type")


def read_json(text):
    """Return (document or None, {where: line}, findings)."""
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except json.JSONDecodeError as fault:
        return None, {}, [found("json-invalid", **_in_words(fault, text))]
    except (ValueError, RecursionError) as fault:
        reason = "it is nested too deep" if isinstance(fault, RecursionError) else str(fault)
        reason = "a number has too many digits" if "digits" in reason else reason
        return None, {}, [found("json-invalid", line=1, reason=reason)]
    if not isinstance(document, dict):
        return None, {}, [found("not-a-definition", line=1)]
    return document, _lines_of(text), []


def _once(pairs):
    document = {}
    for name, value in pairs:
        if name in document:
            raise ValueError(f"the key {shorten(name, 60)} stands twice in one object")
        document[name] = value
    return document


# What the parser of JSON says, and the same in words.
_REASONS = {
    "Expecting property name": "a key in double quotation marks is missing here",
    "Expecting ':'": "a colon is missing behind the key",
    "Expecting ','": "a comma or a closing bracket is missing",
    "Expecting value": "a value is missing here",
    "Unterminated string": "the quotation mark that opens here is not closed on its line",
    "Invalid control character": "a text goes on over the end of its line, or holds a tab",
    "Invalid \\escape": "a backslash in a text is written twice: \\\\",
    "Invalid \\u": "behind \\u stand four hexadecimal digits",
    "Extra data": "something stands behind its end",
}


def _in_words(fault, text):
    """The line and the reason."""
    before = text[: fault.pos + 1].rstrip().removesuffix("}").removesuffix("]").rstrip()
    if before.endswith(",") and re.match(r"[\s,]*[}\]]", text[fault.pos :]):
        return {"line": before.count("\n") + 1, "reason": "no comma stands behind the last one"}
    if text[fault.pos : fault.pos + 1] == "'":
        return {"line": fault.lineno, "reason": "texts stand in double quotation marks"}
    reason = next((words for said, words in _REASONS.items() if fault.msg.startswith(said)), "it breaks off here")
    return {"line": fault.lineno, "reason": reason}


def _refuse(constant):
    raise ValueError(f"{constant} is no number of JSON")


def _lines_of(text):
    """JSON is almost YAML, whose parser knows the lines; where it does not read it, there are none."""
    if len(text) > LONGEST_WITH_LINES:
        return {}
    try:
        root = parse(text)
    except YamlFault:
        return {}
    lines = {}
    if root and root.kind == "map":
        _remember(lines, (), root)
    return lines


def _remember(lines, path, node):
    lines[place(*path)] = node.line
    for i, item in enumerate(node.items):
        _remember(lines, (*path, i), item)
    for key, value in node.pairs:
        _remember(lines, (*path, key.value), value)


def is_version_2(root):
    """Whether a YAML mapping is an environment of `az ml` 2 rather than a conda file."""
    keys = {key.value for key, _ in root.pairs}
    return bool(keys & set(_KEYS_OF_2)) and not keys & {"dependencies", "channels"}


def read_version_2(text, root):
    """Return (document or None, {where: line}, the conda file in it, findings)."""
    document, lines, findings, conda = {"python": {}}, {}, [], ""
    image, build, node = root.get("image"), root.get("build"), root.get("conda_file")
    for key, value in root.pairs:
        if key.value not in (*_KEYS_OF_2, *_OTHERS_OF_2):
            findings.append(found("key-unknown", key.value, key.line, key=key.value, section="an environment of az ml"))
        if (key.value, value.kind) in (("image", "list"), ("image", "map"), ("build", "list"), ("build", "text")):
            kind = "text" if key.value == "image" else "an object with path: and dockerfile_path:"
            findings.append(found("wrong-type", key.value, key.line, kind=kind))
    if image and image.kind == "text" and not image.is_null:
        document["docker"] = {"baseImage": image.value}
        lines["docker.baseImage"] = lines["docker"] = image.line
    if build and build.kind == "map":
        given = build.plain()
        context = {
            "locationType": "git" if str(given.get("path")).startswith("git") else "storageAccount",
            "location": given.get("path"),
        }
        if "dockerfile_path" in given:
            context["dockerfilePath"] = given["dockerfile_path"]
        document.setdefault("docker", {})["buildContext"] = context
        lines["docker.buildContext"] = lines["docker"] = build.line
    if node and node.kind == "text" and "\n" not in node.value and not node.is_null:
        document["python"]["condaDependenciesFile"] = node.value  # which the portal does not have, and says so
        lines["python.condaDependenciesFile"] = node.line
    elif node and not node.is_null:
        conda, section, inner, said = _inline(text, node)
        findings += said
        lines |= inner
        document["python"]["condaDependencies"] = section
    else:
        document["python"]["userManagedDependencies"] = True
    _take_rest(document, root, lines)
    return document, lines, conda, findings


def _inline(text, node):
    """The conda file that stands under `conda_file:`, as a mapping or as a block of text."""
    if node.kind == "map":
        file = conda_file.of_node(text, node)
        return (
            _dedented(text, node, file),
            file.section or {},
            {where: at.line for where, at in file.nodes.items()},
            file.findings,
        )
    if node.kind != "text":
        return "", {}, {}, [found("yaml-invalid", line=node.line, reason="conda_file: holds a mapping")]
    file = conda_file.read(node.value)
    findings = [finding.at(node.line + (finding.line or 0)) for finding in file.findings]
    lines = {where: node.line + at.line for where, at in file.nodes.items()}
    return node.value, file.section or {}, lines, findings


def _dedented(text, node, file):
    """The lines of the mapping with its comments, or written anew where they cannot stand alone."""
    start = text.rfind("\n", 0, node.start) + 1
    if file.section is None:
        return ""
    lines = text[start : node.end].split("\n")
    own = "\n".join(line[node.column :] if not line[: node.column].strip() else line for line in lines) + "\n"
    return own if conda_file.read(own).section == file.section else conda_file.write(file.section)


def _take_rest(document, root, lines):
    system = root.get("os_type")
    if system and system.kind == "text":
        document.setdefault("docker", {})["platform"] = {"os": system.value.capitalize(), "architecture": "amd64"}
    inference = root.get("inference_config")
    if inference:
        document["inferenceConfig"] = inference.typed()
        lines["inferenceConfig"] = inference.line


def write_json(definition, name="", version=None):
    """Return all of a definition as one JSON document."""
    named = {"name": name or None, "version": str(version) if version else None}
    return json.dumps(named | definition.document, indent=4, ensure_ascii=False) + "\n"


def write_folder(definition, name="", version=None):
    """Return {file name: text} as `Environment.save_to_directory` writes it."""
    document = json.loads(json.dumps(definition.document))
    files = {}
    section = (document.get("python") or {}).pop("condaDependencies", None)
    if section is not None:
        files[CONDA] = conda_file.write(section)
    dockerfile = (document.get("docker") or {}).pop("baseDockerfile", None)
    if dockerfile:
        files[DOCKERFILE] = dockerfile
    named = {"name": name or None, "version": str(version) if version else None}
    files[DEFINITION] = json.dumps(named | document, indent=4, ensure_ascii=False) + "\n"
    return files
