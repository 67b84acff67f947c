"""rtstem: real-time stem separation, any audio in, faders on every stem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Engine", "__version__", "separate"]

if TYPE_CHECKING:
    from .engine import Engine
    from .offline import separate


def __getattr__(name: str) -> Any:
    """Load the two entry points on first use, so that `import rtstem` stays light."""
    if name == "Engine":
        from .engine import Engine

        return Engine
    if name == "separate":
        from .offline import separate

        return separate
    raise AttributeError(f"module 'rtstem' has no attribute {name!r}")
