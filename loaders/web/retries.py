"""Calling again what may pass by itself, with growing pauses, or those that a service asks for."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from loaders.errors import LoaderError, TryAgain
from loaders.progress import Line, Progress
from loaders.web.waits import Pace


@dataclass(frozen=True, slots=True)
class Retries:
    """What a command does about failures. ``step`` is whose word the log has; ``sleep`` waits for seconds."""

    pace: Pace
    say: Progress
    step: str
    sleep: Callable[[float], None] = time.sleep

    def after(self, kinds: tuple[type[LoaderError], ...] = (TryAgain,)) -> tenacity.Retrying:
        """What calls a function again after errors of these kinds; who asks for more than ``Pace.longest_wait`` is left at once."""
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.pace.attempts),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, kinds) and self._may_wait(error)),
            wait=self._wait,
            sleep=self.sleep,
            before_sleep=self._tell,
            reraise=True,
        )

    def _may_wait(self, error: BaseException) -> bool:
        return (getattr(error, "seconds", None) or 0) <= self.pace.longest_wait

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "seconds", None)
        usual = min(self.pace.first_retry * 2 ** (state.attempt_number - 1), self.pace.longest_wait)
        return (usual if asked is None else max(asked, 0.0)) * random.uniform(1, 1.25)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0
        self.say(Line(f"{error} Trying again in {seconds:.0f} s.", step=self.step, level="warning", seconds=round(seconds, 1)))
