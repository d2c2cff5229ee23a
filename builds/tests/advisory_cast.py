"""Exports of advisories that tests import: the files in `advisories/`, as they are or changed."""

import json
import zipfile
from pathlib import Path

FILES = Path(__file__).parent / "advisories"
JINJA, URLLIB, URLLIB_TOO, MALICE = (
    "GHSA-cpwx-vrp4-4pq7",
    "GHSA-v845-jxx5-vc9f",
    "PYSEC-2023-192",
    "MAL-2024-1234",
)


def document(name=JINJA, **changes):
    return json.loads((FILES / f"{name}.json").read_text()) | changes


def export(path, *documents, **texts):
    """Write a zip of these documents, or of all example files; `texts` are further entries as they stand."""
    documents = documents or [document(file.stem) for file in sorted(FILES.glob("*.json"))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in documents:
            archive.writestr(f"{each['id']}.json", json.dumps(each))
        for name, text in texts.items():
            archive.writestr(f"{name}.json", text)
    return str(path)
