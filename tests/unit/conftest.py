"""No example of a property has a deadline: the machines of the CI stand still for seconds."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("rtstem", deadline=None)
settings.load_profile("rtstem")
