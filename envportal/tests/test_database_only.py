"""The option --database-only leaves out only what cannot differ by the database."""

import threading

import pytest

from conftest import asks_for_the_database
from environments.models import Workspace


def test_what_asks_for_no_database_is_refused_one(request, client):
    assert not asks_for_the_database(request.node)
    refused = []

    def ask():
        with pytest.raises(RuntimeError, match="Database access not allowed"):
            Workspace.objects.count()
        refused.append(True)

    thread = threading.Thread(target=ask)
    for look in (ask, thread.start, thread.join):
        look()
    assert refused == [True, True]


def test_a_fixture_that_asks_for_it_is_seen(request, editor):
    assert asks_for_the_database(request.node)


def test_a_server_that_asks_for_it_is_seen(request, live_server):
    assert asks_for_the_database(request.node)


@pytest.mark.django_db
def test_a_mark_is_seen(request):
    assert asks_for_the_database(request.node)
