"""Single records of the API: by their address, or by a filter where the API has no such addresses, which is found out."""

from loaders.errors import RequestRefused
from loaders.reconcile.client import Api, Record, id_of
from loaders.reconcile.paging import Paging

_MOST_UNREACHED = 2


class Records:
    """Asks for records of one list, one by one."""

    def __init__(self, api: Api, paging: Paging):
        self._api, self._path = api, paging.path
        self._has_addresses: bool | None = None  # until one was found by its address, or by the filter alone
        self._unreached = 0

    def ask(self, record_id: str, was_listed: bool = False) -> Record | None:
        """The record as it is now, or None when there is none. RequestRefused when records cannot be asked for one by one.

        ``was_listed``: the API's list had it a moment ago.
        """
        if self._has_addresses is not False and record_id.strip("."):
            found = self._api.record(self._path, record_id)
            if found is not None:
                self._has_addresses = True
                return found
            if self._has_addresses:
                return None
        found = self._filtered(record_id)
        if found is not None:
            self._has_addresses = False
        elif was_listed and self._has_addresses is None:
            return self._unreachable(record_id)
        return found

    def _filtered(self, record_id: str) -> Record | None:
        """By `filter`, as the conventions spell it. Some APIs take no notice of a filter: only the record itself counts."""
        try:
            listed = self._api.listed(self._path, {"filter": f"id={record_id}", "limit": 10})
        except RequestRefused:
            return None
        return next((one for one in listed.records if id_of(one) == record_id), None)

    def _unreachable(self, record_id: str) -> None:
        """Neither way led to a record that was listed: it was deleted meanwhile, or there is no way. The next one tells."""
        self._unreached += 1
        if self._unreached > _MOST_UNREACHED:
            raise RequestRefused(f"GET {self._path}: the API gives no single records, neither by address nor by filter=id=...")
        return None
