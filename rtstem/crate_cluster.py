"""Many songs on many machines: the same work, handed to the workers of a Dask scheduler.

The machines share the folders (and a model that does not come with rtstem) under the same paths.
Dask gives the song of a worker that died to another one.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, Self

from .crate_pool import Lost, R, T, Task, Told
from .errors import ConfigError, EngineError

_AHEAD = 2  # songs given out for each thread of the workers, so that none waits for the next


class Cluster:
    """A Dask scheduler's workers; a context manager with the interface of `crate_pool.Pool`."""

    def __init__(self, address: str, patience: float = 10.0) -> None:
        """Connect. Raises ConfigError where Dask is not installed or no scheduler answers."""
        try:
            import distributed
        except ImportError:
            raise ConfigError(
                '--scheduler needs Dask, which is not installed; run: pip install "rtstem[cluster]"'
            ) from None
        self._dask, self._address = distributed, address
        # What goes wrong with the connection is told by our own errors.
        for name in ("distributed", "distributed.client"):  # each has a handler of its own
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(address, timeout=patience, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ConfigError(
                f"--scheduler {address}: no Dask scheduler answers ({reason}); start one with "
                "`dask scheduler`, or check the address"
            ) from None

    @property
    def size(self) -> int:
        """Songs that can be worked on at once, now."""
        return sum(self._client.nthreads().values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        with contextlib.suppress(OSError, TimeoutError):  # of a scheduler that is gone
            self._client.close()

    def run(self, task: Task[T, R], items: Sequence[T], told: Told) -> Iterator[tuple[T, R | Lost]]:
        """As Pool.run; the progress within a song is not known here.

        Raises EngineError where the scheduler goes away.
        """
        waiting = list(reversed(items))
        given: dict[Any, T] = {}  # futures
        done = self._dask.as_completed(loop=self._client.loop)
        try:
            while waiting or given:
                with self._scheduler_needed():
                    while waiting and len(given) < _AHEAD * max(1, self.size):
                        item = waiting.pop()
                        future = self._client.submit(task, item, _unheard, pure=False)
                        given[future] = item
                        done.add(future)
                    future = next(done)
                    result = self._result(future)
                yield given.pop(future), result
                told(0.0)
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                self._client.cancel(list(given))

    @contextlib.contextmanager
    def _scheduler_needed(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError, CancelledError) as error:
            raise EngineError(
                f"the Dask scheduler {self._address} went away ({type(error).__name__}); start it, "
                "and the same command goes on from here"
            ) from None

    def _result(self, future: Any) -> Any:
        """What the task returned, or Lost: tasks raise nothing of their own."""
        error = future.exception()  # raises where the future was cancelled
        if error is None:
            return future.result()
        if isinstance(error, self._dask.KilledWorker):
            return Lost("the workers that had it died; is there memory enough, is it damaged?")
        return Lost(f"the workers cannot do it ({type(error).__name__}: {error})")


def _unheard(_seconds: float) -> None:
    """The progress of a song on another machine."""
