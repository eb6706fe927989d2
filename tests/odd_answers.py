"""Odd answers of a local service: each is given once, to the first call that it fits, in the order in which they were planned."""

import re
from collections.abc import Callable
from typing import Any

from loaders.web.service import Call, Reply

Proceed = Callable[[], Reply]
Odd = Callable[[Call, Proceed], Reply]
Where = tuple[str, str]  # a method, and a pattern of the path

HANG_UP = Reply(0, hang_up=True)


class OddAnswers:
    """Comes before a service's class. ``odd`` holds what is planned: where, and what is done instead of, or after, what is usual."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.odd: list[tuple[Where, Odd]] = []

    def plan(self, where: Where, *odd: Odd | Reply) -> None:
        """At the next calls of this kind, one after the other."""
        for one in odd:
            self.odd.append((where, one if callable(one) else lambda _call, _proceed, reply=one: reply))

    def reply(self, call: Call) -> Reply:
        with self.lock:  # type: ignore[attr-defined]
            place = next(
                (i for i, ((method, path), _) in enumerate(self.odd) if method == call.method and re.fullmatch(path, call.path)), None
            )
            odd = None if place is None else self.odd.pop(place)[1]
        usual = super().reply  # type: ignore[misc]
        return usual(call) if odd is None else odd(call, lambda: usual(call))

    def count(self, where: Where) -> int:
        """How many calls of this kind were answered as usual."""
        return sum(call.method == where[0] and re.fullmatch(where[1], call.path) is not None for call in self.calls)  # type: ignore[attr-defined]


def then(reply: Reply) -> Odd:
    """What is usual is done, and something else is said."""

    def odd(_: Call, proceed: Proceed) -> Reply:
        proceed()
        return reply

    return odd
