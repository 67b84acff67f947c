"""The model that an engine plays: which provider runs it, and its changes for another while playing."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .contention import Contention
from .errors import EngineError, RtstemError
from .latency import Latency
from .model_spec import ModelSpec
from .provider_choice import choose
from .rt import board as b
from .rt.board import Board
from .rt.separator import Separator
from .swap import WARM_SECONDS, check_fit, take_over
from .troubles import Troubles


class PlayingModel:
    """Owner of the separator that runs on `board`, and of one on the CPU that stands by."""

    def __init__(
        self,
        board: Board,
        spec: ModelSpec,
        provider: str,
        tell: Callable[[str], None],
        *,
        locked: bool,
        lockstep: bool,
    ) -> None:
        """Load `spec` on `provider`, or on what proves best. Raises ModelError.

        `locked`: what the callback reads belongs into locked memory; `lockstep`: no clock runs, so
        a new model hears only what the ring remembers.
        """
        choice = choose(spec, provider)
        self.separator, self.reason = choice.separator, choice.reason
        self.contention = Contention(board, choice.standby, self._leave_provider)
        self.troubles = Troubles(board, self.separator, tell)
        self._board, self._tell, self._locked = board, tell, locked
        self._warm_seconds = 0.0 if lockstep else WARM_SECONDS
        self._swapping = threading.Lock()
        self._retired: list[Separator] = []  # closed; a callback may still read their masks

    def swap(self, spec: ModelSpec, latency: Latency) -> None:
        """Go on with another model at the same `latency`; returns when it is heard.

        Raises ModelError or EngineError; the old one plays on then.
        """
        if not self._swapping.acquire(blocking=False):
            raise EngineError("the model is being changed already; wait for that")
        try:
            check_fit(spec, self.separator.spec, latency, latency.safety / spec.hop)
            self._hand_over(Separator(spec, self.separator.provider_key, playing=True))
            self.contention.renew(spec)
        finally:
            self._swapping.release()

    def close(self) -> None:
        """Close what plays; its thread must be gone. Waits for a change that is under way."""
        with self._swapping:
            self.separator.close()

    def _hand_over(self, new: Separator) -> None:
        """Let `new` take the place of the separator that plays. Raises ModelError or EngineError."""
        take_over(self._board, new, self._warm_seconds, self._locked)
        self.separator.close()
        self._retired = [*self._retired[-1:], self.separator]
        self.separator = new
        self.troubles.watch(new)

    def _leave_provider(self, seen: str) -> None:
        """Go on with the standby on the CPU: what runs the model is held up, as `seen`."""
        with self._swapping:
            before = self.separator.provider_key.upper()
            if self._board.header[b.STATE] != b.RUNNING:
                return
            standby = self.contention.take()
            if standby is None:
                return
            try:
                self._hand_over(standby)
            except RtstemError as error:
                self._tell(f"{before} is held up by other programs ({seen}); {error}")
                return
        self._tell(
            f"{before} is held up by other programs: {seen}; the CPU has taken over, start rtstem"
            f" again to go back"
        )
