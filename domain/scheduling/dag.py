"""The workflow as a graph: is it sound, what may run next, what hangs on what. Pure functions over plain values.

`edges` maps each node to the nodes it depends on: `{"deploy": ("build", "test"), "build": (), "test": ("build",)}`.
"""

from collections.abc import Collection, Iterable, Mapping

Edges = Mapping[str, Collection[str]]


class BadGraph(ValueError):
    """The graph cannot be run; `path` names the offending nodes, in order."""

    def __init__(self, message: str, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.path = path


def validate(edges: Edges) -> None:
    """Raise BadGraph for an unknown dependency, a node that waits for itself, or a cycle."""
    for node, dependencies in edges.items():
        for dependency in dependencies:
            if dependency == node:
                raise BadGraph(f"{node} waits for itself", (node, node))
            if dependency not in edges:
                raise BadGraph(f"{node} depends on {dependency}, which does not exist", (node, dependency))
    cycle = find_cycle(edges)
    if cycle:
        raise BadGraph("the tasks wait for each other: " + " → ".join(cycle), cycle)


def find_cycle(edges: Edges) -> tuple[str, ...]:
    """A cycle as a path that ends where it begins, or () if there is none. Iterative: a chain may be long."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        on_path: set[str] = set()
        todo: list[tuple[str, bool]] = [(start, False)]
        while todo:
            node, leaving = todo.pop()
            if leaving:
                path.pop()
                on_path.discard(node)
                done.add(node)
            elif node in on_path:
                return (*path[path.index(node):], node)
            elif node not in done:
                path.append(node)
                on_path.add(node)
                todo.append((node, True))
                todo.extend((dependency, False) for dependency in sorted(edges[node], reverse=True))
    return ()


def ready(edges: Edges, waiting: Iterable[str], succeeded: Iterable[str]) -> tuple[str, ...]:
    """Of the nodes that wait, those whose dependencies have all succeeded, in the graph's own order."""
    may, done = frozenset(waiting), frozenset(succeeded)
    return tuple([node for node, dependencies in edges.items() if node in may and done.issuperset(dependencies)])


def downstream(edges: Edges, roots: Iterable[str]) -> frozenset[str]:
    """The roots and everything that depends on them, directly or not."""
    followers: dict[str, list[str]] = {node: [] for node in edges}
    for node, dependencies in edges.items():
        for dependency in dependencies:
            followers[dependency].append(node)
    found: set[str] = set()
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(followers[node])
    return frozenset(found)
