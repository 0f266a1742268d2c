"""Refuses to work in a folder that two distributions share.

The distribution `ragged` on PyPI is another library with the same import name as ours, `ragged-diff`. Installed
together, their files lie in one folder, and whichever came last has overwritten some of the other's.
"""

from __future__ import annotations

import os

# A module of the other library since its first release; ours never has one of that name.
THEIRS = os.path.join(os.path.dirname(__file__), "_spec_array_object.py")

if os.path.exists(THEIRS):
    raise ImportError(
        "two libraries are installed under the name 'ragged': the distributions 'ragged' and 'ragged-diff'; keep one: "
        "pip uninstall -y ragged ragged-diff, then pip install ragged-diff (or ragged)"
    )
