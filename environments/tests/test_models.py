from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from environments import policy
from environments.faults import UserFault
from environments.models import Environment, Interpreter, Rule, Token, Version, Workspace


def test_versions_are_numbered_from_one(environment, editor, wanted):
    numbers = [environment.register(wanted(f"idna=={n}"), editor)[0].number for n in (1, 2, 3)]
    assert numbers == [1, 2, 3]


def test_an_identical_definition_returns_the_version_that_is_there(environment, editor, wanted):
    first, is_new = environment.register(wanted("idna==1"), editor, "One")
    environment.register(wanted("idna==2"), editor)
    again, is_new_again = environment.register(wanted("idna==1"), editor, "Two")
    assert (is_new, is_new_again, again) == (True, False, first)
    assert environment.latest.number == 2


def test_warnings_are_kept_with_the_version(environment, editor, wanted):
    version, _ = environment.register(wanted("idna"), editor)
    assert [finding["code"] for finding in version.findings] == ["pip-unpinned", "unpinned"]


@pytest.mark.django_db(transaction=True)
def test_twenty_clients_at_once_get_twenty_numbers(environment, editor, wanted):
    def register(n):
        try:
            return Environment.objects.get(pk=environment.pk).register(wanted(f"idna=={n}"), editor)[0].number
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as clients:
        numbers = list(clients.map(register, range(20)))
    assert sorted(numbers) == list(range(1, 21))


@pytest.mark.django_db(transaction=True)
def test_twenty_clients_with_the_same_definition_get_the_same_version(environment, editor, wanted):
    def register(_):
        try:
            return Environment.objects.get(pk=environment.pk).register(wanted("idna==1"), editor)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(register, range(20)))
    assert {version.number for version, _ in answers} == {1}
    assert [is_new for _, is_new in answers].count(True) == 1


def test_a_version_cannot_be_saved_again(version):
    version.message = "other"
    with pytest.raises(TypeError):
        version.save()
    with pytest.raises(TypeError):
        Version.objects.filter(pk=version.pk).update(message="other")


def test_the_database_itself_refuses_to_change_a_version(version):
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE environments_version SET message = 'other' WHERE id = %s", [version.pk])


def test_the_database_itself_refuses_a_number_twice(version, editor):
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.create(
            environment=version.environment, number=1, document={}, identity="x", image_key="x", author=editor
        )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "needs a name"),
        ("a" * 256, "at most 255"),
        ("two words", "Not allowed: a space"),
        ("naïve", "Not allowed: ï"),
        (".hidden", "begins with a letter or a digit"),
        ("AzureML-mine", "reserved"),
        ("azureml", "reserved"),
        ("MICROSOFT-x", "reserved"),
    ],
)
def test_a_name_that_may_not_be_given_is_refused_with_the_reason(workspace, editor, name, says):
    with pytest.raises(UserFault, match=says) as raised:
        workspace.add_environment(name, editor)
    assert raised.value.field == "name"
    assert not workspace.environments.exists()


def test_a_name_is_taken_in_one_workspace_and_free_in_another(environment, editor):
    with pytest.raises(UserFault, match="already has"):
        environment.workspace.add_environment(environment.name, editor)
    assert Workspace.objects.create(name="other").add_environment(environment.name, editor).pk


def test_the_policy_knows_what_administrators_decided_and_which_pythons_there_are(db, workspace):
    Interpreter.objects.bulk_create(Interpreter(worker="w", version=v, path="x") for v in ("3.9.1", "3.10.2", "3.11.7"))
    assert Interpreter.objects.matching("=3.10") == ["3.10.2"]
    kinds = Rule.Kind
    Rule.objects.bulk_create(
        [
            Rule(kind=kinds.PYTHON_ENDS, subject="3.11", date=date(2020, 1, 1)),
            Rule(kind=kinds.IMAGE_DEPRECATED, subject="ours:1*", message="Old.", replacement="ours:2"),
            Rule(kind=kinds.PACKAGE_BLOCKED, subject="pickle5", message="Unsafe.", replacement="cloudpickle"),
            Rule(kind=kinds.PACKAGE_REQUIRED, subject="our-agent"),
            Rule(kind=kinds.CHANNEL_ALLOWED, subject="conda-forge"),
            Rule(kind=kinds.INDEX_ALLOWED, subject="https://index.example.org/simple"),
        ]
    )
    found = Rule.objects.policy(workspace)
    assert found.pythons == ("3.11.7", "3.10.2", "3.9.1")
    assert (found.python_ends["3.11"], found.python_ends["3.8"]) == (date(2020, 1, 1), policy.PYTHON_ENDS["3.8"])
    assert found.image_rule("registry.example.org/ours:1.2") == policy.ImageRule("ours:1*", "Old.", "ours:2")
    assert found.blocked == (policy.PackageRule("pickle5", "Unsafe.", "cloudpickle"),)
    assert found.required == (policy.PackageRule("our-agent"),)
    assert (found.channels, found.indexes) == (("conda-forge",), ("https://index.example.org/simple",))
    assert found.wheels == frozenset()


def test_an_end_of_python_needs_a_version_and_a_date():
    for fields in ({"subject": "3.8"}, {"subject": "three", "date": date(2020, 1, 1)}):
        with pytest.raises(ValidationError, match="names a version such as"):
            Rule(kind=Rule.Kind.PYTHON_ENDS, **fields).clean()


def test_a_token_is_kept_as_a_hash_alone(editor, capsys):
    call_command("createtoken", "edgar")
    printed = capsys.readouterr().out.strip()
    token = Token.objects.get()
    assert token.digest == Token.digest_of(printed)
    assert printed not in str(vars(token))


def test_no_token_is_made_for_nobody(db):
    with pytest.raises(CommandError, match="no active user named nobody"):
        call_command("createtoken", "nobody")
