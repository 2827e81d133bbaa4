"""DNS checks of domains, prechecks of new ones, and the sync of verifications with identity's claims."""

from collections.abc import Callable

from chassis.assembly import Platform
from chassis.events import Consumer
from services.verifier.assemblies.wakeable import WakeableAssembly
from services.verifier.config import Config
from services.verifier.resolver.resolver import Resolver
from services.verifier.store.advice import AdviceStore
from services.verifier.store.claims import CLAIM_CHANGES, ClaimStore
from services.verifier.store.verifications import VerificationStore
from services.verifier.worker.advice_checks import AdviceChecks
from services.verifier.worker.claim_sync import ClaimSync
from services.verifier.worker.dns_checks import DnsChecks
from services.verifier.worker.prechecks import Prechecks
from services.verifier.worker.results import ResultWriter

CLAIM_EVENTS = ("domain.provisioned", "domain.deleted")


def checks(settings: Config, platform: Platform, *, wake_ses_queries: Callable[[], None]) -> WakeableAssembly:
    """Wire the checks; `wake_ses_queries` is called when a check has made an SES query due."""
    database, resolver = platform.database, Resolver(settings.dns)
    claims, verifications = ClaimStore(database), VerificationStore(database)
    results = ResultWriter(database, verifications, platform.outbox)
    dns_checks = DnsChecks(
        verifications,
        resolver,
        results,
        wake_ses_queries=wake_ses_queries,
        concurrency=settings.checks_at_once,
    )
    claim_sync = ClaimSync(database, claims, results, wake_checks=dns_checks.wake)
    prechecks = Prechecks(claims, resolver)
    advice_checks = AdviceChecks(AdviceStore(database, settings.aws), verifications, resolver)
    consumer = Consumer(
        database, platform.stream, platform.schema, "claims", CLAIM_EVENTS, claim_sync.receive
    )
    return WakeableAssembly(
        background=[
            dns_checks.run,
            claim_sync.task.run,
            prechecks.loop.run,
            advice_checks.loop.run,
            consumer.run,
        ],
        wakes=[
            (CLAIM_CHANGES, claim_sync.task.wake),
            (CLAIM_CHANGES, prechecks.loop.wake),
            (CLAIM_CHANGES, advice_checks.loop.wake),
        ],
        wake=dns_checks.wake,
    )
