"""Which records are looked at: some drawn from the warehouse, some from the API's list, and those that were open the last time.

What the warehouse lacks can be found in the API's list alone, and what the API lacks in the warehouse alone.
"""

import random
from collections.abc import Sequence

from loaders.reconcile.client import Api, ids_of
from loaders.reconcile.paging import Paging, page

_MOST_PAGES = 5


def draw_listed(api: Api, paging: Paging, count: int, dice: random.Random) -> list[str]:
    """Keys of about so many records, from a few pages drawn at random; fewer where the list is shorter."""
    if paging.is_all or paging.first is None or not paging.total:
        return _some(ids_of(paging.opening), count, dice)
    numbers = range(-(-paging.total // max(paging.size, 1)))
    drawn = dice.sample(numbers, min(_MOST_PAGES, len(numbers), max(count, 1)))
    found: list[str] = []
    for place, number in enumerate(drawn):
        share = -(-(count - len(found)) // (len(drawn) - place))
        fresh = [one for one in ids_of(page(api, paging, number).records) if one not in found]
        found += _some(fresh, share, dice)
    return found


def _some(ids: Sequence[str], count: int, dice: random.Random) -> list[str]:
    return dice.sample(list(ids), min(count, len(ids)))
