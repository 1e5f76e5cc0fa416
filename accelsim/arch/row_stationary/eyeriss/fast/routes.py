"""The routers as a graph, and the routes on it as flat arrays for the kernel [rules page, Networks]."""

from functools import lru_cache
from typing import NamedTuple

import networkx as nx
import numpy as np


class Routes(NamedTuple):
    """Routes of one plane of iact routers. Clusters by number, links by theirs (one per direction).

    link[home, cluster] int32: the last link on the way from home to cluster, -1 at home; before[home, cluster] int32:
    the cluster that this link comes from.
    """

    links: int
    link: np.ndarray
    before: np.ndarray


def mesh(cluster_rows: int, cluster_cols: int) -> nx.DiGraph:
    """One plane of iact routers: nodes (row, column) of clusters, an edge per direction with its `number`."""
    graph: nx.DiGraph = nx.grid_2d_graph(cluster_rows, cluster_cols).to_directed()
    for number, edge in enumerate(sorted(graph.edges)):
        graph.edges[edge]["number"] = number
    return graph


def path(home: tuple[int, int], to: tuple[int, int]) -> list[tuple[int, int]]:
    """Clusters on the way, both ends included: first along the home's column, then along the row."""
    (y, x), (end_y, end_x) = home, to
    down, right = (1 if end_y > y else -1), (1 if end_x > x else -1)
    return [*((row, x) for row in range(y, end_y, down)), *((end_y, col) for col in range(x, end_x + right, right))]


@lru_cache(maxsize=16)
def routes(cluster_rows: int, cluster_cols: int) -> Routes:
    """All routes of a mesh; every step of `path` is an edge of the graph."""
    graph = mesh(cluster_rows, cluster_cols)
    clusters = cluster_rows * cluster_cols
    into = np.full((clusters, clusters), -1, np.int32)  # number of the link [from, to]
    for (a, b), (c, d) in graph.edges:
        into[a * cluster_cols + b, c * cluster_cols + d] = graph.edges[(a, b), (c, d)]["number"]
    home_y, home_x = np.divmod(np.arange(clusters)[:, None], cluster_cols)
    y, x = np.divmod(np.arange(clusters)[None, :], cluster_cols)
    along_row = (x != home_x) * (y * cluster_cols + x - np.sign(x - home_x))
    along_column = (x == home_x) * ((y - np.sign(y - home_y)) * cluster_cols + x)
    before = (along_row + along_column).astype(np.int32)
    link = into[before, np.broadcast_to(np.arange(clusters)[None, :], before.shape)]
    return Routes(graph.number_of_edges(), np.ascontiguousarray(link), before)
