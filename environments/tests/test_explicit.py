import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition
from environments.faults import UserFault
from environments.formats import explicit, reading

MD5 = "cf7190238072a41e9579e4476a6a60b8"
FILE = f"""\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: linux-64
@EXPLICIT
https://h.org/forge/linux-64/_libgcc_mutex-0.1-conda_forge.tar.bz2#{MD5}
https://h.org/forge/linux-64/zlib-1.2.11-h36c2ea0_1013.conda#sha256:{MD5}{MD5}
https://h.org/forge/noarch/tzdata-2024a-h0_0.conda
"""
EXPORT = """\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: linux-64
_libgcc_mutex=0.1=main
python=3.10.4=h12debd9_0
pip=21.2.4=py310h06a4308_0
six=1.16.0=pypi_0
"""


def read(text):
    return reading.read("list.txt", text)


def test_an_explicit_list_names_exact_files():
    found = read(FILE)
    assert found.format == "explicit"
    assert [(spec.name, spec.version, spec.build) for spec in found.definition.conda] == [
        ("_libgcc_mutex", "==0.1", "conda_forge"),
        ("zlib", "==1.2.11", "h36c2ea0_1013"),
        ("tzdata", "==2024a", "h0_0"),
    ]
    assert [each.code for each in found.findings] == ["python-unstated"]


def test_an_explicit_list_comes_out_as_it_went_in():
    again = explicit.write(read(FILE).definition)
    assert again == "".join(f"{line}\n" for line in FILE.splitlines() if not line.startswith("#"))
    assert read(again).definition.identity == read(FILE).definition.identity


def test_an_export_gives_conda_packages_and_those_of_pip():
    found = read(EXPORT)
    assert found.format == "conda-export"
    assert found.document["python"]["condaDependencies"]["dependencies"] == [
        "_libgcc_mutex=0.1=main",
        "python=3.10.4=h12debd9_0",
        "pip=21.2.4=py310h06a4308_0",
        {"pip": ["six==1.16.0"]},
    ]
    assert found.definition.python == "=3.10.4"


def test_a_mistake_in_a_list_has_its_line():
    text = FILE + "https://h.org/forge/linux-64/readme.txt\nhttps://me:hunter2@h.org/c/noarch/a-1-0.conda\n"
    assert [(each.code, each.line) for each in read(text).findings if each.severity == "error"] == [
        ("conda-invalid", 8),
        ("credentials", 9),
    ]
    assert "hunter2" not in " ".join(each.message for each in read(text).findings)


def test_only_exact_files_can_be_written_as_an_explicit_list():
    wanted = definition.read(definition.compose("3.11", ["x"], ["gdal"], ["six"]))
    with pytest.raises(UserFault, match="not all are named so here: python, gdal, pip, six"):
        explicit.write(wanted)


names = st.from_regex(r"_?[a-z][a-z0-9]{0,6}(-[a-z]{1,4})?", fullmatch=True)
builds = st.from_regex(r"[a-z0-9]{1,6}_[0-9]{1,3}", fullmatch=True)
versions = st.from_regex(r"(1!)?[0-9]{1,3}(\.[0-9]{1,2}){0,2}[a-z]?", fullmatch=True)
files = st.builds(
    "https://h.org/{}/{}/{}-{}-{}{}".format,
    st.sampled_from(["forge", "a/b"]),
    st.sampled_from(["noarch", "linux-64"]),
    names,
    versions,
    builds,
    st.sampled_from([".conda", ".tar.bz2", f".conda#{MD5}"]),
)


@given(st.lists(files, min_size=1, max_size=6))
def test_any_explicit_list_reads_back_the_same(lines):
    text = "\n".join(["@EXPLICIT", *lines, ""])
    assert explicit.write(read(text).definition) == text


@given(st.lists(st.builds("{}={}={}".format, names, versions, builds), min_size=1, max_size=6))
def test_any_export_keeps_every_line(lines):
    found = read("\n".join(lines))
    assert found.format == "conda-export"
    assert found.document["python"]["condaDependencies"]["dependencies"] == lines
