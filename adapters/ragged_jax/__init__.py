"""JAX as a backend of ragged, differentiated by JAX itself. Importing this package does not import JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragged_jax._backend import JaxBackend as JaxBackend

FRAMEWORK = ("jax", "jaxlib")

__all__ = ["FRAMEWORK", "JaxBackend", "devices"]


def devices() -> list[str]:
    """The devices that JAX finds here, as `use(device=...)` takes them."""
    import jax

    return [f"{each.platform}:{each.id}" for each in jax.devices()]


def __getattr__(name: str) -> Any:
    if name == "JaxBackend":
        from ragged_jax._backend import JaxBackend
        from ragged_jax._pytree import register

        register()
        globals()[name] = JaxBackend  # so that this runs once
        return JaxBackend
    raise AttributeError(name)
