"""`python -m loaders watch`, save that a line on standard input ends the wait between two rounds, and an answer says how the round went."""

import json
import sys
from datetime import timedelta

from loaders.progress import Line
from loaders.settings import load_settings
from loaders.watch import Stop, watch


class Told(Stop):
    """Waits to be told; the end of the input ends the watch."""

    def wait(self, duration: timedelta) -> None:
        """Wait for a line."""
        if not sys.stdin.readline():
            self.tell()

    def hear(self, line: str) -> None:
        """Answer with a round's summary, once its tables are published; errors are said as they come."""
        if isinstance(line, Line) and line.facts.get("summary"):
            print(json.dumps({"exit_code": line.facts["exit_code"], "seconds": line.facts["seconds"]}), flush=True)
        elif isinstance(line, Line) and line.level == "error":
            print(line, file=sys.stderr)


def main() -> None:
    """Wait first: the first round is measured like the others."""
    told = Told()
    told.wait(timedelta(0))
    watch(load_settings(), told.hear, timedelta(0), stop=told)


if __name__ == "__main__":
    main()
