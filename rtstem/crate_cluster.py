"""Many songs on many machines: the same work, handed to the workers of a Dask scheduler.

The machines share the folders (and a model that does not come with rtstem) under the same paths.
Dask gives the song of a worker that died to another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

from .crate_pool import Lost, R, T, Task, Told
from .errors import ConfigError

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
        self._dask = distributed
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
        self._client.close()

    def run(self, task: Task[T, R], items: Sequence[T], told: Told) -> Iterator[tuple[T, R | Lost]]:
        """As Pool.run; the progress within a song is not known here."""
        waiting = list(reversed(items))
        given: dict[Any, T] = {}  # futures
        done = self._dask.as_completed(loop=self._client.loop)
        try:
            while waiting or given:
                while waiting and len(given) < _AHEAD * max(1, self.size):
                    item = waiting.pop()
                    future = self._client.submit(task, item, _unheard, pure=False)
                    given[future] = item
                    done.add(future)
                future = next(done)
                yield given.pop(future), self._result(future)
                told(0.0)
        finally:
            self._client.cancel(list(given))

    def _result(self, future: Any) -> Any:
        """What the task returned, or Lost: tasks raise nothing of their own."""
        if future.cancelled():
            return Lost("the cluster dropped it; is the scheduler still there?")
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, self._dask.KilledWorker):
            return Lost("the workers that had it died; is there memory enough, is it damaged?")
        return Lost(f"the workers cannot do it ({type(error).__name__}: {error})")


def _unheard(_seconds: float) -> None:
    """The progress of a song on another machine."""
