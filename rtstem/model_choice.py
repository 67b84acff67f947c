"""The models that a running engine may be asked for by name, and which one plays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from .errors import ConfigError, RtstemError
from .resources import did_you_mean, listing


class ModelChoice:
    """Names for the actions `model.NAME`; a change runs in a thread of its own and ends in one line."""

    def __init__(
        self,
        models: Iterable[str],
        swap: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        """`models`: names or files, the one that plays first; `swap` changes to one and blocks."""
        self._models: dict[str, str] = {}
        for model in models:
            self._models.setdefault(Path(model).stem, model)
        self._swap, self._tell = swap, tell
        self._listeners: list[Callable[[], None]] = []
        self.current = next(iter(self._models))
        """Name of the model that plays."""

    @property
    def names(self) -> tuple[str, ...]:
        """What `choose` takes; empty where there is no choice."""
        return tuple(self._models) if len(self._models) > 1 else ()

    def choose(self, name: str) -> threading.Thread:
        """Change to a model; returns the thread that does it. Raises ConfigError for another name."""
        model = self._models.get(name)
        if model is None:
            hint, allowed = did_you_mean(name, self._models), listing(self._models)
            raise ConfigError(f"model '{name}': not in this show{hint}; allowed: {allowed}")
        thread = threading.Thread(target=self._run, args=(model,), name="rtstem-model", daemon=True)
        thread.start()
        return thread

    def _run(self, model: str) -> None:
        try:
            self._swap(model)
        except RtstemError as error:
            self._tell(str(error))

    def became(self, path: Path) -> None:
        """The model in file `path` plays now."""
        self.current = path.stem
        self._tell(f"model {self.current}")
        for listener in self._listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever another model plays."""
        self._listeners = [*self._listeners, listener]
