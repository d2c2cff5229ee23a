import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.formats import dockerfile, reading
from environments.formats.dockerfile import DockerfileFault
from environments.policy import ImageRule, PackageRule, Policy

FILE = """\
# syntax=docker/dockerfile:1
# escape=\\

ARG TAG=22.04
ARG REGISTRY
FROM --platform=linux/amd64 ubuntu:${TAG} AS base
RUN --mount=type=cache,target=/var/cache \\
    # a comment in between

    apt-get update && \\
    apt-get install -y git
RUN <<EOF
FROM nothing:1
echo hello
EOF
COPY --from=other /a /b
FROM base
FROM scratch AS empty
FROM ${REGISTRY}/x:1
FROM h.org:5000/y@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
env PATH=/x:$PATH TOKEN="abc def" A=b
ENV OLD value with spaces
LABEL a.b="c"
"""


def findings(text):
    return [(each.code, each.line) for each in reading.read("Dockerfile", text).findings]


def test_instructions_are_read_with_the_lines_where_they_begin():
    read = dockerfile.read(FILE)
    assert [(each.word, each.line) for each in read] == [
        ("ARG", 4),
        ("ARG", 5),
        ("FROM", 6),
        ("RUN", 7),
        ("RUN", 12),
        ("COPY", 16),
        ("FROM", 17),
        ("FROM", 18),
        ("FROM", 19),
        ("FROM", 20),
        ("ENV", 21),
        ("ENV", 22),
        ("LABEL", 23),
    ]
    assert read[3].rest == "--mount=type=cache,target=/var/cache apt-get update && apt-get install -y git"


def test_the_base_images_are_those_of_no_stage_with_their_defaults_filled_in():
    digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    assert list(dockerfile.base_images(dockerfile.read(FILE))) == [("ubuntu:22.04", 6), (f"h.org:5000/y@{digest}", 20)]


def test_variables_of_the_image_are_known_by_name():
    read = {each.line: each.variables for each in dockerfile.read(FILE)}
    assert read[21] == [("PATH", "/x:$PATH"), ("TOKEN", "abc def"), ("A", "b")]
    assert read[22] == [("OLD", "value with spaces")]
    assert read[4] == [("TAG", "22.04")]


@pytest.mark.parametrize(
    ("line", "takes"),
    [
        ("COPY a b", True),
        ("ADD a b", True),
        ("COPY --chown=1 a b", True),
        ("COPY --from=x a b", False),
        ("ADD https://h.org/a b", False),
        ("ADD https://h.org/a x b", True),
        ("COPY <<EOF b\nx\nEOF", False),
        ("RUN x", False),
    ],
)
def test_which_lines_take_files_of_a_context(line, takes):
    assert dockerfile.read(f"FROM a\n{line}\n")[1].takes_files is takes


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("# nothing\n", 1, "The Dockerfile is empty: it needs a line FROM image:tag."),
        ("RUN x\n", 1, "A Dockerfile begins with FROM image:tag, and here stands RUN."),
        ("ARG A\n\nRUN x\nFROM a\n", 3, "A Dockerfile begins with FROM image:tag, and here stands RUN."),
        ("ARG A=1\n", 1, "No line FROM image:tag says what the image is built on."),
        ("FROM a\nRUN\n", 2, "RUN says nothing."),
        ("FROM a b\n", 1, "FROM is followed by one image, and perhaps by AS name."),
    ],
)
def test_what_is_no_dockerfile_is_refused_with_its_line(text, line, reason):
    with pytest.raises(DockerfileFault) as raised:
        dockerfile.read(text)
    assert (raised.value.line, raised.value.reason) == (line, reason)
    assert findings(text) == [("dockerfile-invalid", line)]


def test_another_escape_character_is_obeyed():
    read = dockerfile.read("# escape=`\nFROM a\nRUN x `\n  y\nRUN c:\\\n")
    assert [(each.rest, each.line) for each in read[1:]] == [("x y", 3), ("c:\\", 5)]


def test_what_is_unwise_in_a_dockerfile_is_said_at_its_line():
    text = """\
FROM ubuntu
FROM python:latest
FROM ubuntu:18.04 AS old
FROM old
COPY . /app
ENV API_TOKEN=abc HOME=/x
ARG PASSWORD
RUM pip install x
FROM NO_CAPITALS
"""
    assert findings(text) == [
        ("image-invalid", 9),
        ("image-untagged", 1),
        ("image-latest", 2),
        ("image-deprecated", 3),
        ("dockerfile-files", 5),
        ("dockerfile-secret", 6),
        ("dockerfile-unknown", 8),
    ]
    assert "RUN is probably meant" in reading.read("Dockerfile", text).findings[-1].message


INSTALLS = """\
FROM h.org/base:1
RUN --mount=type=cache,target=/x apt-get update && pip install --no-cache-dir "idna<3" -i https://i.org/s -r all.txt rich==13.0
RUN ["python3", "-m", "pip", "install", "certifi==1"]
RUN micromamba install -y -n base -c bioconda \\
    numpy=1.26 ; uv pip install six
RUN apt-get install -y git && echo pip
RUN pip install "not closed
"""


def test_what_pip_and_conda_are_asked_for_is_read():
    assert list(dockerfile.installs(dockerfile.read(INSTALLS))) == [
        ("pip", "idna<3", 2),
        ("index", "https://i.org/s", 2),
        ("pip", "rich==13.0", 2),
        ("pip", "certifi==1", 3),
        ("channel", "bioconda", 4),
        ("conda", "numpy=1.26", 4),
        ("pip", "six", 4),
        ("pip", '"not', 7),
        ("pip", "closed", 7),
    ]


def test_it_is_held_to_the_policy_at_its_line():
    policy = Policy(
        blocked=(
            PackageRule("idna", "Ask Vera.", "", "", "<2.9"),
            PackageRule("numpy", "", "", "conda"),
            PackageRule("rich", constraint="<13"),
            PackageRule("six", "", "", "conda"),
        ),
        channels=("conda-forge",),
        own_indexes=("https://a.org/s",),
        blocked_images=(ImageRule("base:1*", "Old.", "h.org/base:2"),),
    )
    found = reading.read("Dockerfile", INSTALLS, policy).findings
    assert sorted((each.code, each.line) for each in found) == [
        ("channel-not-allowed", 4),
        ("image-blocked", 1),
        ("index-not-allowed", 2),
        ("package-blocked", 4),
        ("package-blocked-some", 2),
    ]


def test_a_dockerfile_brings_its_own_python():
    found = reading.read("Dockerfile", "FROM h.org/base:1\nRUN x\n")
    assert found.definition.document == {
        "python": {"userManagedDependencies": True},
        "docker": {"baseDockerfile": "FROM h.org/base:1\nRUN x\n"},
    }
    assert found.findings == ()


@given(st.text(max_size=80) | st.text(alphabet="FROMRUNENVARG a=\\\n#<E\"'${}:-@", max_size=80))
def test_no_text_raises_anything_but_the_one_fault(text):
    try:
        read = dockerfile.read(text)
    except DockerfileFault as fault:
        line = fault.line
    else:
        list(dockerfile.base_images(read))
        list(dockerfile.installs(read))
        line = max(each.line for each in read)
        assert all(isinstance(each.takes_files, bool) and isinstance(each.variables, list) for each in read)
    assert 1 <= line <= text.count("\n") + 1
