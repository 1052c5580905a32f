"""The scheduler: what is sound, what may run next, what hangs on what; on tables and on random graphs."""

from itertools import pairwise

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from domain.scheduling.dag import BadGraph, downstream, find_cycle, ready, validate

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


@pytest.mark.parametrize(("waiting", "succeeded", "expected"), [
    ("abcd", "", "a"),
    ("bcd", "a", "bc"),
    ("cd", "ab", "c"),
    ("d", "ab", ""),
    ("d", "abc", "d"),
    ("", "abcd", ""),
    ("bc", "", ""),  # a was taken, and has not succeeded
])
def test_ready_is_what_waits_and_has_everything_before_it_done(waiting, succeeded, expected):
    assert ready(DIAMOND, tuple(waiting), tuple(succeeded)) == tuple(expected)


def test_ready_keeps_the_graphs_own_order():
    assert ready({"z": (), "a": (), "m": ()}, {"a", "m", "z"}, ()) == ("z", "a", "m")


@pytest.mark.parametrize(("edges", "path"), [
    ({"a": ("a",)}, ("a", "a")),
    ({"a": ("x",)}, ("a", "x")),
    ({"a": ("b",), "b": ("a",)}, ("a", "b", "a")),
    ({"a": (), "b": ("d",), "c": ("b",), "d": ("c",)}, ("b", "d", "c", "b")),
])
def test_an_unsound_graph_is_refused_with_the_offending_path(edges, path):
    with pytest.raises(BadGraph) as refusal:
        validate(edges)
    assert refusal.value.path == path
    assert path[0] in str(refusal.value)


@pytest.mark.parametrize("edges", [{}, {"a": ()}, DIAMOND, {"a": (), "b": ("a", "a")}])
def test_a_sound_graph_passes(edges):
    validate(edges)


@pytest.mark.parametrize(("roots", "expected"), [("d", "d"), ("b", "bd"), ("a", "abcd"), ("bc", "bcd"), ("", "")])
def test_downstream_is_everything_that_hangs_on_the_roots(roots, expected):
    assert downstream(DIAMOND, roots) == frozenset(expected)


def test_a_chain_of_ten_thousand_is_no_deeper_than_one():
    chain = {f"n{n}": (f"n{n - 1}",) if n else () for n in range(10_000)}
    validate(chain)
    assert ready(chain, chain, ()) == ("n0",)
    assert ready(chain, {"n9999"}, [f"n{n}" for n in range(9_999)]) == ("n9999",)
    assert ready(chain, tuple(chain), tuple(chain)) == tuple(chain)
    assert len(downstream(chain, ["n0"])) == 10_000
    chain["n0"] = ("n9999",)
    with pytest.raises(BadGraph) as refusal:
        validate(chain)
    assert len(refusal.value.path) == 10_001


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Acyclic: each node depends only on some before it; the nodes then stand in any order."""
    size = draw(st.integers(1, 14))
    edges = {f"n{n}": tuple(draw(st.lists(st.sampled_from([f"n{k}" for k in range(n)]), unique=True, max_size=4))) if n else () for n in range(size)}
    return {node: edges[node] for node in draw(st.permutations(list(edges)))}


@over(graphs(), st.sets(st.integers(0, 13)), st.sets(st.integers(0, 13)))
def test_nothing_is_ready_before_what_it_depends_on(edges, waiting, succeeded):
    for node in ready(edges, {f"n{n}" for n in waiting}, {f"n{n}" for n in succeeded}):
        assert set(edges[node]) <= {f"n{n}" for n in succeeded}
        assert node in {f"n{n}" for n in waiting}


@over(graphs())
def test_running_what_is_ready_comes_to_the_end_of_every_acyclic_graph(edges):
    validate(edges)
    waiting, done = set(edges), set()
    while released := ready(edges, waiting, done):
        waiting -= set(released)
        done |= set(released)
    assert done == set(edges)


@over(graphs(), st.data())
def test_a_planted_cycle_is_found_and_its_path_is_one(edges, data):
    node = data.draw(st.sampled_from(list(edges)))
    below = data.draw(st.sampled_from(sorted(downstream(edges, [node]))))
    edges = {**edges, node: (*edges[node], below)}
    with pytest.raises(BadGraph) as refusal:
        validate(edges)
    path = refusal.value.path
    assert path[0] == path[-1]
    assert all(after in edges[before] for before, after in pairwise(path))


@over(graphs())
def test_an_acyclic_graph_has_no_cycle(edges):
    assert find_cycle(edges) == ()


@over(graphs(), st.data())
def test_downstream_and_its_complement_divide_the_graph(edges, data):
    roots = data.draw(st.sets(st.sampled_from(list(edges))))
    found = downstream(edges, roots)
    assert found >= roots
    assert all(node in found or not set(dependencies) & found for node, dependencies in edges.items())
