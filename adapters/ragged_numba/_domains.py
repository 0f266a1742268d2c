"""What axis 0 of a value runs along, and how rows lead from one such domain to another: what one loop can go over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["Domain", "bounds_of", "found", "root_of", "unite"]


class Domain:
    """The entries that values lined up with each other have one of; `rows` divides it among the entries of `above`.

    Domains turn out to be one as the program goes on: then one of them is `joined` to the other.
    """

    __slots__ = ("above", "joined", "n", "rows")

    def __init__(self, n: int, above: Domain | None = None, rows: Rows | None = None) -> None:
        self.n = n
        self.above = above
        self.rows = rows
        self.joined: Domain | None = None


def found(domain: Domain) -> Domain:
    """The domain that this one has become."""
    while domain.joined is not None:
        domain = domain.joined
    return domain


def lineage(domain: Domain) -> list[Domain]:
    """The domain and those above it."""
    line = [found(domain)]
    while (above := line[-1].above) is not None:
        line.append(found(above))
    return line


def root_of(domain: Domain) -> Domain:
    """The outermost domain above this one: what has the same one can be computed in one loop."""
    return lineage(domain)[-1]


def unite(x: Domain, y: Domain) -> bool:
    """Make one of two domains. False where they are divided into different rows, or one is above the other."""
    x, y = found(x), found(y)
    if x is y:
        return True
    if x.n != y.n or x in lineage(y) or y in lineage(x):
        return False
    if x.above is not None and y.above is not None:
        assert x.rows is not None and y.rows is not None
        if not x.rows.same(y.rows) or not unite(x.above, y.above):
            return False
    y.joined = x
    if x.above is None:
        x.above, x.rows = y.above, y.rows
    return True


def bounds_of(domains: list[Domain], block: int) -> dict[int, np.ndarray[Any, Any]]:
    """For each of the domains (and those above them, by `id`), which have one root, where the blocks of a loop begin
    and end: whole rows of the root, with at most `block` entries of each domain if a row has not more by itself."""
    positions: dict[int, Any] = {}  # where in a domain each entry of the root begins; None for the root itself
    sizes: dict[int, int] = {}
    for domain in domains:
        above: Any = None
        for each in reversed(lineage(domain)):
            if id(each) not in positions:
                offsets: Any = None if each.rows is None else each.rows.offsets
                positions[id(each)] = offsets if above is None else offsets[above]
                sizes[id(each)] = each.n
            above = positions[id(each)]
    root = root_of(domains[0])
    largest = max(sizes, key=lambda key: sizes[key])
    starts: list[Any] = [np.arange(0, root.n, block), [root.n]]
    if largest != id(root):
        offsets = positions[largest]
        cuts = offsets.searchsorted(np.arange(0, sizes[largest], block), "right") - 1
        starts += [cuts, cuts[offsets[cuts + 1] - offsets[cuts] > block] + 1]
    cuts = np.unique(np.concatenate(starts))
    return {key: cuts if each is None else each[cuts] for key, each in positions.items()}
