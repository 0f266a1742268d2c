"""Differentiation: the tape for backends that have none of their own, its rules, and the public transforms."""
