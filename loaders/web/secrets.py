"""No message holds a secret, though a service may send it back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from loaders.errors import LoaderError
from loaders.seam import without


@contextmanager
def without_secrets(secrets: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Within: what is raised names none of what ``secrets`` gives at that moment."""
    try:
        yield
    except LoaderError as error:
        error.args = tuple(without(secrets(), one) if isinstance(one, str) else one for one in error.args)
        raise
