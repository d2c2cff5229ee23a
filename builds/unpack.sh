#!/bin/sh
# Makes this environment work where it stands. Call it once after unpacking, and again after moving the folder.
#
#     bin/env-unpack [PYTHON]
#
# PYTHON is needed by environments that bring none: a Python of the version that they were made with.
set -eu
here=$(cd "$(dirname -- "$0")/.." && pwd -P)
python=${1:-}
if [ -z "$python" ] && [ -f "$here/pyvenv.cfg" ]; then
    version=$(sed -n 's/^version\(_info\)\{0,1\} *= *\([0-9]*\.[0-9]*\).*/\2/p' "$here/pyvenv.cfg" | head -n 1)
    # One that runs: a shim may stand for a version that is not installed.
    if ! python=$(command -v "python$version") || ! "$python" -c "" 2>/dev/null; then
        echo "This environment needs Python $version, and no python$version on PATH runs." >&2
        echo "Install one, or say where it is: bin/env-unpack /path/to/python$version" >&2
        exit 1
    fi
fi
exec "${python:-$here/bin/python}" -I "$here/.unpack/unpack.py" "$here"
