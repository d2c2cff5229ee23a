"""How long resolving takes while somebody types: 20 packages, with a warm cache.

    python -m bench.resolve [RUNS]

Needs a portal that was set up (its database and cache are used) and a worker that has reported its Pythons.
"""

import os
import statistics
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "envportal.settings")
django.setup()

from django.conf import settings  # noqa: E402

from bench.portal import machine  # noqa: E402
from builds import preview, registry, uv, worker  # noqa: E402
from environments import definition  # noqa: E402

TWENTY = [
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "requests",
    "rich",
    "pydantic",
    "fastapi",
    "uvicorn",
    "httpx",
    "pyyaml",
    "jinja2",
    "click",
    "tqdm",
    "joblib",
    "pillow",
    "networkx",
    "sqlalchemy",
    "seaborn",
]


def measure(words, wanted, runs):
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        answer = preview.resolve(wanted, "bench")
        took.append(time.perf_counter() - began)
        if answer.failure:
            sys.exit(answer.failure.reason)
    print(f"{words}: min {min(took):.2f} s, median {statistics.median(took):.2f} s, most {max(took):.2f} s of {runs}")
    return answer


def main(runs):
    print(machine())
    worker.report_pythons("bench")
    settings.WORK.mkdir(parents=True, exist_ok=True)
    wanted = definition.read(definition.compose(settings.DEFAULT_PYTHON, [], [], TWENTY))
    answer = measure("first", wanted, 1)
    print(f"{len(TWENTY)} asked for, {len(answer.packages)} locked")
    measure("asking the tool's own index", wanted, runs)
    settings.INDEX_URL = settings.INDEX_URL or registry.index_url()
    measure("the first time of an index that the settings name", wanted, 1)
    measure("the index that the settings name", wanted, runs)
    # The resolver as it is, but told that there is no index.
    os.environ["UV_OFFLINE"] = "1"
    uv.PASSED_ON = (*uv.PASSED_ON, "UV_OFFLINE")
    measure("from the cache alone", wanted, runs)


main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
