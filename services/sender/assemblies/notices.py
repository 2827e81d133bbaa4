"""Notices: tenants get an email when their contact or one of their domains changes."""

from chassis.assembly import Assembly, Platform
from chassis.events import Consumer
from services.sender.commands.notices import Notices
from services.sender.config import Config
from services.sender.events.notices import NOTICES
from services.sender.store.notices import NoticeStore


def notices(settings: Config, platform: Platform) -> Assembly:
    """Return the consumer of the events that tenants must know of."""
    database = platform.database
    sending = Notices(NoticeStore(database), settings.notice_sender, deadline=settings.email_deadline)
    consumer = Consumer(database, platform.stream, platform.schema, "notices", list(NOTICES), sending.apply)
    return Assembly(background=[consumer.run])
