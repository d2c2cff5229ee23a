"""What a megabyte made to hurt does: it is refused, or read, in bounded time and memory, and never raises."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from environments.formats import reading

MEGABYTE = 1_000_000
LONGEST = 5  # seconds of this process; the worst takes about one on an idle core
MOST_MEMORY = 700  # megabytes of a process that reads them all; the worst takes about a fifth


def repeated(text, head="", tail="", length=MEGABYTE):
    """`text` over and over, as long as a file may be."""
    room = length - len((head + tail).encode()) - len(text.encode())
    return head + text * (room // len(text.encode())) + tail


def lines(line, count, head="", tail=""):
    return head + "".join(line(i) for i in range(count)) + tail


def exploding_anchors():
    """Nine aliases of nine aliases of …: some text that would be 9 to the power of 30."""
    first = f"a0: &a0 [{', '.join('x' * 9)}]\n"
    return first + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))


def exploding_merges():
    first = "a0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(50)) + "}\n"
    return first + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 50)}], x{i}: 1}}\n" for i in range(1, 200))


PYTHON = "channels: [a]\ndependencies:\n  - python=3.12\n"
REFUSED = {
    "nul.yml": b"\0" * MEGABYTE,
    "spaces.yml": repeated(" "),
    "one-word.yml": repeated("x"),
    "brackets.yml": repeated("["),
    "braces.yml": repeated("{a: "),
    "dashes.yml": repeated("- "),
    "questions.yml": repeated("? "),
    "colons.yml": repeated("a: "),
    "tabs.yml": repeated("\t"),
    "templates.yml": repeated("{{ x }}"),
    "deep.yml": lines(lambda i: " " * i + "a:\n", 1000),
    "open-quotation.yml": repeated("x\n", '"', length=39_000),
    "long-key.yml": repeated("k", tail=": 1"),
    "long-alias.yml": repeated("x", "a: *"),
    "long-tag.yml": repeated("x", "a: !"),
    "many-keys.yml": lines(lambda i: f"k{i}: 1\n", 19_000),
    "many-anchors.yml": lines(lambda i: f"a{i}: &a{i} x\n", 19_000),
    "flow-list.yml": repeated("a,", "dependencies: [", "]"),
    "empty-lists.yml": repeated("[],", "dependencies: [", "]"),
    "exploding-anchors.yml": exploding_anchors(),
    "exploding-merges.yml": exploding_merges(),
    "same-keys.yml": lines(lambda i: "a: 1\n", 19_000),
    "no-colons.yml": lines(lambda i: "name x\n", 19_000),
    "no-spaces.yml": lines(lambda i: "  -x\n", 19_000, "dependencies:\n"),
    "quotations.yml": lines(lambda i: '  - "x\n', 19_000, "a:\n"),
    "indented.yml": lines(lambda i: f"  - p{i}\n     - x\n", 9_000, PYTHON),
    "bad-conda.yml": lines(lambda i: f"  - p {i} bad ! {i}\n", 9_990, PYTHON),
    "mappings.yml": lines(lambda i: f"  - p{i}: {i}\n", 9_990, PYTHON),
    "bad.txt": lines(lambda i: f"p {i} bad=={i}\n", 9_990),
    "secrets.txt": lines(lambda i: f"--index-url https://a:b{i}@h.org/s\n", 9_990),
    "too-many.txt": lines(lambda i: "a\n", 19_000),
    "too-many-lines.txt": lines(lambda i: "\n", 20_001, "a"),
    "hashes.txt": repeated(" --hash=sha256:0", "six==1"),
    "slashes.txt": repeated("a/"),
    "ats.txt": repeated("a@"),
    "options.txt": repeated("-r "),
    "brackets.txt": repeated("(", "six; "),
    "commas.txt": repeated(">=1,", "six"),
    "almost-an-export.txt": lines(lambda i: f"p{i}=1=0\n", 9_990, tail="x y z\n"),
    "deep.json": repeated("[", '{"a":'),
    "long-number.json": repeated("9", '{"a":', "}"),
    "wide.json": lines(lambda i: f'"k{i}":1,' if i < 69_999 else '"k":1', 70_000, "{", "}"),
    "twice.json": lines(lambda i: f'"k{i}":1,' if i < 69_999 else '"k69998":1', 70_000, "{", "}"),
    "dependencies.json": repeated('"a",', '{"python":{"condaDependencies":{"dependencies":[', '"a"]}}}'),
    "channels.json": repeated('"a",', '{"python":{"condaDependencies":{"channels":[', '"a"]}}}'),
    "variables.json": lines(lambda i: f'"V{i}":{i},', 60_000, '{"python":{},"environmentVariables":{', '"V":0}}'),
    "dots.toml": repeated(".a", "a"),
    "brackets.toml": repeated("[", "a="),
    "inline.toml": repeated("b={", "a={"),
    "tables.toml": lines(lambda i: f"[a{i}]\n", 19_000),
    "packages.toml": repeated("{name='a',version='1'},", 'lock-version="1.0"\npackages=[', "]"),
    "long/Dockerfile": repeated("x", "FROM a:1\nRUN "),
    "no-words/Dockerfile": repeated("# \n", length=59_000),
    "bytes.yml": bytes(range(256)) * 3900,
}
ACCEPTED = {
    "conda.yml": lines(lambda i: f"  - pkg{i}=1.{i}\n", 9_990, PYTHON),
    "ranges.yml": lines(lambda i: f'  - "forge::pkg{i} >=1.{i},<3"\n', 9_990, PYTHON),
    "selectors.yml": lines(lambda i: f"  - pkg{i}=1  # [osx]\n", 9_990, PYTHON),
    "pip.yml": lines(lambda i: f"    - pkg{i}==1.{i}\n", 9_900, PYTHON + "  - pip:\n"),
    "comments.yml": repeated("# ", "a: 1\n"),
    "long-comment.yml": repeated("# [osx] ", "dependencies:\n  - a "),
    "pins.txt": lines(lambda i: f"pkg{i}==1.{i}\n", 9_990),
    "same.txt": lines(lambda i: "numpy\n", 9_990),
    "markers.txt": lines(lambda i: f"pkg{i} ; python_version < '3.{i}' and os_name == 'x{i}'\n", 9_990),
    "addresses.txt": lines(lambda i: f"pkg{i} @ https://h.org/p/pkg{i}-1.0-py3-none-any.whl\n", 9_990),
    "repositories.txt": lines(lambda i: f"git+https://h.org/p/pkg{i}@v1#egg=pkg{i}\n", 9_990),
    "hashes.txt": lines(lambda i: f"pkg{i}==1 --hash=sha256:{i:064x}\n", 9_000),
    "comments.txt": repeated(" #"),
    "continued.txt": repeated("a \\\n", "six \\\n", length=79_000),
    "explicit.txt": lines(lambda i: f"https://h.org/c/noarch/p{i}-1-0.conda\n", 9_990, "@EXPLICIT\n"),
    "export.txt": lines(lambda i: f"p{i}=1=0\n", 9_990),
    "pylock.toml": lines(lambda i: f'[[packages]]\nname="p{i}"\nversion="1"\n', 6_600, 'lock-version="1.0"\n'),
    "continued/Dockerfile": repeated("RUN \\\n", "FROM a:1\n", "x", length=79_000),
    "variables/Dockerfile": repeated("a=b ", "FROM a:1\nENV ", length=90_000),
    "quotations/Dockerfile": repeated('"\\', "FROM a:1\nENV a=", length=90_000),
    "heredocs/Dockerfile": lines(lambda i: f"RUN <<E{i} <<F{i}\n", 4_000, "FROM a:1\n"),
    "stages/Dockerfile": lines(lambda i: f"FROM a{i}:1 AS s{i}\n", 4_000),
    "unknown/Dockerfile": lines(lambda i: f"RUX{i} x\n", 9_000, "FROM a:1\n"),
    "arguments/Dockerfile": lines(lambda i: f"ARG A{i}=$A{i - 1}\n", 5_000, tail="FROM $A4999\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_megabyte_is_refused_soon(name):
    started = time.process_time()
    found = reading.read(name, REFUSED[name])
    assert time.process_time() - started < LONGEST
    assert found.definition is None
    assert len(found.as_dict(name)["findings"]) <= 25_000


@pytest.mark.parametrize("name", ACCEPTED)
def test_ten_thousand_of_anything_are_read_soon(name):
    started = time.process_time()
    found = reading.read(name, ACCEPTED[name])
    assert time.process_time() - started < LONGEST
    if name != "continued.txt":
        assert [each.message for each in found.findings if each.severity == "error"] == []


HUNGRY = (
    "nul.yml",
    "many-anchors.yml",
    "empty-lists.yml",
    "exploding-anchors.yml",
    "exploding-merges.yml",
    "dependencies.json",
    "wide.json",
    "secrets.txt",
    "addresses.txt",
    "stages/Dockerfile",
)


def test_the_hungriest_of_them_need_little_memory():
    code = (
        "from environments.formats import reading; from environments.tests import test_hostile as t\n"
        "for name in t.HUNGRY: reading.read(name, (t.REFUSED | t.ACCEPTED)[name])\n"
        "print(t.resource.getrusage(t.resource.RUSAGE_SELF).ru_maxrss)"
    )
    top = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=top, capture_output=True, text=True, check=True, preexec_fn=_limit_memory
    )
    assert int(done.stdout) // 1024 < MOST_MEMORY


def _limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
