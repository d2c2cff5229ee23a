"""Ask a conda channel by py-rattler. A process of its own, because that may take much memory, or abort.

    python -I channel_data.py QUESTION ANSWER_FILE

QUESTION is JSON: `channel` (a name or an address), `alias` (the address that names are below; empty for
py-rattler's own), `cache` (a folder), `platforms`, and `name` for one package, null for the names of all.
The file then holds a name on each line, or for one package JSON: [[version, [build, ...]], ...], newest first.
"""

import asyncio
import json
import os
import sys
from functools import cmp_to_key

from packaging.version import InvalidVersion, Version
from rattler import Channel, ChannelConfig, Gateway, SourceConfig


def is_prerelease(version):
    """Conda has no mark for it; where a version reads as one of PEP 440, that says it."""
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def newest_first(records):
    """Return [(version, builds)], pre-releases last."""
    builds = {}
    for record in sorted(records, key=lambda record: record.build_number, reverse=True):
        builds.setdefault(str(record.version), []).append(str(record.build))
    parsed = {str(record.version): record.version for record in records}

    def compare(one, other):
        return (parsed[one] > parsed[other]) - (parsed[one] < parsed[other])

    ordered = sorted(sorted(builds), key=cmp_to_key(compare), reverse=True)
    ordered.sort(key=is_prerelease)
    return [(version, list(dict.fromkeys(builds[version]))) for version in ordered]


async def ask(question):
    """Return the text of the answer."""
    config = ChannelConfig(question["alias"]) if question["alias"] else ChannelConfig()
    channel = Channel(question["channel"], config)
    # Sharded data breaks when a server says that nothing has changed.
    gateway = Gateway(cache_dir=question["cache"], default_config=SourceConfig(sharded_enabled=False))
    about = {"platforms": question["platforms"], "channel_relations": "disabled"}
    if question["name"] is None:
        return "".join(f"{name.normalized}\n" for name in await gateway.names([channel], **about))
    found = await gateway.query([channel], specs=[question["name"]], recursive=False, **about)
    return json.dumps(newest_first([record for records in found for record in records]))


def main(question, path):
    answer = asyncio.run(ask(json.loads(question)))
    with open(path, "w") as file:
        file.write(answer)


if __name__ == "__main__":
    code = 1
    try:
        main(*sys.argv[1:])
        code = 0
    except BaseException as fault:  # whatever it was, in one line: the parent only tells whether it went well
        print(f"{type(fault).__name__}: {fault}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(code)  # its threads crash now and then on the ordinary way out
