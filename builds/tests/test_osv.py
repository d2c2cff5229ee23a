"""Entries have the form of the export's own files, which stand in `advisories/`."""

import json
from pathlib import Path

import pytest

from builds import cvss, osv
from builds.lock import Package
from builds.pypi_names import is_assessable, pypi_name

FILES = Path(__file__).parent / "advisories"


def document(name="GHSA-cpwx-vrp4-4pq7"):
    return json.loads((FILES / f"{name}.json").read_text())


def affected(*events, versions=()):
    said = {"package": {"ecosystem": "PyPI", "name": "idna"}, "versions": list(versions)}
    said["ranges"] = [{"type": "ECOSYSTEM", "events": [dict([event]) for event in events]}] if events else []
    return osv.read(document() | {"affected": [said]}).affected[0]


def test_an_entry_says_who_it_is_how_bad_and_where_more_stands():
    entry = osv.read(document())
    assert (entry.id, entry.aliases, entry.is_withdrawn) == ("GHSA-cpwx-vrp4-4pq7", ("CVE-2025-27516",), False)
    assert (entry.severity, entry.score) == ("high", 7.8)
    assert entry.vector == "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"
    assert entry.summary.startswith("Jinja2 vulnerable to sandbox breakout")
    assert entry.url == "https://nvd.example.org/vuln/detail/CVE-2025-27516"
    assert [each.name for each in entry.affected] == ["jinja2"]


def test_an_entry_without_summary_and_severity_says_what_it_has():
    entry = osv.read(document("PYSEC-2023-192"))
    assert (entry.severity, entry.score, entry.vector) == ("", None, "")
    assert entry.summary.startswith("urllib3 is a user-friendly HTTP client")
    assert entry.url.endswith("advisories/GHSA-v845-jxx5-vc9f")


def test_of_other_ecosystems_nothing_counts_and_names_are_normalised():
    entry = osv.read(document("MAL-2024-1234"))
    assert [(each.name, each.versions, each.ranges) for each in entry.affected] == [("reqeusts", frozenset({"1"}), ())]


def test_ranges_of_one_project_are_put_together():
    entry = osv.read(document("GHSA-v845-jxx5-vc9f"))
    [one] = entry.affected
    assert [one.has(version) for version in ("1.26.16", "1.26.17", "2.0.0", "2.0.5", "2.0.6")] == [
        True, False, True, True, False,
    ]  # fmt: skip
    assert (one.fixed_after("1.26.16"), one.fixed_after("2.0.1"), one.fixed_after("3")) == ("1.26.17", "2.0.6", "")


@pytest.mark.parametrize(
    ("events", "version", "is_meant"),
    [
        ([("introduced", "0"), ("fixed", "3.1.6")], "3.1.6", False),
        ([("introduced", "0"), ("fixed", "3.1.6")], "3.1.6rc1", True),
        ([("introduced", "0"), ("fixed", "3.1.6")], "3.1.10", False),
        ([("introduced", "0"), ("fixed", "3.1.6")], "0.dev0", True),
        ([("introduced", "0"), ("last_affected", "1.0")], "1.0", True),
        ([("introduced", "0"), ("last_affected", "1.0")], "1.0.0", True),
        ([("introduced", "0"), ("last_affected", "1.0")], "1.0+cu118", True),
        ([("introduced", "0"), ("last_affected", "1.0")], "1.0.post1", False),
        ([("introduced", "0"), ("fixed", "1.0")], "1.0+cu118", False),
        ([("introduced", "1.0"), ("fixed", "2.0")], "0.9", False),
        ([("introduced", "1.9")], "1.10", True),
        ([("introduced", "1.0")], "1!0.1", True),
        ([("fixed", "1.2"), ("introduced", "1.0"), ("introduced", "2.0")], "1.5", False),
        ([("fixed", "1.2"), ("introduced", "1.0"), ("introduced", "2.0")], "2.0", True),
    ],
)
def test_a_range_means_a_version_by_pep_440(events, version, is_meant):
    assert affected(*events).has(version) is is_meant


@pytest.mark.parametrize(("version", "is_meant"), [("1.0", True), ("1.0.0", True), ("1.0+local", True), ("1.1", False)])
def test_a_list_means_the_versions_that_it_names(version, is_meant):
    assert affected(versions=["1.0", "nonsense"]).has(version) is is_meant


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": None}, "Its id is missing, or is none."),
        ({"id": "a b"}, "Its id is missing, or is none."),
        ({"modified": "yesterday"}, "It does not say when it was modified."),
        ({"modified": "2024-01-01T00:00:00"}, "Its time of modification has no zone."),
        ({"aliases": "CVE-1"}, "Its aliases are no list."),
        ({"affected": [{"package": {"ecosystem": "PyPI"}}]}, "A package that it affects has no name."),
        (
            {"affected": [{"package": {"ecosystem": "PyPI", "name": "idna"}}]},
            "It names neither versions nor a range of idna.",
        ),
        (
            {
                "affected": [
                    {
                        "package": {"ecosystem": "PyPI", "name": "idna"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "next"}]}],
                    }
                ]
            },
            "A range of idna names “next”, which is no version.",
        ),
    ],
)
def test_what_is_no_entry_is_refused_with_a_reason(change, why):
    with pytest.raises(osv.OsvFault) as fault:
        osv.read(document() | change)
    assert str(fault.value) == why


def test_a_link_is_one_that_a_browser_may_open():
    references = [{"type": "ADVISORY", "url": "javascript:alert(1)"}, {"type": "WEB", "url": "https://a.example.org/x"}]
    assert osv.read(document() | {"references": references}).url == "https://a.example.org/x"


def test_letters_that_no_database_keeps_are_left_out():
    assert osv.read(document() | {"summary": "a\0b \ud800c"}).summary == "ab c"


# The scores are those that the documents of CVSS 3.1 and well-known entries give.
@pytest.mark.parametrize(
    ("vector", "score", "word"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, "medium"),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, "critical"),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N", 5.9, "medium"),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8, "high"),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.6, "low"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, "none"),
    ],
)
def test_a_vector_is_counted_as_the_standard_says(vector, score, word):
    assert (cvss.score(vector), cvss.word(score)) == (score, word)


@pytest.mark.parametrize(
    "vector", ["", "CVSS:4.0/AV:L/AC:L", "CVSS:3.1/AV:N", "AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSS:3.1/AV:X/A:H"]
)
def test_what_is_no_vector_of_version_3_is_not_turned_into_a_number(vector):
    assert cvss.score(vector) is None


def test_without_a_vector_that_can_be_counted_the_publisher_s_word_stands():
    four = [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:L/AC:L"}]
    entry = osv.read(document() | {"severity": four})
    assert (entry.severity, entry.score, entry.vector) == ("medium", None, "CVSS:4.0/AV:L/AC:L")


FORGE = "https://channels.example.org/conda-forge"


@pytest.mark.parametrize(
    ("manager", "name", "channel", "url", "found"),
    [
        ("pip", "Jinja2", "", "https://files.example.org/a.whl", "jinja2"),
        ("pip", "demo-pkg", "", f"wheels/{'0' * 64}/demo_pkg-1.0-py3-none-any.whl", None),
        ("conda", "numpy", FORGE, "", "numpy"),
        ("conda", "numpy", f"{FORGE}/", "", "numpy"),
        ("conda", "numpy", "conda-forge", "", "numpy"),
        ("conda", "jupyter_server", FORGE, "", "jupyter-server"),
        ("conda", "numpy", "https://channels.example.org/ours", "", None),
        ("conda", "numpy", "", "", None),
        ("conda", "openssl", FORGE, "", None),
        ("conda", "pytorch", FORGE, "", None),
    ],
)
def test_only_what_is_certain_is_a_project_of_pypi(manager, name, channel, url, found):
    package = Package(manager, name, "1.0", url, "", 0, True, channel=channel)
    assert pypi_name(package) == found


def test_a_version_that_pep_440_does_not_know_is_not_assessed():
    package = Package("conda", "numpy", "2024x_1", "", "", 0, True, channel=FORGE)
    assert not is_assessable(package)
