"""Every elementwise function and primitive on the frameworks that differentiate by themselves: NumPy's tape agrees."""

from __future__ import annotations

import pytest

import grids
import ragged
from ragged.registry import get_backend


@pytest.fixture(params=["jax", "torch", "tensorflow"])
def framework(request):
    """The backend, with 64 bits."""
    pytest.importorskip(request.param)
    with ragged.use(request.param, precision="float64"):
        yield get_backend(request.param).configured(None, "float64")


@pytest.mark.parametrize("order", [1, 2])
@grids.POINTS
@pytest.mark.parametrize("name", grids.SMOOTH)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise_gradients_are_the_tapes(framework, name, points, order):
    if name in framework.unsupported:
        pytest.skip(framework.unsupported[name])
    grids.check_gradients(framework, name, points, order)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("name", grids.PRIMITIVES)
def test_primitives_are_the_tapes(framework, name, dtype):
    grids.check_primitive(framework, name, dtype)
