"""Comparisons as a web page: one file, no scripts, nothing to fetch, light or dark as the screen."""

from __future__ import annotations

from ragged.report._page import fragment, page

__all__ = ["fragment", "page"]
