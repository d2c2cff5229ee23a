"""Who needs whom in a lock, what each package brings along, and where they stand in the picture: without a database."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.needs import Needs
from builds.needs_picture import CHAINS, COLUMN, HEIGHT, NEEDS, WIDTH, Picture
from builds.tests.diff_cast import conda, pip


def graph(*edges, asked=(), size=10):
    """A lock of the packages that these `a>b` name, where a needs b."""
    needed_by = {}
    for edge in edges:
        above, _, name = edge.partition(">")
        needed_by.setdefault(above, [])
        needed_by.setdefault(name, []).append(above)
    names = sorted({*needed_by, *asked})
    return [
        pip(name, direct=name in asked, requested_by=tuple(needed_by.get(name, ())), size=size * (n + 1))
        for n, name in enumerate(names)
    ]


def key(name):
    return "pip", name


def names(keys):
    return [name for _, name in keys]


def brought(packages):
    found = Needs(packages).brought()
    return {row.package.name: (row.packages, row.size, row.alone, row.alone_size) for row in found}


def test_what_two_need_is_shared_and_what_one_needs_would_go_with_it():
    packages = graph("app>web", "app>json", "tool>json", "web>http", asked=("app", "tool"))
    # In this order, of 10, 20 … bytes: app, http, json, tool, web.
    assert brought(packages) == {"app": (4, 110, 3, 80), "tool": (2, 70, 1, 40)}


def test_one_that_another_needs_too_stays_without_being_asked_for():
    assert brought(graph("app>web", asked=("app", "web"))) == {"app": (2, 30, 1, 10), "web": (1, 20, 0, 0)}


def test_the_largest_comes_first_and_a_circle_ends():
    found = Needs(graph("a>b", "b>a", "c>c", asked=("a", "c"))).brought()
    assert [(row.package.name, row.packages, row.shared) for row in found] == [("a", 2, 0), ("c", 1, 0)]


def test_what_nobody_says_who_needs_is_told_apart():
    needs = Needs(graph("a>b", "lost>found", "gone>c", asked=("a",)))
    assert names(needs.unexplained()) == ["c", "found", "gone", "lost"]
    assert Needs([pip("a", requested_by=("not-in-the-lock",))]).needed_by == {key("a"): []}


def test_a_name_that_stands_with_conda_and_pip_means_both():
    packages = [conda("numpy"), pip("numpy"), pip("scipy", direct=False, requested_by=("numpy",))]
    assert Needs(packages).needed_by[key("scipy")] == [("conda", "numpy"), ("pip", "numpy")]


def test_chains_are_the_shortest_and_meet():
    packages = graph("a>x", "x>t", "a>y", "y>z", "z>t", "b>x", "t>u", asked=("a", "b", "t", "u"))
    needs = Needs(packages)
    assert [names(chain) for chain in needs.chains_to(key("t"))] == [["t"], ["a", "x", "t"], ["b", "x", "t"]]
    assert names(sorted(needs.below(key("a")))) == ["t", "u", "x", "y", "z"]
    assert needs.below(key("u")) == set()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("app", "app was asked for. It needs 1 package itself, and through it 1 more."),
        ("web", "web is here because of app. It needs 1 package itself."),
        ("tool", "tool was asked for, and is needed because of top, too. It needs nothing itself."),
        ("lost", "The lock does not say who needs lost. It needs nothing itself."),
        (
            "many",
            "many is here because of a0, a1 and 3 others that were asked for. It needs nothing itself.",
        ),
    ],
)
def test_the_answer_is_a_sentence(name, sentence):
    many = [f"a{n}>many" for n in range(5)]
    asked = ("app", "tool", "top", *(f"a{n}" for n in range(5)))
    packages = [*graph("app>web", "web>http", "top>tool", *many, asked=asked), pip("lost", direct=False)]
    assert Picture(Needs(packages), key(name)).sentence == sentence


def test_a_long_chain_is_shortened_and_says_by_how_many():
    packages = graph(*(f"p{n}>p{n + 1}" for n in range(6)), asked=("p0",))
    picture = Picture(Needs(packages), key("p6"))
    assert [(node.label, node.kind) for node in picture.nodes] == [
        ("p6", "chosen"), ("p5", "between"), ("4 between", "gap"), ("p0", "direct"),
    ]  # fmt: skip
    assert picture.width == 3 * COLUMN + WIDTH + 8


def test_it_stands_in_the_middle_of_what_leads_to_it():
    picture = Picture(Needs(graph("a>t", "b>t", "c>t", "t>u", asked="abc")), key("t"))
    row = {node.label: node.y for node in picture.nodes}
    assert row["a"] < row["b"] == row["t"] == row["u"] < row["c"]


def test_what_is_left_out_is_counted():
    above, below = [f"a{n}>t" for n in range(CHAINS + 3)], [f"t>z{n}" for n in range(NEEDS + 2)]
    picture = Picture(Needs(graph(*above, *below, asked=[edge[:2] for edge in above])), key("t"))
    assert [node.label for node in picture.nodes if node.kind == "gap"] == ["and 3 more", "and 2 more"]
    assert (len(picture.because), picture.more_because) == (CHAINS + 3, 0)


@st.composite
def locks(draw):
    names = [f"p{n}" for n in range(draw(st.integers(1, 14)))]
    one = st.sampled_from(names)
    edges = draw(st.lists(st.tuples(one, one), max_size=40))
    asked = draw(st.sets(one))
    return graph(*(f"{a}>{b}" for a, b in edges), asked=tuple(asked)) or [pip("p0")]


@given(locks())
def test_every_picture_is_inside_its_box_with_nothing_on_another(packages):
    needs = Needs(packages)
    for chosen in needs.packages:
        picture = Picture(needs, chosen)
        assert [node.kind for node in picture.nodes].count("chosen") == 1
        for node in picture.nodes:
            assert 0 <= node.x <= picture.width - WIDTH
            assert 0 <= node.y <= picture.height - HEIGHT
        places = sorted((node.x, node.y) for node in picture.nodes)
        assert all(b[0] > a[0] or b[1] - a[1] >= HEIGHT for a, b in itertools.pairwise(places))
        assert all(line.end.x - line.start.x == COLUMN for line in picture.lines)
        again = Picture(Needs(packages[::-1]), chosen)
        assert (again.nodes, again.lines, again.sentence) == (picture.nodes, picture.lines, picture.sentence)


@given(locks())
def test_what_each_brings_is_what_leads_from_it_and_what_nothing_else_leads_to(packages):
    needs = Needs(packages)
    reach = {each: needs.below(each) | {each} for each in needs.direct}
    for row in needs.brought():
        mine = (row.package.manager, row.package.name)
        others = set().union(*(found for each, found in reach.items() if each != mine))
        alone = reach[mine] - others
        assert (row.packages, row.alone) == (len(reach[mine]), len(alone))
        assert row.alone_size == sum(needs.packages[each].size for each in alone)
        assert row.shared_size + row.alone_size == sum(needs.packages[each].size for each in reach[mine])


@given(locks())
def test_chains_begin_with_what_was_asked_for_and_each_needs_the_next(packages):
    needs = Needs(packages)
    for target in needs.packages:
        for chain in needs.chains_to(target):
            assert chain[0] in needs.direct
            assert chain[-1] == target
            assert len(set(chain)) == len(chain)
            assert all(above in needs.needed_by[below] for above, below in itertools.pairwise(chain))
