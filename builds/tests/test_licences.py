import pytest

from builds import licences


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("License: BSD", "BSD"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
        ("License: All of it\n        on several\n        lines\nClassifier: License :: OSI Approved :: ISC", "ISC"),
        ("Classifier: Topic :: Other", ""),
    ],
)
def test_a_licence_is_a_name_and_not_a_text(headers, licence):
    assert licences.of_metadata(f"Metadata-Version: 2.1\nName: Some_Thing\n{headers}\n\nLicense: none\n") == (
        "some-thing",
        licence,
    )


def test_a_prefix_says_those_that_it_has(tmp_path):
    for name, line in (("a", "License: MIT\n"), ("b", "")):
        folder = tmp_path / f"lib/python3.11/site-packages/{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_bytes(f"Name: {name}\n{line}Author: \xff".encode("latin-1"))
    assert licences.read(tmp_path) == {"a": "MIT"}
