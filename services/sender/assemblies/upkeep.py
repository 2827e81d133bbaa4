"""Upkeep: waiting email is released, decided by operators or expires, and old data is deleted."""

from collections.abc import Sequence
from datetime import timedelta

from chassis.assembly import Assembly, Platform
from chassis.database import Connection
from chassis.events import Consumer, ReceivedEvent
from chassis.partitions import DayPartitions
from chassis.periodic import PeriodicTask
from chassis.retention import Retention
from chassis.server import Registration
from letterhead.sender.v1 import resolution_pb2_grpc
from services.sender.commands.decisions import Decisions
from services.sender.config import Config
from services.sender.servicer.resolution import ResolutionServicer
from services.sender.store.backlog import Backlog
from services.sender.store.decisions import DecisionStore
from services.sender.store.limits import LimitStore
from services.sender.store.queue import QueueStore
from services.sender.store.retention import rules
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import UpkeepStore
from services.sender.worker.upkeep import Upkeep

GAUGES_INTERVAL = timedelta(seconds=15)


def upkeep(settings: Config, platform: Platform, states: EmailStates, queue: QueueStore) -> Assembly:
    """Return ResolutionService and the periodic tasks for waiting email, limits, gauges and retention."""
    database = platform.database
    store = UpkeepStore(database, settings.region.ses_region, settings.feedback_source)
    tasks = Upkeep(database, store, states, queue)
    # With LETTERHEAD_SUBMITTING=false, neither runs: a restored database shows email as it was at the backup.
    expiring = PeriodicTask("deadlines", tasks.expire, interval=timedelta(seconds=2))
    releasing = PeriodicTask("release", tasks.release, interval=timedelta(seconds=2))
    running = [
        *([expiring, releasing] if settings.submitting else []),
        PeriodicTask("missing regions", store.assign_regions, interval=timedelta(seconds=1)),
        PeriodicTask("superseded domains", tasks.supersede, interval=timedelta(seconds=2)),
        PeriodicTask("limits", LimitStore(database, settings.limits).declare, interval=timedelta(minutes=1)),
        PeriodicTask(
            "backlog", Backlog(database, settings.region.ses_region).measure, interval=GAUGES_INTERVAL
        ),
        DayPartitions(database, "sender.email_transitions", retention=timedelta(0)).task,
        Retention(database, rules(emails=settings.email_retention, requests=settings.request_retention)).task,
    ]
    return Assembly(
        registrations=[
            Registration(
                resolution_pb2_grpc.add_ResolutionServiceServicer_to_server,
                ResolutionServicer(Decisions(database, DecisionStore(states))),
            )
        ],
        background=[_domains_consumer(platform, releasing).run, *(each.run for each in running)],
    )


def _domains_consumer(platform: Platform, releasing: PeriodicTask) -> Consumer:
    async def domain_ready(_: Connection, __: Sequence[ReceivedEvent]) -> None:
        releasing.wake()

    return Consumer(
        platform.database, platform.stream, platform.schema, "domains", ["domain.ready"], domain_ready
    )
