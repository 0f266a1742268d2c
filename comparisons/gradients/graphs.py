"""A graph neural network on 1,253 graphs of different sizes, and its gradient by the weights.

Input: the graph atlas (Read and Wilson, An Atlas of Graphs, 1998), every graph of up to seven nodes, which comes with
the package networkx; the first one has no node, many have no edge.

Shows: ragged integers that index ragged vectors, one matrix for all nodes of all graphs (`@`), edges cut by the
node that they lead to (`unflatten`), and sums at three depths. Nothing is padded and there is no loop over graphs:

    nodes ── state at each edge's source ── message ── sum by target node ── new state ── sum by graph ── triangles

The network learns how many triangles each graph has. Any number can be taken for the graphs' target; see `inputs`.

    ragged compare comparisons/gradients/graphs.py
    python comparisons/gradients/graphs.py
"""

from __future__ import annotations

import numpy as np

import ragged

WIDTH = 8  # numbers in a node's state
ROUNDS = 2  # of messages; after two a node knows of nodes two edges away


def program(weights, graphs, triangles):
    """The mean squared error of the predicted number of triangles."""
    return ragged.mean((predict(weights, graphs) - triangles) ** 2)


def predict(weights, graphs):
    """One number for each graph: a sum over its nodes, so that the order of nodes does not matter."""
    states = np.tanh(graphs.nodes @ weights["embed"])
    for layer in weights["layers"]:
        states = np.tanh(states @ layer["keep"] + incoming(states, layer, graphs))
    return ragged.sum(states @ weights["read"], axis=1)


def incoming(states, layer, graphs):
    """For each node the sum of the messages along the edges that lead to it: zeros for a node without any."""
    messages = np.tanh(states[graphs.edges.source] @ layer["send"] + states[graphs.edges.target] @ layer["receive"])
    return ragged.sum(ragged.unflatten(messages, graphs.degree, axis=1), axis=2)


def inputs():
    """Weights, graphs and their numbers of triangles."""
    import networkx

    atlas = networkx.graph_atlas_g()
    assert len(atlas) == 1253
    triangles = [sum(networkx.triangles(graph).values()) // 3 for graph in atlas]
    return first_weights(), as_ragged(atlas), np.array(triangles, np.float64)


def as_ragged(atlas):
    """Graphs of networkx, whose nodes are called 0, 1, 2, …, as one ragged array.

    A graph has `nodes`, `var * 2 * float64` (one and the number of neighbours), `degree`, `var * int64`, and `edges`,
    `var * {source: int64, target: int64}`: positions of nodes in this graph, each edge in both directions, those
    that lead to the first node first.
    """
    edges = [sorted((b, a) for edge in graph.edges for a, b in (edge, edge[::-1])) for graph in atlas]
    target, source = np.array([pair for pairs in edges for pair in pairs], np.int64).reshape(-1, 2).T
    degree = np.array([graph.degree[node] for graph in atlas for node in sorted(graph)])
    nodes = np.stack([np.ones(len(degree)), degree], axis=1)

    nodes_in, edges_in = [len(graph) for graph in atlas], [len(pairs) for pairs in edges]
    return ragged.zip(
        {
            "nodes": ragged.from_lengths(nodes, nodes_in),
            "degree": ragged.from_lengths(degree, nodes_in),
            "edges": ragged.from_lengths(ragged.zip({"source": source, "target": target}), edges_in),
        },
        depth_limit=1,
    )


def first_weights(seed=0):
    """Random matrices, small enough for tanh to have a slope."""
    rng = np.random.default_rng(seed)

    def matrix(*shape):
        return rng.normal(0.0, 0.5 / np.sqrt(shape[0]), shape)

    return {
        "embed": matrix(2, WIDTH),
        "layers": [{name: matrix(WIDTH, WIDTH) for name in ("keep", "send", "receive")} for _ in range(ROUNDS)],
        "read": matrix(WIDTH),
    }


def by_adjacency(weights, graphs):
    """The same predictions by hand, one graph after the other in plain NumPy, with adjacency matrices."""
    for graph in graphs:
        x, edges = np.asarray(graph["nodes"]).reshape(-1, 2), graph["edges"]
        adjacency = np.zeros((len(x), len(x)))
        adjacency[np.asarray(edges["target"], int), np.asarray(edges["source"], int)] = 1.0
        states = np.tanh(x @ weights["embed"])
        for layer in weights["layers"]:
            sent, received = states @ layer["send"], states @ layer["receive"]
            messages = np.tanh(received[:, np.newaxis] + sent)
            states = np.tanh(states @ layer["keep"] + np.einsum("ts,tsf->tf", adjacency, messages))
        yield np.sum(states @ weights["read"])


def check(weights, graphs, triangles):
    """The predictions are those of the plain form."""
    found = np.asarray(ragged.to_numpy(predict(weights, graphs)))
    wanted = np.array(list(by_adjacency(weights, ragged.to_backend(graphs, "numpy"))))
    assert np.allclose(found, wanted, rtol=1e-12, atol=1e-12), np.max(np.abs(found - wanted))


def train(weights, graphs, triangles, steps=60, rate=0.02):
    """Weights after some steps of Adam (Kingma and Ba, arXiv:1412.6980), and the loss before each step."""
    import optree

    loss_and_gradient = ragged.value_and_grad(program)
    mean = square = optree.tree_map(np.zeros_like, weights)
    losses = []
    for step in range(1, steps + 1):
        loss, gradient = loss_and_gradient(weights, graphs, triangles)
        mean = optree.tree_map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = optree.tree_map(lambda s, g: 0.99 * s + 0.01 * g**2, square, gradient)
        size = rate * np.sqrt(1 - 0.99**step) / (1 - 0.9**step)
        move = optree.tree_map(lambda m, s, size=size: size * m / (np.sqrt(s) + 1e-12), mean, square)
        weights = optree.tree_map(np.subtract, weights, move)
        losses.append(float(loss))
    return weights, losses


if __name__ == "__main__":
    arguments = inputs()
    check(*arguments)
    _, losses = train(*arguments)
    print(f"mean squared error {losses[0]:.3f} before, {losses[-1]:.3f} after {len(losses)} steps")
    print(ragged.compare(program, *arguments))
