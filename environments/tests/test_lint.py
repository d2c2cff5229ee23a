from datetime import date

import pytest

from environments import definition
from environments.lint import name_is_secret
from environments.policy import ImageRule, PackageRule, Policy, bare_image

TODAY = Policy(today=date(2026, 1, 15))
HERE = "python.condaDependencies"


def said(*dependencies, policy=TODAY, channels=("forge",), locked=None, **sections):
    """What is said of these dependencies, as (code, place)."""
    section = {"channels": list(channels), "dependencies": list(dependencies)}
    examined = definition.examine({"python": {"condaDependencies": section}, **sections}, policy, locked)
    return [(each.code, each.where.removeprefix(f"{HERE}.")) for each in examined.findings]


def messages(*dependencies, policy=TODAY, **sections):
    section = {"channels": ["forge"], "dependencies": list(dependencies)}
    examined = definition.examine({"python": {"condaDependencies": section}, **sections}, policy)
    return [each.message for each in examined.findings]


def fixes(*dependencies, policy=TODAY, locked=None):
    section = {"channels": ["forge"], "dependencies": list(dependencies)}
    examined = definition.examine({"python": {"condaDependencies": section}}, policy, locked)
    return [each.fix and (each.fix.title, each.fix.verb, each.fix.value) for each in examined.findings]


# Python


@pytest.mark.parametrize(
    ("python", "today", "codes"),
    [
        ("python=3.11", date(2026, 1, 15), []),
        ("python=3.8", date(2026, 1, 15), ["python-ended"]),
        ("python=2.7", date(2026, 1, 15), ["python-ended"]),
        ("python=3.10", date(2026, 5, 3), []),
        ("python=3.10", date(2026, 5, 5), ["python-ends"]),
        ("python=3.10", date(2026, 10, 31), ["python-ends"]),
        ("python=3.10", date(2026, 11, 1), ["python-ended"]),
        ("python>=3.8", date(2026, 1, 15), []),
        ("python>=3.6,<3.9", date(2026, 1, 15), ["python-ended"]),
        ("python=3.8|=3.12", date(2026, 1, 15), []),
        ("python=3.8.13=*_cpython", date(2026, 1, 15), ["python-ended"]),
        ("python=9.9", date(2026, 1, 15), []),
        ("python", date(2026, 1, 15), []),
        ("python *", date(2026, 1, 15), []),
        ("python==3.10.0rc1", date(2026, 1, 15), []),
    ],
)
def test_the_end_of_a_python_is_known_to_the_day(python, today, codes):
    assert [code for code, _ in said(python, "numpy=1", policy=Policy(today=today))] == codes


def test_the_end_of_a_python_is_said_with_its_date():
    assert messages("python=3.8", "a=1") == ["Python 3.8 has had no security fixes since 7 October 2024."]
    soon = Policy(today=date(2026, 9, 1))
    assert messages("python=3.10", "a=1", policy=soon) == [
        "Python 3.10 gets security fixes until 31 October 2026 only."
    ]


def test_dates_that_administrators_keep_count():
    policy = Policy(today=date(2026, 1, 15), python_ends={"3.12": date(2026, 1, 1)})
    assert said("python=3.12", "a=1", policy=policy) == [("python-ended", "dependencies[0]")]


def test_a_python_that_is_missing_twice_or_none():
    assert said("a=1") == [("python-unstated", "dependencies")]
    assert fixes("a=1") == [("Add python=3.12", "insert", "python=3.12")]
    assert said("python=3.11", "a=1", "python=3.12") == [("python-twice", "dependencies[2]")]
    assert messages("python=3.11", "a=1", "python") == ["Python is asked for in several versions: =3.11 and any."]
    assert said("python=3.11", "a=1", "python =3.11") == []
    assert said("python=abc", "a=1") == [("python-invalid", "dependencies[0]")]
    assert said("python=3.11", "pip=x.y", "a=1") == [("python-invalid", "dependencies[1]")]
    assert messages("python=3.11", "pip=x.y", "a=1") == [
        "“=x.y” is no version of pip. Write 3.11, =3.11.7 or >=3.10,<3.13."
    ]


def test_a_python_that_no_worker_has_is_said_where_conda_does_not_bring_it():
    policy = Policy(today=date(2026, 1, 15), pythons=("3.11.7", "3.12.1"))
    pip = {"pip": ["six==1"]}
    assert said("python=3.13", "pip=24", pip, policy=policy) == [("python-absent", "dependencies[0]")]
    assert messages("python=3.13", "pip=24", pip, policy=policy) == [
        "Python 3.13 is not on this portal, so a build fails. There are 3.11.7, 3.12.1."
    ]
    assert said("python=3.12", "pip=24", pip, policy=policy) == []
    assert said("python=3.13", "numpy=1", policy=policy) == []


def test_a_definition_whose_packages_stand_in_a_file_elsewhere_is_refused():
    (finding,) = definition.examine({"python": {"condaDependenciesFile": "../env.yml"}}).findings
    assert (finding.code, finding.where) == ("pip-file", "python.condaDependenciesFile")
    given = {"condaDependenciesFile": "../env.yml", "condaDependencies": {"dependencies": ["python=3.12", "a=1"]}}
    assert "pip-file" not in [finding.code for finding in definition.examine({"python": given}).findings]


# Channels


@pytest.mark.parametrize(
    ("channels", "verb"), [(["defaults"], "set"), (["defaults", "conda-forge"], "remove"), (["other", "r"], "set")]
)
def test_conda_forge_takes_the_place_of_a_licensed_channel_and_does_not_stand_twice(channels, verb):
    section = {"dependencies": ["python=3.12", "a=1"], "channels": channels}
    (finding,) = definition.examine({"python": {"condaDependencies": section}}).findings
    assert (finding.code, finding.fix.verb) == ("channel-licence", verb)


@pytest.mark.parametrize(
    ("channels", "found"),
    [
        (["forge"], []),
        ([], [("no-channels", HERE)]),
        (["forge", "nodefaults"], []),
        (["defaults"], [("channel-licence", "channels[0]")]),
        (["https://h.org/pkgs/main/"], [("channel-licence", "channels[0]")]),
        (["a", "b", "a"], [("channel-twice", "channels[2]")]),
        (["https://anna:hunter2@h.org/a"], [("credentials", "channels[0]")]),
        (["https://h.org/t/hunter2-hunter2/a"], [("credentials", "channels[0]")]),
        (["https://h.org/t/${TOKEN}/a"], [("secret-named", "channels[0]")]),
        (["https://me:${TOKEN}@h.org/a"], [("secret-named", "channels[0]")]),
        (["https://${HOST}/a"], [("placeholder", "channels[0]"), ("secret-named", "channels[0]")]),
        (["${CHANNEL}"], [("placeholder", "channels[0]"), ("secret-named", "channels[0]")]),
        (["https://me:$TOKEN@h.org/a"], [("placeholder", "channels[0]")]),
        (["https://me:${token}@h.org/a"], [("placeholder", "channels[0]")]),
        (["https://${ME}:hunter2@h.org/a"], [("credentials", "channels[0]"), ("secret-named", "channels[0]")]),
        (["file:///srv/channel"], [("channel-file", "channels[0]")]),
        (["./channel"], [("channel-file", "channels[0]")]),
        (["~/channel"], [("channel-file", "channels[0]")]),
        (["C:\\channel"], [("channel-file", "channels[0]")]),
        (["s3://bucket/channel"], [("channel-file", "channels[0]")]),
        (["https://[h"], [("channel-invalid", "channels[0]")]),
    ],
)
def test_what_is_said_of_channels(channels, found):
    assert said("python=3.12", "a=1", channels=channels) == found


def test_pip_alone_needs_no_channel():
    assert said("python=3.12", "pip=24", {"pip": ["six==1"]}, channels=[]) == []


@pytest.mark.parametrize(
    ("channels", "dependency", "found"),
    [
        (["forge"], "a=1", []),
        (["FORGE/linux-64"], "a=1", []),
        (["https://h.org/conda/ours"], "a=1", []),
        (["nodefaults", "forge"], "a=1", []),
        (["other"], "a=1", [("channel-not-allowed", "channels[0]")]),
        (["forged"], "a=1", [("channel-not-allowed", "channels[0]")]),
        (["https://h.org/condamned"], "a=1", [("channel-not-allowed", "channels[0]")]),
        (["forge"], "other::a=1", [("channel-not-allowed", "dependencies[1]")]),
        (["forge"], "a[channel=other, version=1]", [("channel-not-allowed", "dependencies[1]")]),
        (["forge"], "https://h.org/conda/ours/noarch/a-1-0.conda", []),
        (["forge"], "https://x.org/c/noarch/a-1-0.conda", [("channel-not-allowed", "dependencies[1]")]),
    ],
)
def test_only_allowed_channels_are_accepted(channels, dependency, found):
    policy = Policy(today=date(2026, 1, 15), channels=("forge", "https://h.org/conda"))
    assert said("python=3.12", dependency, channels=channels, policy=policy) == found


# Packages


def test_what_is_not_pinned_is_said_and_pinned_to_what_the_lock_has():
    locked = {("conda", "numpy"): "1.26.4", ("pip", "six"): "1.16.0", ("pip", "idna"): "3.6"}
    asked = ("python=3.12", "pip=24", "forge::NumPy >=1", {"pip": ["Six[x]>=1", 'idna ; os_name == "nt"', "new"]})
    assert fixes(*asked, locked=locked) == [
        ("Pin to =1.26.4", "set", "forge::NumPy=1.26.4"),
        ("Pin to ==1.16.0", "set", "Six[x]==1.16.0"),
        None,
        None,
    ]


@pytest.mark.parametrize(
    "text", ["numpy=1.26", "numpy==1.26", "numpy 1.26", "numpy=1.26=h0_1", "numpy=1!2.3", "numpy[version=1.26]"]
)
def test_what_counts_as_pinned_for_conda(text):
    assert said("python=3.12", text) == []


@pytest.mark.parametrize(
    "text", ["numpy", "numpy>=1", "numpy=1.*", "numpy=1|2", "numpy *", "numpy~=1.2", "numpy[build=x]"]
)
def test_what_does_not_count_as_pinned_for_conda(text):
    assert said("python=3.12", text) == [("unpinned", "dependencies[1]")]


def test_packages_that_stand_twice():
    assert said("python=3.12", "pip=24", "a=1", "b=1", "A=2", {"pip": ["b==1", "c==1", "C==2"]}) == [
        ("twice", "dependencies[4]"),
        ("both", "dependencies[5].pip[0]"),
        ("twice", "dependencies[5].pip[2]"),
    ]


def test_a_package_that_stands_once_for_each_system_stands_once():
    lines = ['a==1 ; os_name == "nt"', 'a==2 ; os_name != "nt"']
    assert said("python=3.12", "pip=24", {"pip": lines}) == []


def test_pip_belongs_among_the_conda_packages_with_a_version():
    assert said("python=3.12", {"pip": ["a==1"]}) == [("pip-not-listed", "dependencies[1]")]
    assert said("python=3.12", "pip", {"pip": ["a==1"]}) == [("pip-unpinned", "dependencies[1]")]
    assert said("python=3.12", "pip") == [("no-dependencies", "dependencies")]


def test_indexes_are_said_and_only_one_can_be_the_first():
    lines = ["--index-url https://a.org/s", "--extra-index-url https://b.org/s", "--index-url https://c.org/s", "x==1"]
    assert said("python=3.12", "pip=24", {"pip": lines}) == [
        ("index-own", "dependencies[2].pip[0]"),
        ("index-own", "dependencies[2].pip[1]"),
        ("pip-option-repeated", "dependencies[2].pip[2]"),
    ]


def test_only_allowed_indexes_are_accepted_and_addresses_count_as_such():
    policy = Policy(today=date(2026, 1, 15), indexes=("https://a.org/s",))
    wheel = f"https://portal.org/workspaces/team/wheels/{'0' * 64}/x-1-py3-none-any.whl"
    lines = [
        "--index-url https://a.org/s/",
        "--find-links https://b.org/s",
        "y @ https://b.org/y-1-py3-none-any.whl",
        wheel,
    ]
    assert said("python=3.12", "pip=24", {"pip": lines}, policy=policy) == [
        ("pip-url", "dependencies[2].pip[2]"),
        ("index-own", "dependencies[2].pip[0]"),
        ("index-not-allowed", "dependencies[2].pip[1]"),
        ("index-not-allowed", "dependencies[2].pip[2]"),
    ]


def test_a_blocked_package_is_refused_with_its_message_and_replacement():
    policy = Policy(
        today=date(2026, 1, 15),
        blocked=(PackageRule("Old_Thing", "It is unsafe.", "new-thing==2"), PackageRule("gone")),
    )
    asked = ("python=3.12", "pip=24", "gone=1", {"pip": ["old-thing==1"]})
    assert messages(*asked, policy=policy) == ["gone is blocked here.", "Old_Thing is blocked here. It is unsafe."]
    assert fixes(*asked, policy=policy) == [None, ("Use new-thing==2", "set", "new-thing==2")]


def test_a_required_package_is_asked_for():
    policy = Policy(today=date(2026, 1, 15), required=(PackageRule("Audit.Log", "Ask Vera.", "audit-log==1.2"),))
    assert messages("python=3.12", "a=1", policy=policy) == ["Audit.Log is required here. Ask Vera."]
    assert fixes("python=3.12", "a=1", policy=policy) == [("Add audit-log==1.2", "to-pip", "audit-log==1.2")]
    assert said("python=3.12", "audit-log=1", policy=policy) == []
    assert said("python=3.12", "pip=24", {"pip": ["audit_log==1"]}, policy=policy) == []


def test_a_python_of_the_image_is_not_remarked_upon():
    section = {"userManagedDependencies": True, "condaDependencies": {"dependencies": ["numpy"]}}
    assert definition.examine({"python": section}, TODAY).findings == ()


def test_a_base_environment_of_conda_is_said():
    examined = definition.examine({"python": {"baseCondaEnvironment": "base", "userManagedDependencies": True}}, TODAY)
    assert [(each.code, each.where) for each in examined.findings] == [("base-conda", "python.baseCondaEnvironment")]


# Images


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("h.org/a:1", None),
        ("h.org/a@sha256:" + "0" * 64, None),
        ("h.org:5000/a", "image-untagged"),
        ("a:latest", "image-latest"),
        ("ubuntu:18.04", "image-deprecated"),
        ("h.org/library/ubuntu:18.04", "image-deprecated"),
        ("h.org/azureml/openmpi3.1.2-ubuntu18.04:20210922.v1", "image-deprecated"),
        ("h.org/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1", None),
        ("debian:9.13-slim", "image-deprecated"),
    ],
)
def test_what_is_said_of_a_base_image(image, code):
    found = said("python=3.12", "a=1", docker={"baseImage": image})
    assert found == ([(code, "docker.baseImage")] if code else [])


def test_images_that_administrators_keep_are_deprecated_with_their_words():
    policy = Policy(today=date(2026, 1, 15), deprecated_images=(ImageRule("team/*:1.*", "Moved.", "team/base:2"),))
    docker = {"baseImage": "h.org/team/base:1.4"}
    assert messages("python=3.12", "a=1", policy=policy, docker=docker) == ["h.org/team/base:1.4 is deprecated. Moved."]
    examined = definition.examine({"python": None, "docker": docker}, policy)
    assert [each.fix.value for each in examined.findings if each.code == "image-deprecated"] == ["team/base:2"]


@pytest.mark.parametrize(
    ("image", "bare"),
    [
        ("Ubuntu:22.04", "ubuntu:22.04"),
        ("h.org:5000/library/ubuntu:22.04@sha256:0", "ubuntu:22.04"),
        ("localhost/a", "a"),
        ("team/a", "team/a"),
    ],
)
def test_an_image_without_its_registry(image, bare):
    assert bare_image(image) == bare


# Variables and R


def test_variables_of_runs_and_secrets_are_said():
    variables = {
        "AZUREML_RUN_ID": "1",
        "PATH": "/x",
        "API_TOKEN": "abc",
        "TOKEN_FILE": "",
        "DB_PASSWORD": "${X}",
        "A": "1",
    }
    assert said("python=3.12", "a=1", environmentVariables=variables) == [
        ("variable-reserved", "environmentVariables.AZUREML_RUN_ID"),
        ("variable-reserved", "environmentVariables.PATH"),
        ("variable-secret", "environmentVariables.API_TOKEN"),
    ]
    assert "abc" not in " ".join(messages("python=3.12", "a=1", environmentVariables=variables))


def test_the_variables_of_a_conda_file_are_looked_at_like_the_others():
    section = {"dependencies": ["python=3.12", "a=1"], "channels": ["x"], "variables": {"WANDB_API_KEY": "abc", "A": 1}}
    findings = definition.examine({"python": {"condaDependencies": section}}).findings
    assert [(each.code, each.where) for each in findings] == [
        ("variable-secret", "python.condaDependencies.variables.WANDB_API_KEY")
    ]


@pytest.mark.parametrize("name", ["TOKEN", "hf_token", "API_KEY", "MY-SECRET", "DB_PASSWORD_FILE", "SAS", "apikey"])
def test_names_of_secrets(name):
    assert name_is_secret(name, "x")


@pytest.mark.parametrize("name", ["TOKENIZERS", "KEYBOARD", "PASSAGE", "COMPASS", "SASS_DIR", "MONKEY"])
def test_names_that_only_look_like_it(name):
    assert not name_is_secret(name, "x")


def test_r_is_deprecated_and_its_tokens_are_secrets():
    section = {"githubPackages": [{"repository": "a/b", "authToken": "hunter2"}, {"repository": "c/d"}]}
    assert said("python=3.12", "a=1", r=section) == [("r-deprecated", "r"), ("secret", "r.githubPackages[0].authToken")]


# From source


def test_a_line_that_has_packages_built_from_source_says_what_that_means():
    pip = {"pip": ["--no-binary numpy,six", "numpy==1", "six==1"]}
    assert said("python=3.12", "pip=24", pip) == [("from-source", "dependencies[2].pip[0]")]
    assert messages("python=3.12", "pip=24", pip) == [
        "numpy and six are built from source: code of the package runs while it is built, in the sandbox and without"
        " network. The lock has the hash of the source, and not what builds it."
    ]


def test_who_names_what_is_not_asked_for_is_told():
    pip = {"pip": ["--no-binary nunpy", "numpy==1"]}
    assert said("python=3.12", "pip=24", pip) == [
        ("from-source", "dependencies[2].pip[0]"),
        ("from-source-other", "dependencies[2].pip[0]"),
    ]
    assert fixes("python=3.12", "pip=24", pip)[1] == ("Remove this line", "remove", None)


@pytest.mark.parametrize(("confined", "codes"), [(None, []), (True, []), (False, ["from-source-open"])])
def test_where_no_worker_has_a_sandbox_that_is_said_before_a_build_fails(confined, codes):
    pip = {"pip": ["--no-binary numpy", "numpy==1"]}
    policy = Policy(today=TODAY.today, confined=confined)
    assert [code for code, _ in said("python=3.12", "pip=24", pip, policy=policy)] == ["from-source", *codes]
