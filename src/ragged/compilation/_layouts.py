"""Walks over layouts on their way into a compiled program and out of it, where something else stands for arrays and
sizes: tracers on the way in, the numbers of the program's outputs on the way out, arrays again after the call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown

__all__ = ["Converting", "Entering"]


class Entering(ABC):
    """A layout of new arrays, whose length is given: the lengths within follow from it, and from what the rows have."""

    @abstractmethod
    def dense(self, x: Any, length: Any) -> Any:
        """What stands for a dense array (content, a mask, tags), of a length."""

    @abstractmethod
    def size(self, size: int) -> Any:
        """What stands for a length that follows from nothing else."""

    @abstractmethod
    def partition(self, rows: Any, length: Any) -> Any:
        """What stands for rows, of a number."""

    def node(self, node: Any, length: Any) -> Node:
        """The layout of a node."""
        match node:
            case Flat(data, _, parameters):
                return Flat(self.dense(data, length), length, parameters)
            case Lists(rows, content, parameters):
                made = self.partition(rows, length)
                return Lists(made, self.node(content, made.total), parameters)
            case Regular(content, size, _, parameters):
                return Regular(self.node(content, length * size), size, length, parameters)
            case Record(fields, contents, _, parameters):
                return Record(fields, tuple(self.node(each, length) for each in contents), length, parameters)
            case Option(valid, content, parameters):
                valid = self.dense(valid, length)
                return Option(valid, self.node(content, length), parameters)
            case Union(tags, index, contents, _, parameters):
                tags, index = self.dense(tags, length), self.dense(index, length)
                parts = tuple(self.node(each, self.size(each.length)) for each in contents)
                return Union(tags, index, parts, length, parameters)
            case Unknown(_, parameters):
                return Unknown(length, parameters)
        raise TypeError(f"not a node: {type(node).__name__}")


class Converting(ABC):
    """A layout with something else in the place of each array, size and partition."""

    @abstractmethod
    def dense(self, x: Any) -> Any:
        """What stands for content."""

    @abstractmethod
    def size(self, size: Any) -> Any:
        """What stands for a length."""

    @abstractmethod
    def partition(self, rows: Any) -> Any:
        """What stands for rows."""

    def structure(self, x: Any) -> Any:
        """What stands for a mask, for tags and their index."""
        return self.dense(x)

    def node(self, node: Any) -> Any:
        """The layout of a node."""
        match node:
            case Flat(data, length, parameters):
                return Flat(self.dense(data), self.size(length), parameters)
            case Lists(rows, content, parameters):
                return Lists(self.partition(rows), self.node(content), parameters)
            case Regular(content, size, length, parameters):
                return Regular(self.node(content), self.size(size), self.size(length), parameters)
            case Record(fields, contents, length, parameters):
                return Record(fields, tuple(map(self.node, contents)), self.size(length), parameters)
            case Option(valid, content, parameters):
                return Option(self.structure(valid), self.node(content), parameters)
            case Union(tags, index, contents, length, parameters):
                parts = tuple(map(self.node, contents))
                return Union(self.structure(tags), self.structure(index), parts, self.size(length), parameters)
            case Unknown(length, parameters):
                return Unknown(self.size(length), parameters)
        raise TypeError(f"not a node: {type(node).__name__}")
