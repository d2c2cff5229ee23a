"""Every finding there is, from an input that has it; and that its fix, once made, is the end of it."""

import json
from dataclasses import dataclass
from datetime import date

import pytest

from environments import definition, names
from environments.catalogue import CATALOGUE, found
from environments.conda_specs import CondaSpec
from environments.findings import ERROR, HINT, WARNING, Finding, Fix, by_weight, errors, place
from environments.formats import conda_file, fixes, reading
from environments.formats.conda_edit import EditRefused
from environments.policy import ImageRule, PackageRule, Policy

CONDA = "python.condaDependencies"
DEPENDENCIES = f"{CONDA}.dependencies"
POLICY = Policy(
    today=date(2026, 1, 15),
    blocked=(
        PackageRule("old-thing", "It is unsafe.", "new-thing=2"),
        PackageRule("some-thing", "", "some-thing>=2", "", "<2"),
    ),
    deprecated_images=(ImageRule("old:*", "Moved.", "h.org/new:2"),),
    blocked_images=(ImageRule("bad:*", "It is unsafe.", "h.org/new:2"),),
)
REQUIRED = Policy(
    today=date(2026, 1, 15), required=(PackageRule("audit-log"),), channels=("forge",), pythons=("3.12.1",)
)
OTHER = Policy(today=date(2026, 1, 15), required=(PackageRule("pinned-thing", "", "", "", ">=2"),))
INDEXES = Policy(today=date(2026, 1, 15), indexes=("https://a.org/s",))
NO_SECRETS = Policy(today=date(2026, 1, 15), secrets=frozenset())
UNCONFINED = Policy(today=date(2026, 1, 15), confined=False)
SOON = Policy(today=date(2026, 9, 1))
SHA = "0" * 64
GOOD = "channels: [forge]\ndependencies:\n  - python=3.12\n  - numpy=1.26\n"
NUMPY = {"condaDependencies": {"channels": ["forge"], "dependencies": ["python=3.12", "numpy=1.26"]}}


@dataclass
class Case:
    """A text of a file of that name, and the finding in it: how grave, of which place, at which line, with which verb."""

    code: str
    severity: str
    where: str
    line: int | None
    verb: str | None
    text: str | bytes
    name: str = "environment.yml"
    policy: Policy = POLICY

    @property
    def finding(self):
        return next((each for each in self.read(self.text).findings if each.code == self.code), None)

    def read(self, text):
        return reading.read(self.name, text, self.policy)


def conda(code, severity, where, line, verb, text, policy=POLICY):
    return Case(code, severity, f"{CONDA}.{where}" if where else "", line, verb, text, policy=policy)


def package(code, severity, verb, line, policy=POLICY):
    """The finding about the last conda package of a file."""
    return conda(code, severity, "dependencies[2]", 5, verb, f"{GOOD}  - {line}\n", policy)


def pip(code, severity, verb, line, policy=POLICY):
    """The finding about the last pip package of a file."""
    text = f"{GOOD}  - pip=24.0\n  - pip:\n      - six==1.16.0\n      - {line}\n"
    return conda(code, severity, "dependencies[3].pip[1]", 8, verb, text, policy)


def section(code, severity, where, verb, **sections):
    """The finding about a JSON document; its line is that of the place."""
    text = json.dumps({"python": NUMPY} | sections, indent=1)
    return Case(code, severity, where, ..., verb, text, "azureml_environment.json")


CONTEXT = {"locationType": "git", "location": "https://h.org/a", "dockerfilePath": "Dockerfile"}
TOO_MANY = "".join("  - a\n" for _ in range(10_001))
CASES = [
    Case("name-unusable", WARNING, "name", 1, None, "name: my project\n" + GOOD),
    # The text
    Case("file-empty", ERROR, "", 1, None, ""),
    Case("file-unknown", ERROR, "", 1, None, 'lock-version = "1.0"\n', "pylock.toml"),
    Case("text-too-long", ERROR, "", None, None, "x" * 1_000_001),
    Case("text-too-many-lines", ERROR, "", 20_001, None, "x\n" * 20_001),
    Case("text-encoding", ERROR, "", 2, None, b"name: x\ny: gr\xf6\xdfe\n"),
    Case("text-character", ERROR, "", 2, None, "name: x\ny: \0\n"),
    Case("json-invalid", ERROR, "", 2, None, '{"python":\n}', "x.json"),
    Case("toml-invalid", ERROR, "", 2, None, 'lock-version = "1.0"\nx =\n', "pylock.toml"),
    Case("yaml-invalid", ERROR, "", 5, "lines", GOOD + "  -six\n  - idna\n"),
    Case("yaml-tab", ERROR, "", 5, "lines", GOOD + "\t- six\n"),
    Case("yaml-tag", ERROR, "", 5, None, GOOD + "  - !six\n"),
    Case("yaml-documents", ERROR, "", 5, None, GOOD + "---\nname: x\n"),
    Case("yaml-too-many", ERROR, "", 1, None, "dependencies: [" + "a," * 100_000 + "]"),
    Case("yaml-alias", ERROR, "", 5, None, GOOD + "  - *six\n"),
    Case("key-twice", ERROR, "", 5, None, GOOD + "channels: [x]\n"),
    Case("too-deep", ERROR, "", 1, None, "[" * 60 + "]" * 60),
    package("template-value", ERROR, None, "numpy={{ version }}"),
    # The shape of the document
    section("not-an-object", ERROR, "spark", None, spark=[]),
    Case("not-a-definition", ERROR, "", 1, None, "[]", "x.json"),
    conda("not-a-list", ERROR, "channels", 1, "set", "channels: forge\ndependencies:\n  - numpy=1\n"),
    section("not-text", ERROR, "more[0]", None, more=["\0"]),
    Case("not-finite", ERROR, "more", ..., None, '{"python": {},\n "more": 1e999}', "x.json"),
    section("wrong-type", ERROR, "docker.enabled", None, docker={"enabled": "yes"}),
    section(
        "too-many-fields",
        ERROR,
        "environmentVariables",
        None,
        environmentVariables=dict.fromkeys(map(str, range(1001)), ""),
    ),
    conda("too-many-dependencies", ERROR, "dependencies", 1, None, "dependencies:\n" + TOO_MANY),
    conda(
        "key-misspelt", ERROR, "chanels", 1, "rename", "chanels: [forge]\ndependencies:\n  - python=3.12\n  - numpy=1\n"
    ),
    conda("key-ignored", HINT, "platforms", 5, None, GOOD + "platforms: [linux-64]\n"),
    conda("key-unknown", WARNING, "colour", 5, None, GOOD + "colour: blue\n"),
    conda("prefix-ignored", HINT, "prefix", 5, "remove", GOOD + "prefix: /home/anna/x\n"),
    # Docker
    section("docker-base-twice", ERROR, "docker", None, docker={"baseImage": "a:1", "baseDockerfile": "FROM a:1"}),
    section("docker-base-missing", HINT, "docker", None, docker={"shmSize": "2g"}),
    section("dockerfile-too-long", ERROR, "docker.baseDockerfile", None, docker={"baseDockerfile": "x" * 100_001}),
    Case("dockerfile-invalid", ERROR, "docker.baseDockerfile", 1, None, "RUN x\n", "Dockerfile"),
    Case("dockerfile-unknown", WARNING, "docker.baseDockerfile", 2, None, "FROM a:1\nRUM x\n", "Dockerfile"),
    Case("dockerfile-files", WARNING, "docker.baseDockerfile", 2, None, "FROM a:1\nCOPY a b\n", "Dockerfile"),
    Case("dockerfile-secret", WARNING, "docker.baseDockerfile", 2, None, "FROM a:1\nENV TOKEN=x\n", "Dockerfile"),
    section("context-excludes", ERROR, "docker.buildContext", None, docker={"buildContext": CONTEXT}),
    section(
        "context-incomplete",
        ERROR,
        "docker.buildContext",
        None,
        python=None,
        docker={"buildContext": {"location": None}},
    ),
    section(
        "context-dockerfile",
        ERROR,
        "docker.buildContext.dockerfilePath",
        "set",
        python=None,
        docker={"buildContext": CONTEXT | {"dockerfilePath": ""}},
    ),
    section(
        "docker-attribute-unknown",
        WARNING,
        "docker.base_image",
        "remove",
        docker={"baseImage": "a:1", "base_image": "a:1"},
    ),
    section(
        "docker-attribute-deprecated", WARNING, "docker.shmSize", "remove", docker={"baseImage": "a:1", "shmSize": "8g"}
    ),
    section(
        "registry-incomplete",
        ERROR,
        "docker.baseImageRegistry",
        None,
        docker={"baseImage": "a:1", "baseImageRegistry": {"username": "anna"}},
    ),
    section(
        "registry-credentials-twice",
        ERROR,
        "docker.baseImageRegistry",
        None,
        docker={
            "baseImage": "a:1",
            "baseImageRegistry": {"username": "a", "password": "b", "registryIdentity": {"clientId": "c"}},
        },
    ),
    section(
        "secret",
        ERROR,
        "docker.baseImageRegistry.password",
        "set",
        docker={"baseImage": "a:1", "baseImageRegistry": {"username": "a", "password": "hunter2"}},
    ),
    # Base image
    section("image-invalid", ERROR, "docker.baseImage", None, docker={"baseImage": "A b"}),
    section("image-untagged", WARNING, "docker.baseImage", None, docker={"baseImage": "a"}),
    section("image-latest", WARNING, "docker.baseImage", None, docker={"baseImage": "a:latest"}),
    section("image-deprecated", WARNING, "docker.baseImage", "set", docker={"baseImage": "h.org/old:1"}),
    section("image-blocked", ERROR, "docker.baseImage", "set", docker={"baseImage": "h.org/bad:1"}),
    # Variables
    section("variable-not-text", ERROR, "environmentVariables.A", "set", environmentVariables={"A": 4}),
    section("variable-name", ERROR, "environmentVariables.A=B", None, environmentVariables={"A=B": "1"}),
    section("variable-reserved", WARNING, "environmentVariables.PATH", "remove", environmentVariables={"PATH": "/x"}),
    section(
        "variable-secret", WARNING, "environmentVariables.API_TOKEN", None, environmentVariables={"API_TOKEN": "x"}
    ),
    # Python
    Case("python-missing", ERROR, "python", None, None, '{"spark": {}}', "x.json"),
    conda(
        "python-unstated", WARNING, "dependencies", 2, "insert", "channels: [forge]\ndependencies:\n  - numpy=1.26\n"
    ),
    conda(
        "python-absent",
        WARNING,
        "dependencies[0]",
        2,
        None,
        "dependencies:\n  - python=3.13\n  - pip=24.0\n  - pip:\n      - audit-log==1\n",
        REQUIRED,
    ),
    package("python-twice", ERROR, "remove", "python=3.11"),
    conda("python-invalid", ERROR, "dependencies[0]", 3, None, GOOD.replace("python=3.12", "python=x.y")),
    conda("python-ended", WARNING, "dependencies[0]", 3, None, GOOD.replace("python=3.12", "python=3.8")),
    conda("python-ends", WARNING, "dependencies[0]", 3, None, GOOD.replace("python=3.12", "python=3.10"), SOON),
    # Conda
    conda("no-dependencies", WARNING, "dependencies", 1, None, "dependencies:\n  - python=3.12\n"),
    Case("no-channels", WARNING, CONDA, 1, "append", GOOD.partition("\n")[2]),
    conda("channel-invalid", ERROR, "channels[1]", 3, None, GOOD.replace("[forge]", "\n  - forge\n  - a b")),
    conda("channel-not-allowed", ERROR, "channels[0]", 1, None, GOOD.replace("forge", "other"), REQUIRED),
    conda("channel-licence", WARNING, "channels[0]", 1, "set", GOOD.replace("forge", "defaults")),
    conda("channel-twice", HINT, "channels[1]", 1, "remove", GOOD.replace("forge", "forge, forge")),
    package("conda-invalid", ERROR, "set", "scipy=>1.2"),
    package("conda-pip-only", ERROR, "to-pip", "git+https://h.org/a/b@v1"),
    package("conda-selector", WARNING, "remove", "appnope=0.1  # [osx]"),
    package("conda-mapping", ERROR, "set", "scipy: 1.10"),
    package("conda-elsewhere", ERROR, "remove", "sel(osx): clang_osx-64"),
    package("dependency-invalid", ERROR, "remove", ""),
    package("unpinned", WARNING, None, "scipy"),
    package("twice", WARNING, "remove", "NumPy=1.25"),
    pip("both", WARNING, "remove", "numpy==1.26.4"),
    section(
        "base-conda", WARNING, "python.baseCondaEnvironment", None, python=NUMPY | {"baseCondaEnvironment": "base"}
    ),
    # pip
    conda("pip-not-listed", HINT, "dependencies[2]", 5, "insert", f"{GOOD}  - pip:\n      - six==1.16.0\n"),
    conda("pip-unpinned", HINT, "dependencies[2]", 5, None, f"{GOOD}  - pip\n  - pip:\n      - six==1.16.0\n"),
    conda(
        "pip-twice",
        WARNING,
        "dependencies[3]",
        7,
        None,
        f"{GOOD}  - pip:\n      - six==1.16.0\n  - pip:\n      - idna==3\n",
    ),
    pip("pip-invalid", ERROR, "set", "idna=3.6"),
    pip("pip-option", ERROR, "remove", "--no-deps"),
    pip("pip-option-behind", ERROR, "set", "idna==3.6 --no-deps"),
    pip("pip-option-dropped", HINT, "remove", "--prefer-binary"),
    conda(
        "pip-option-repeated",
        ERROR,
        "dependencies[2].pip[1]",
        7,
        "remove",
        f"{GOOD}  - pip:\n      - --index-url https://a.org/s\n      - --index-url https://b.org/s\n",
    ),
    pip("pip-file", ERROR, "remove", "-r more.txt"),
    pip("pip-path", ERROR, "remove", "./here"),
    pip("pip-path-named", ERROR, "set", "idna @ file:///srv/idna"),
    pip("pip-editable", WARNING, "set", "-e git+https://h.org/a/b@v1#egg=b"),
    pip("pip-vcs", WARNING, None, "b @ git+https://h.org/a/b@v1"),
    pip("pip-source", WARNING, None, "https://h.org/b-1.0.tar.gz"),
    pip("pip-url", HINT, None, "https://h.org/b-1.0-py3-none-any.whl"),
    pip("pip-url-open", WARNING, "set", "http://h.org/b-1.0-py3-none-any.whl"),
    pip("from-source", WARNING, None, "--no-binary six"),
    pip("from-source-other", HINT, "remove", "--no-binary nunpy"),
    pip("from-source-open", WARNING, None, "--no-binary six", UNCONFINED),
    pip("index-own", HINT, None, "--extra-index-url https://h.org/simple"),
    pip("index-not-allowed", ERROR, None, "--extra-index-url https://h.org/simple", INDEXES),
    pip("credentials", ERROR, "set", "--extra-index-url https://anna:hunter2@h.org/simple"),
    pip("placeholder", WARNING, None, "--extra-index-url https://me:$TOKEN@h.org/simple"),
    pip("secret-named", HINT, None, "--extra-index-url https://me:${TOKEN}@h.org/simple"),
    pip("secret-missing", WARNING, None, "--extra-index-url https://me:${TOKEN}@h.org/simple", NO_SECRETS),
    conda("channel-file", ERROR, "channels[0]", 1, "remove", GOOD.replace("forge", "file:///srv/channel")),
    # R
    section("r-deprecated", WARNING, "r", None, r={"rVersion": "4.0"}),
    # Policy
    conda("package-required", ERROR, "", 1, "to-pip", GOOD, REQUIRED),
    package("package-blocked", ERROR, "set", "old-thing=1"),
    package("package-blocked-some", HINT, "set", "some-thing>=1"),
    package("package-other-version", ERROR, "set", "pinned-thing==1", OTHER),
]
CASES[-4].where = CONDA
# These are no matter of a text: who finds them is tested below and with the wheels of a workspace.
ELSEWHERE = {
    "name-missing",
    "name-too-long",
    "name-characters",
    "name-reserved",
    "name-not-curated",
    "file-missing",
    "too-long",
    "wheel-missing",
}
EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)


def test_every_code_of_the_catalogue_has_a_case():
    assert sorted([*(case.code for case in CASES), *ELSEWHERE]) == sorted(CATALOGUE)


@EVERY
def test_the_finding_is_made_with_its_severity_place_line_and_fix(case):
    finding = case.finding
    line = finding.line if case.line is ... else case.line
    assert (finding.severity, finding.where, finding.line, finding.fix and finding.fix.verb) == (
        case.severity,
        case.where,
        line,
        case.verb,
    )
    if case.line is ... and case.code != "not-text":
        assert case.where.rpartition(".")[2].split("[")[0] in case.text.split("\n")[line - 1]


@EVERY
def test_the_sentence_is_whole_and_the_button_has_a_title(case):
    finding = case.finding
    assert finding.message == finding.message.strip()
    assert finding.message.endswith((".", ")")) or case.code in ("image-invalid", "name-unusable")
    assert "{" not in finding.message.replace("{{", "").replace("${", "")
    assert finding.fix is None or (finding.fix.title and "{" not in finding.fix.title)
    assert "hunter2" not in finding.message


FIXED = [case for case in CASES if case.verb]


@pytest.mark.parametrize("case", FIXED, ids=lambda case: case.code)
def test_the_fix_is_the_end_of_the_finding_and_brings_no_error(case):
    finding, before = case.finding, case.read(case.text)
    assert finding in before.findings
    after = []
    if fixes.is_about_conda(finding.fix):
        after.append(reading.read("environment.yml", fixes.apply_to_conda(before.conda, finding.fix), case.policy))
    if finding.fix.verb != "lines":
        fixed = fixes.apply_to_document(before.document, finding.fix)
        after.append(reading.read("x.json", json.dumps(fixed), case.policy))
    assert after
    for each in after:
        assert case.code not in [said.code for said in each.findings]
        assert len(errors(each.findings)) <= len(errors(before.findings)) - (case.severity == ERROR)


@pytest.mark.parametrize(
    "case",
    [case for case in FIXED if case.verb != "lines" and case.name == "environment.yml"],
    ids=lambda case: case.code,
)
def test_a_fix_does_the_same_to_the_text_and_to_the_document(case):
    before, fix = case.read(case.text), case.finding.fix
    text = fixes.apply_to_conda(before.conda, fix)
    document = fixes.apply_to_document(before.document, fix)
    assert conda_file.read(text).section == document["python"]["condaDependencies"]
    assert before.document == case.read(case.text).document


def test_findings_about_names():
    assert names.examine("good.name-1_x") is None
    assert [
        names.examine("").code,
        names.examine("x" * 256).code,
        names.examine("a b").code,
        names.examine("-a").message,
        names.examine("azureml-x", ("AzureML",)).message,
    ] == [
        "name-missing",
        "name-too-long",
        "name-characters",
        "A name begins with a letter or a digit.",
        "Names that begin with AzureML are reserved for curated environments.",
    ]


def test_findings_about_folders_and_long_documents():
    assert [each.code for each in reading.read_folder({}).findings] == ["file-missing"]
    assert [each.code for each in definition.examine({"python": {}, "x": "y" * 1_000_001}).findings] == ["too-long"]
    assert (
        reading.unreadable("no such file").findings[0].message == "This is no file that can be read here: no such file."
    )


def test_a_private_wheel_that_is_missing_is_an_error():
    finding = found("wheel-missing", "x", filename="a-1-py3-none-any.whl")
    assert finding.message == "a-1-py3-none-any.whl is no private wheel of this workspace. Upload it there first."


# Values


def test_a_place_is_written_as_people_read_it():
    assert place("python", "condaDependencies", "dependencies", 3, "pip", 0) == f"{DEPENDENCIES}[3].pip[0]"
    assert place() == ""


def test_a_finding_is_a_sentence_with_its_line_or_place():
    assert Finding("x", ERROR, "is wrong.", "a.b", 3).sentence == "Line 3: is wrong."
    assert Finding("x", ERROR, "is wrong.", "a.b").sentence == "a.b: is wrong."
    assert Finding("x", ERROR, "All is wrong.").sentence == "All is wrong."


def test_a_finding_is_named_so_that_a_button_can_ask_for_its_fix():
    assert [Finding("x", ERROR, "", "a", 3).key, Finding("x", ERROR, "", "", 3).key, Finding("x", ERROR, "").key] == [
        "x@a",
        "x@3",
        "x@",
    ]


def test_the_gravest_come_first_then_the_first_line():
    order = [Finding("a", HINT, "", line=1), Finding("b", ERROR, "", line=9), Finding("c", ERROR, "", line=2)]
    assert [each.code for each in by_weight(order)] == ["c", "b", "a"]


# Fixes that do not fit


DOCUMENT = {"python": {"condaDependencies": {"dependencies": ["a", {"pip": ["b"]}], "name": "x"}}}
AT = ("python", "condaDependencies")


@pytest.mark.parametrize(
    "fix",
    [
        Fix("", "set", (*AT, "dependencies", 7), "x"),
        Fix("", "remove", (*AT, "dependencies", 7)),
        Fix("", "remove", (*AT, "channels")),
        Fix("", "remove", (*AT, "dependencies", 0, "pip", 0)),
        Fix("", "rename", (*AT, "nothing"), "x"),
        Fix("", "rename", (*AT, "name"), "dependencies"),
        Fix("", "append", (*AT, "name"), "x"),
        Fix("", "to-pip", (*AT, "dependencies", 7)),
    ],
)
def test_a_fix_of_something_that_is_not_there_is_refused(fix):
    with pytest.raises(EditRefused):
        fixes.apply_to_document(DOCUMENT, fix)
    with pytest.raises(EditRefused):
        fixes.apply_to_conda(conda_file.write(DOCUMENT["python"]["condaDependencies"]), fix)


def test_a_fix_of_another_section_is_none_of_the_conda_file():
    fix = Fix("", "remove", ("docker", "shmSize"))
    assert not fixes.is_about_conda(fix)
    with pytest.raises(EditRefused):
        fixes.apply_to_conda("name: x\n", fix)


def test_lines_that_are_not_there_cannot_be_replaced():
    assert fixes.apply_to_conda("a\nb\nc", Fix("", "lines", (2, 2), "x")) == "a\nx\nc"
    for path in ((0, 0), (3, 2), (4, 4)):
        with pytest.raises(EditRefused):
            fixes.apply_to_conda("a\nb\nc", Fix("", "lines", path, "x"))


def test_the_given_document_stays_as_it_is():
    before = json.dumps(DOCUMENT)
    assert fixes.apply_to_document(DOCUMENT, Fix("", "remove", (*AT, "dependencies", 1, "pip", 0))) == {
        "python": {"condaDependencies": {"dependencies": ["a"], "name": "x"}}
    }
    assert json.dumps(DOCUMENT) == before
    assert isinstance(definition.read(DOCUMENT).conda[0], CondaSpec)
