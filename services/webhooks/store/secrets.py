"""Encrypts the secrets of endpoints with the first key of the file, so that the other keys can be removed."""

from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries, Record
from chassis.sealing import Seal, SealBroken
from chassis.telemetry import get_logger
from services.webhooks.metrics import OLD_SECRETS

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("secrets.sql"))
BATCH = 100
FIRST = UUID(int=0)


class SecretStore:
    """Walks over all endpoints, a batch at a time; replicas may do so concurrently."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._after = FIRST
        self._old = 0

    async def reseal(self) -> bool:
        """Encrypt the secrets of the next batch; return False at the end of the walk.

        The gauge then shows how many endpoints had a secret of another key, or one that no key opens.
        """
        rows = await self._database.fetch(*QUERIES.list_secrets(after=self._after, limit=BATCH))
        for row in rows:
            self._old += await self._is_old(row)
            self._after = row["id"]
        if len(rows) == BATCH:
            return True
        OLD_SECRETS.set(self._old)
        self._after, self._old = FIRST, 0
        return False

    async def _is_old(self, row: Record) -> bool:
        """Replace an endpoint's secrets if the first key did not encrypt them; return whether that is so."""
        try:
            secret, previous = self._resealed(row["secret"]), self._resealed(row["previous_secret"])
        except SealBroken:
            log.error("no key opens a secret", action="secret_unreadable", endpoint_id=str(row["id"]))  # noqa: TRY400 - the traceback says no more
            return True
        if secret is None and previous is None:
            return False
        query = QUERIES.replace_secrets(
            endpoint_id=row["id"],
            secret=secret or row["secret"],
            previous_secret=previous or row["previous_secret"],
            old_secret=row["secret"],
            old_previous_secret=row["previous_secret"],
        )
        await self._database.execute(*query)
        return True

    def _resealed(self, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else self._seal.resealed(sealed)
