"""The broker without a server, taken from while somebody puts."""

import contextlib
import multiprocessing
from queue import Empty

from kombu import Connection

import envportal.celery  # noqa: F401, which names ours

MESSAGES = 2000


def put(channel):
    for number in range(MESSAGES):
        channel._put("celery", {"number": number})


def test_a_message_is_taken_whole_or_not_at_all(tmp_path):
    options = {"data_folder_in": tmp_path, "data_folder_out": tmp_path, "control_folder": tmp_path / "control"}
    taken = []
    with Connection("filesystem://", transport_options=options) as connection:
        puts, takes = connection.channel(), connection.channel()
        putting = multiprocessing.get_context("fork").Process(target=put, args=(puts,))
        putting.start()
        while putting.is_alive() or any(tmp_path.glob("*.msg")):
            with contextlib.suppress(Empty):
                taken.append(takes._get("celery")["number"])
    putting.join()
    assert sorted(taken) == list(range(MESSAGES))
