"""Who used this package? The answers are held against one that is counted row by row."""

import csv
import io
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from builds.lock import Package
from builds.models import Build, Lock, LockedPackage, Status, VersionLock
from environments import lifecycle
from environments.models import Label, Membership, Role, Workspace
from runs.models import Run, Use
from runs.reports import read
from runs.usage import Answer, Question
from runs.usage_forms import UsageForm
from runs.usage_rows import rows_of

SHA = {name: f"{n:064x}" for n, name in enumerate(("idna", "rich", "numpy", "openssl"), 1)}
DIGEST = f"sha256:{'a7' * 32}"
START = datetime(2026, 1, 1, tzinfo=UTC)


def package(manager, name, version, direct=True, licence="MIT", needed_by=()):
    return Package(
        manager, name, version, "", SHA.get(name, "9" * 64), 1, direct, licence=licence, requested_by=needed_by
    )


def built(version, by, *packages):
    """A build that succeeded with these packages."""
    lock = Lock.objects.store("3.11.4", "linux-64", packages)
    keys = {"image_key": version.image_key, "reuse_key": version.reuse_key}
    build = Build(version=version, asked_by=by, lock=lock, **keys)
    build.save(force_insert=True)
    assert build.finish(Status.SUCCEEDED, prefix="x")
    return build


def ran(version, by, **facts):
    return Run.objects.record(
        version.environment.workspace, by, version=version, **({"person": "ann", "started": START} | facts)
    )[0]


@pytest.fixture
def ask(editor):
    """The lines of one list of the answer, as the editor gets it."""

    def ask(of="versions", **asked):
        form = UsageForm(asked, editor)
        assert form.is_valid(), form.errors
        answer = Answer(form.question, editor)
        lines = list(rows_of(answer, of).everything())
        assert answer.counts[of] == len({(line["workspace"], line["environment"], line["version"]) for line in lines
                                         if line["environment"]} if of == "versions" else lines)  # fmt: skip
        return lines

    return ask


@pytest.fixture
def science(environment, editor, wanted):
    """Three versions: with idna 3.10, with idna 3.9 because of rich, and one that was never built."""
    one, two, three = (environment.register(wanted(f"idna=={v}"), editor)[0] for v in ("3.10", "3.9", "3.8"))
    built(one, editor, package("pip", "idna", "3.10"))
    built(two, editor, package("pip", "idna", "3.9", False, needed_by=("rich",)), package("pip", "rich", "13.0"))
    return one, two, three


def test_a_version_is_found_by_what_its_lock_has(ask, science):
    lines = ask(package="IDNA", version="<3.10")
    assert [(line["environment"], line["version"], line["package_version"]) for line in lines] == [
        ("science", 2, "3.9")
    ]
    assert (lines[0]["direct"], lines[0]["needed_by"], lines[0]["builds"], lines[0]["runs"]) == (False, "rich", 1, 0)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"package": "idna"}, [1, 2]),
        ({"package": "idna", "version": "3.10"}, [1]),
        ({"package": "idna", "how": "direct"}, [1]),
        ({"package": "idna", "how": "transitive"}, [2]),
        ({"package": "idna", "how": "declared"}, [1, 2, 3]),
        ({"package": "idna", "latest": True}, []),
        ({"package": "idna", "how": "declared", "latest": True}, [3]),
        ({"package": "idna", "manager": "conda"}, []),
        ({"package": "nothing"}, []),
        ({"sha256": SHA["rich"]}, [2]),
        ({"sha256": f" SHA256:{SHA['rich'].upper()} "}, [2]),
        ({"sha256": "9" * 8}, []),
        ({"licence": "mit"}, [1, 2]),
        ({"licence": "gpl"}, []),
        ({"package": "idna", "environment": "science", "number": 2}, [2]),
    ],
)
def test_each_part_of_the_question_narrows_the_answer(ask, science, asked, numbers):
    assert sorted(line["version"] for line in ask(**asked)) == numbers


def test_the_beginning_of_a_hash_finds_its_file(ask, environment, editor, wanted):
    version = environment.register(wanted("idna"), editor)[0]
    built(version, editor, replace(package("pip", "idna", "1"), sha256="abcdef12" + "f" * 56))
    built(version, editor, replace(package("pip", "idna", "2"), sha256="abcdef13" + "0" * 56))
    assert [line["package_version"] for line in ask(sha256="ABCDEF12")] == ["1"]
    assert [line["package_version"] for line in ask(sha256="sha256:abcdef13000")] == ["2"]
    assert ask(sha256="abcdef120") == []


def test_a_label_names_the_version_that_it_points_at_today(client, ask, science, environment, editor):
    Label.objects.point(environment, "prod", science[0], editor)
    asked = {"package": "idna", "environment": "science"}
    assert [line["version"] for line in ask(**asked, number="prod")] == [1]
    Label.objects.point(environment, "prod", science[1], editor)
    assert [line["version"] for line in ask(**asked, number="prod")] == [2]
    assert ask(**asked, number="latest") == []
    assert [line["version"] for line in ask(**asked, number="latest", how="declared")] == [3]
    client.force_login(editor)
    answer = client.get(reverse("api-usage"), asked | {"number": "prod"}).json()
    assert answer["number"] == [{"workspace": "team", "environment": "science", "version": 2}]
    page = client.get(reverse("audit"), asked | {"number": "prod"}).content.decode()
    assert f'prod is <a href="{science[1].get_absolute_url()}">version 2</a>' in page


@pytest.mark.parametrize(
    ("asked", "field", "told"),
    [
        ({"workspace": "taem"}, "workspace", "There is no workspace taem that you may see."),
        ({"environment": "scienec"}, "environment", "There is no environment scienec that you may see there."),
        ({"number": "prod"}, "number", "A label is of an environment, which is not named."),
        ({"environment": "science", "number": "prod"}, "number", "science has no version prod, and no label"),
        ({"environment": "science", "number": "4"}, "number", "science has no version 4, and no label"),
        ({"environment": "science", "number": "0"}, "number", "is a number, or a label."),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "until", "This day is before the first one."),
    ],
)
def test_a_place_that_there_is_not_is_a_fault_and_no_answer(api, client, science, editor, asked, field, told):
    answer = api(editor).get(reverse("api-usage"), asked | {"package": "idna"})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert told in answer.json()[field][0]
    client.force_login(editor)
    page = client.get(reverse("audit"), asked | {"package": "idna"})
    assert page.status_code == 422
    text = page.content.decode()
    assert told in text
    assert all(value in text for value in asked.values())  # nothing that was typed is lost


def test_a_stranger_is_told_that_a_workspace_is_not_there(api, science, stranger):
    asked = {"package": "idna", "workspace": "team"}
    told = {"workspace": ["There is no workspace team that you may see."]}
    assert api(stranger).get(reverse("api-usage"), asked).json() == told


def test_what_is_archived_can_be_left_out_and_is_found_otherwise(ask, science, environment, editor):
    lifecycle.archive(science[0], editor)
    assert sorted(line["version"] for line in ask(package="idna")) == [1, 2]
    assert [line["version"] for line in ask(package="idna", active=True)] == [2]
    assert sorted(line["version"] for line in ask(package="idna", active=True, how="declared")) == [2, 3]
    lifecycle.archive(environment, editor)
    for asked in ({}, {"how": "declared"}):
        assert ask(package="idna", active=True, **asked) == []
        assert ask(package="idna", **asked)


def test_what_a_run_reported_is_neither_direct_nor_transitive(ask, science, editor):
    ran(science[0], editor, report=read("idna==3.7\n"))
    assert {line["package_version"]: line["direct"] for line in ask(package="idna")} == {
        "3.10": True,
        "3.9": False,
        "3.7": None,
    }
    assert [line["package_version"] for line in ask(package="idna", how="direct")] == ["3.10"]
    assert [line["package_version"] for line in ask(package="idna", how="transitive")] == ["3.9"]


def test_versions_count_the_runs_that_were_asked_about(ask, science, editor):
    for person in ("ann", "ann", "bob"):
        ran(science[0], editor, person=person)
    assert [line["runs"] for line in ask(package="idna", person="ann")] == [2]
    assert [line["runs"] for line in ask(package="idna", person="ann", how="declared")] == [2]


def test_one_line_says_how_many_others_of_its_lock_are_meant(ask, environment, editor, wanted):
    version = environment.register(wanted("idna"), editor)[0]
    built(version, editor, package("pip", "rich", "1", False), package("pip", "idna", "2"), package("conda", "a", "3"))
    (line,) = ask(licence="mit")
    assert (line["package"], line["direct"], line["others"]) == ("a", True, 2)


def test_builds_and_runs_say_what_their_version_declares(client, ask, science, editor):
    ran(science[1], editor)
    for of in ("builds", "runs"):
        assert {line["constraint"] for line in ask(of, package="idna", how="declared", number="2")} == {"==3.9"}
    client.force_login(editor)
    page = client.get(reverse("audit"), {"package": "idna", "how": "declared", "of": "runs"}).content.decode()
    assert "==3.9" in page


def test_who_used_a_curated_version_elsewhere_is_nobodys_business(curated, viewer, stranger):
    elsewhere = Workspace.objects.create(name="away")
    facts = {"person": "eve", "started": START, "image_digest": DIGEST}
    Run.objects.record(elsewhere, stranger, version=curated, **facts)
    name = curated.declared.exclude(kind="image").first().name
    for asked, runs in (({"package": name, "how": "declared"}, [0]), ({"digest": DIGEST}, [])):
        form = UsageForm(asked, viewer)
        assert form.is_valid(), form.errors
        answer = Answer(form.question, viewer)
        assert [line["runs"] for line in rows_of(answer, "versions").everything()] == runs
        assert answer.counts["versions"] == len(runs)


def test_versions_without_a_lock_are_told_apart(science, editor):
    form = UsageForm({"package": "idna"}, editor)
    assert form.is_valid()
    assert Answer(form.question, editor).unlocked == 1


def test_names_are_those_of_pip_and_of_conda(ask, environment, editor, wanted):
    version = environment.register(wanted("ruamel.yaml"), editor)[0]
    built(version, editor, package("pip", "ruamel-yaml", "1"), package("conda", "ruamel.yaml", "2"))
    assert len(ask(package="Ruamel.Yaml", manager="pip", version="1")) == 1
    assert len(ask(package="Ruamel.Yaml", manager="conda", version="2")) == 1
    assert ask(package="Ruamel_Yaml", manager="conda") == []


def test_runs_are_found_by_lock_and_by_what_they_reported(ask, science, editor):
    ran(science[0], editor, name="of the lock")
    ran(science[0], editor, name="drifted", report=read("idna==3.7\n"))
    ran(science[2], editor, name="not known")
    Run.objects.record(
        science[0].workspace, editor, report=read("idna==3.7\n"), name="unregistered", person="bob", started=START
    )
    found = {line["name"]: line["package_version"] for line in ask("runs", package="idna")}
    assert found == {"of the lock": "3.10", "drifted": "3.7", "unregistered": "3.7"}
    assert [line["name"] for line in ask("runs", package="idna", person="bob")] == ["unregistered"]
    of_versions = [(line["version"], line["package_version"], line["runs"]) for line in ask(package="idna")]
    assert sorted(of_versions, key=str) == [(1, "3.10", 1), (1, "3.7", 1), (2, "3.9", 0), (None, "3.7", 1)]


def test_runs_of_a_day_and_a_person(ask, science, editor):
    for days, person in ((0, "ann"), (10, "ann"), (20, "bob")):
        ran(science[0], editor, person=person, started=START + timedelta(days=days), name=f"{person} {days}")
    asked = {"package": "idna", "since": "2026-01-05", "until": "2026-01-15"}
    assert [line["name"] for line in ask("runs", **asked)] == ["ann 10"]
    assert [line["version"] for line in ask(**asked)] == [1]
    assert ask(**asked | {"person": "bob"}) == []
    assert [line["name"] for line in ask("runs", package="idna", until="2026-01-21")] == ["bob 20", "ann 10", "ann 0"]


def test_a_base_image_is_found_with_and_without_its_tag(ask, environment, editor, wanted):
    for n, tag in enumerate(("1", "2")):
        docker = {"docker": {"baseImage": f"registry.example.org:5000/team/base:{tag}"}}
        environment.register(wanted(f"idna=={n}", **docker), editor)
    image = "Registry.example.org:5000/team/base"
    digest = f"sha256:{5:064x}"
    environment.register(wanted("idna==3", docker={"baseImage": f"{image}:3@{digest}"}), editor)
    environment.register(wanted("idna==4", docker={"baseImage": image}), editor)
    lines = f"ARG BASE={image}\nFROM ${{BASE}}:5 AS one\nFROM one\n"
    environment.register(wanted("idna==5", docker={"baseDockerfile": lines}), editor)
    assert sorted(line["version"] for line in ask(image=image)) == [1, 2, 3, 4, 5]
    for named, number in (("2", 2), ("3", 3), ("latest", 4), ("5", 5)):
        assert [line["version"] for line in ask(image=f"{image}:{named}")] == [number]
    for named in (f"@{digest.upper()}", f":3@{digest}"):
        assert [line["version"] for line in ask(image=image + named)] == [3]
    assert ask(image=f"{image}:2@{digest}") == []
    assert ask(image="base") == []


def test_an_image_digest_is_found_by_its_runs(ask, science, editor):
    ran(science[2], editor, image_digest=DIGEST, name="in it")
    for digest in (DIGEST, DIGEST.upper(), f" {DIGEST.removeprefix('sha256:')}"):
        assert [line["name"] for line in ask("runs", digest=digest)] == ["in it"]
        assert [line["version"] for line in ask(digest=digest)] == [3]


def test_nobody_finds_what_they_may_not_see(science, stranger, ask):
    answer = Answer(Question(package="idna"), stranger)
    assert answer.counts == {"environments": 0, "versions": 0, "builds": 0, "runs": 0, "lines": 0}
    assert answer.unlocked == 0
    assert [list(rows_of(answer, of).everything()) for of in ("versions", "builds", "runs")] == [[], [], []]


@pytest.mark.parametrize("seed", range(3))
def test_answers_equal_those_that_are_counted_one_by_one(person, wanted, seed):
    """Everything by chance: workspaces, versions, locks, builds, runs, and what is asked."""
    dice = random.Random(seed)  # noqa: S311
    by, names, versions = person("olga"), list(SHA), ["1.0", "1.2", "1.10", "2.0rc1", "2.0"]
    spaces = [Workspace.objects.create(name=f"w{n}") for n in range(3)]
    for space in spaces[:2]:
        Membership.objects.create(workspace=space, user=by, role=Role.VIEWER)
    locks = [
        [
            package(dice.choice(("pip", "conda")), name, dice.choice(versions), dice.random() < 0.5)
            for name in dice.sample(names, dice.randint(1, 4))
        ]
        for _ in range(8)
    ]
    runs, there = [], []
    for space in spaces:
        for e in range(2):
            environment = space.add_environment(f"e{e}", by)
            for n in range(3):
                version = environment.register(wanted(f"idna=={n}"), by)[0]
                packages = dice.choice(locks)
                if dice.random() < 0.7:
                    there.append((version, built(version, by, *packages)))
                for _ in range(dice.randint(0, 3)):
                    person_ = dice.choice(("ann", "bob"))
                    started = START + timedelta(days=dice.randint(0, 30))
                    report = read("".join(f"{p.name}=={p.version}\n" for p in packages if p.manager == "pip") or "x==1")
                    facts = {"report": report} if dice.random() < 0.3 else {}
                    runs.append(ran(version, by, person=person_, started=started, **facts))
    visible = {space.pk for space in spaces[:2]}
    for _ in range(30):
        asked = {"package": dice.choice(names), "version": dice.choice(("", "<1.10", ">=1.2,<2", "1.2", "!=1.0"))}
        asked["manager"] = dice.choice(("", "pip", "conda"))
        asked["how"] = dice.choice(("", "direct", "transitive"))
        if dice.random() < 0.5:
            asked |= {"person": "ann", "since": "2026-01-10"}
        form = UsageForm(asked, by)
        assert form.is_valid(), form.errors
        answer = Answer(form.question, by)

        def has(lock, asked=asked, form=form):
            return lock and any(
                p.name == asked["package"]
                and p.manager in (asked["manager"] or ("pip", "conda"))
                and form.versions.has(p.manager, p.version)
                and (asked["how"] == "" or (not lock.is_reported and p.direct == (asked["how"] == "direct")))
                for p in LockedPackage.objects.filter(lock=lock)
            )

        def counts(run, asked=asked):
            return "person" not in asked or (run.person == "ann" and run.started >= START + timedelta(days=9))

        wanted_runs = {r.pk for r in runs if r.workspace_id in visible and has(r.lock) and counts(r)}
        pairs = {(v.pk, b.lock_id) for v, b in there if v.environment.workspace_id in visible and has(b.lock)}
        of_runs = {(r.version_id, r.lock_id) for r in runs if r.pk in wanted_runs}
        wanted_pairs = of_runs if "person" in asked else pairs | of_runs
        assert set(answer.runs.values_list("pk", flat=True)) == wanted_runs
        assert set(answer.uses.values_list("version", "lock")) == wanted_pairs
        assert answer.counts == {
            "environments": len({Use.objects.get(version=v, lock=k).version.environment_id for v, k in wanted_pairs}),
            "versions": len({v for v, _ in wanted_pairs}),
            "builds": sum(v.environment.workspace_id in visible and bool(has(b.lock)) for v, b in there),
            "runs": len(wanted_runs),
            "lines": len(wanted_pairs),
        }


def test_the_index_counts_each_run_once(science, editor):
    runs = [ran(science[0], editor, started=START + timedelta(days=n), external_id=f"job {n}") for n in (3, 1, 2)]
    ran(science[0], editor, external_id="job 1", started=START)
    use = Use.objects.get(version=science[0])
    assert (use.runs, use.last_used) == (3, runs[0].started)
    assert timezone.now() - Use.objects.get(version=science[1]).last_used < timedelta(minutes=5)


def test_a_build_that_another_supplied_counts_too(science, editor):
    again = science[0].builds.request(science[0], editor)
    assert again.reused_from
    other = science[0].workspace.add_environment("other", editor)
    copy = other.register(science[0].definition, editor)[0]
    assert copy.builds.request(copy, editor).reused_from
    assert Use.objects.filter(version=copy, lock=again.lock).exists()


def test_a_lock_for_another_platform_is_found_once_it_is_kept(ask, environment, editor, wanted):
    version = environment.register(wanted("idna==3.10"), editor)[0]
    lock = Lock.objects.store("3.11.4", "linux-aarch64", [package("pip", "idna", "3.10")])
    VersionLock.objects.offer(version, lock, editor)
    assert ask(package="idna") == []
    VersionLock.objects.keep(version, lock, editor)
    assert [(line["version"], line["builds"]) for line in ask(package="idna")] == [(1, 0)]


# The page, the API and the files


def test_what_a_deleted_build_had_is_still_counted_and_the_list_says_so(client, science, viewer):
    asked = {"package": "idna", "version": "<3.10", "of": "builds"}
    client.force_login(viewer)
    assert "deleted since" not in client.get(reverse("audit"), asked).content.decode()
    Build.objects.get(version=science[1]).delete()
    page = client.get(reverse("audit"), asked).content.decode()
    assert "Yes: 1 version of 1 environment contains idna &lt;3.10" in page
    assert "1 build installed it." in page
    assert "1 more installed it, and was deleted since." in page


def test_the_page_says_yes_and_who(client, science, viewer, editor):
    ran(science[1], editor)
    client.force_login(viewer)
    page = client.get(reverse("audit"), {"package": "idna", "version": "<3.10"}).content.decode()
    assert "Yes: 1 version of 1 environment contains idna &lt;3.10" in page
    assert "1 run had it, and 1 build installed it." in page
    assert "Not counted: 1 version that names it and was never built" in page
    assert (
        "No: nothing that you may see contains nothing"
        in client.get(reverse("audit"), {"package": "nothing"}).content.decode()
    )


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"package": "idna", "version": ">>1"}, "version"),
        ({"package": "idna", "version": ">1.0.*"}, "version"),
        ({"version": "1"}, "version"),
        ({"package": "idna", "licence": "MIT"}, "licence"),
        ({"sha256": "xyz"}, "sha256"),
        ({"sha256": "abcdef1"}, "sha256"),
        ({"sha256": "a" * 65}, "sha256"),
        ({"digest": "sha256:abcdef12"}, "digest"),
        ({"digest": "latest"}, "digest"),
        ({"package": "idna", "since": "soon"}, "since"),
        ({"package": "i\0dna"}, "package"),
        ({"licence": "MIT", "how": "declared"}, "how"),
        ({"package": "idna", "of": "services"}, "of"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_by_field(client, api, viewer, asked, field):
    assert list(api(viewer).get(reverse("api-usage"), asked).json()) == [field]
    client.force_login(viewer)
    assert client.get(reverse("audit"), asked).status_code == 422
    assert client.get(reverse("audit-export", args=["csv"]), asked).status_code == 422


def test_the_api_gives_lines_and_counts(api, science, viewer):
    answer = api(viewer).get(reverse("api-usage"), {"package": "idna", "version": "3.9"}).json()
    assert answer["counts"] == {"environments": 1, "versions": 1, "builds": 1, "runs": 0, "lines": 1}
    assert (answer["unlocked"], answer["next"]) == (1, None)
    (line,) = answer["results"]
    assert (line["workspace"], line["environment"], line["version"], line["package_version"]) == (
        *("team", "science"),
        *(2, "3.9"),
    )
    assert "package" in api(viewer).get(reverse("api-usage")).json()


def test_the_files_equal_the_screen_and_run_nothing(client, science, viewer, editor):
    for n, script in enumerate(("=cmd|' /C calc'!A0", "train.py", "@SUM(1)")):
        ran(science[0], editor, script=script, started=START + timedelta(days=n))
    client.force_login(viewer)
    asked = {"package": "idna", "of": "runs"}
    seen = client.get(reverse("audit"), asked).context["lines"]
    as_csv = b"".join(client.get(reverse("audit-export", args=["csv"]), asked).streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [row["run_id"] for row in rows] == [line["run_id"] for line in seen]
    assert [row["script"] for row in rows] == ["'@SUM(1)", "train.py", "'=cmd|' /C calc'!A0"]
    as_json = json.loads(b"".join(client.get(reverse("audit-export", args=["json"]), asked).streaming_content))
    assert [row["script"] for row in as_json] == [line["script"] for line in seen]
    empty = client.get(reverse("audit-export", args=["json"]), {"package": "nothing"})
    assert json.loads(b"".join(empty.streaming_content)) == []


def rows_of_file(client, kind, asked):
    text = b"".join(client.get(reverse("audit-export", args=[kind]), asked).streaming_content).decode()
    return json.loads(text) if kind == "json" else list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("of", ["versions", "builds", "runs"])
@pytest.mark.parametrize(
    "subject",
    [
        {"package": "jinja2"},
        {"package": "jinja2", "how": "declared"},
        {"package": "jinja2", "person": "ann"},
        {"advisory": "CVE-2025-27516"},
        {"licence": "MIT"},
        {"sha256": "9" * 10},
        {"image": "team/base"},
        {"digest": DIGEST},
    ],
)
def test_files_screen_and_api_say_the_same(client, environment, editor, wanted, advisories, subject, of):
    """Every question, each of its lists: the same lines in the same order, as many as are counted."""
    for n, minor in enumerate((4, 5, 4)):
        definition = wanted(f"jinja2==3.1.{minor}", f"rich=={n}", docker={"baseImage": f"team/base:{n}"})
        version = environment.register(definition, editor)[0]
        built(version, editor, package("pip", "jinja2", f"3.1.{minor}"), package("pip", "rich", str(n)))
        ran(version, editor, image_digest=DIGEST, started=START + timedelta(days=n))
    client.force_login(editor)
    asked = subject | {"of": of}
    page = client.get(reverse("audit"), asked)
    seen, counts = page.context["lines"], page.context["answer"].counts
    there = client.get(reverse("api-usage"), asked).json()
    of_json, of_csv = (rows_of_file(client, kind, asked) for kind in ("json", "csv"))
    assert len(seen) == 3 == counts["lines" if of == "versions" else of]
    assert of_json == [{name: line[name] for name in of_json[0]} for line in there["results"]]
    assert [list(row) for row in of_csv] == [list(row) for row in of_json]
    assert [row["version"] for row in of_csv] == [str(line["version"]) for line in seen]
    if "advisory" in subject:
        assert {(row["advisory"], row["severity"], row["fixed"]) for row in of_csv} == {
            ("GHSA-cpwx-vrp4-4pq7", "high", "3.1.6")
        }
        assert "GHSA-cpwx-vrp4-4pq7, fixed in 3.1.6" in page.content.decode()


def test_pages_turn_without_a_line_twice_or_left_out_while_others_come(client, science, editor):
    client.force_login(editor)
    old = [str(ran(science[0], editor, started=START + timedelta(minutes=n // 3)).pk) for n in range(7)]
    there = client.get(reverse("api-usage"), {"package": "idna", "of": "runs", "limit": 2}).json()
    seen = []
    while True:
        seen += [line["run_id"] for line in there["results"]]
        ran(science[0], editor, started=START + timedelta(days=9, minutes=len(seen)))  # before the first page
        if not there["next"]:
            break
        there = client.get(there["next"]).json()
    assert sorted(seen) == sorted(old)
    assert there["counts"]["runs"] == 10


def test_a_page_costs_the_same_however_many_lines(client, science, viewer, editor, django_assert_num_queries):
    client.force_login(viewer)
    for runs in (1, 3):
        for n in range(runs):
            ran(science[n % 2], editor)
        for of, count in (("versions", 17), ("builds", 18), ("runs", 17)):
            with django_assert_num_queries(count):
                client.get(reverse("audit"), {"package": "idna", "of": of})


# By advisory


def test_an_advisory_finds_who_has_what_it_means_by_any_of_its_names(ask, environment, editor, wanted, advisories):
    forge = "https://channels.example.org/conda-forge"
    one, two, three = (environment.register(wanted(f"idna=={v}"), editor)[0] for v in ("1", "2", "3"))
    built(one, editor, package("pip", "jinja2", "3.1.5"), replace(package("conda", "jinja2", "3.1.4"), channel=forge))
    built(two, editor, package("pip", "jinja2", "3.1.6"), replace(package("conda", "jinja2", "3.1.4"), channel="ours"))
    built(three, editor, package("pip", "urllib3", "2.0.5"))
    assert [line["version"] for line in ask(advisory="CVE-2025-27516")] == [1]
    assert [line["version"] for line in ask(advisory="ghsa-cpwx-vrp4-4pq7")] == [1]
    assert [line["version"] for line in ask(advisory="CVE-2023-43804")] == [3]
    assert [line["version"] for line in ask("builds", advisory="CVE-2025-27516")] == [1]


def test_an_advisory_that_nobody_knows_is_a_fault_and_no_answer(client, editor, request):
    client.force_login(editor)
    asked = {"advisory": "CVE-1999-0001"}
    assert "Not assessed: no advisories were imported yet." in client.get(reverse("audit"), asked).content.decode()
    request.getfixturevalue("advisories")
    answer = client.get(reverse("audit"), asked)
    assert answer.status_code == 422
    assert "No advisory that was imported is called CVE-1999-0001." in answer.content.decode()
    assert client.get(reverse("api-usage"), asked).status_code == 400


def test_the_answer_says_what_the_advisory_is(client, editor, advisories):
    client.force_login(editor)
    asked = {"advisory": "CVE-2025-27516"}
    assert client.get(reverse("api-usage"), asked).json()["advisories"] == [
        {
            "id": "GHSA-cpwx-vrp4-4pq7",
            "summary": "Jinja2 vulnerable to sandbox breakout through attr filter selecting format method",
            "severity": "high",
            "url": "https://nvd.example.org/vuln/detail/CVE-2025-27516",
            "affected": [{"name": "jinja2", "versions": "< 3.1.6"}],
        }
    ]
    page = client.get(reverse("audit"), asked).content.decode()
    assert "a package with CVE-2025-27516" in page
    assert "&lt; 3.1.6" in page
