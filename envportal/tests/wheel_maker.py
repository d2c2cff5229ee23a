"""Makes small wheels that are real: they can be resolved, installed and imported."""

import io
import zipfile


def make_wheel(name="demo_pkg", version="1.0", requires=(), code="x = 1\n", metadata=None, leave_out=(), more=()):
    """Return the bytes of a wheel that has one module, and `more` files as (path, text)."""
    folder = f"{name}-{version}.dist-info"
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = dict(more) | {
        f"{name}/__init__.py": code,
        f"{folder}/METADATA": metadata,
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{folder}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{folder}/RECORD"])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            if path.rsplit("/", 1)[-1] not in leave_out:
                archive.writestr(zipfile.ZipInfo(path), text)
    return data.getvalue()
