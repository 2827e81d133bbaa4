"""Upkeep: retention."""

from chassis.assembly import Assembly, Platform
from chassis.retention import Retention
from services.webhooks.config import Config
from services.webhooks.store.retention import rules


def upkeep(settings: Config, platform: Platform) -> Assembly:
    """Return the retention of notifications, feedback and deleted endpoints."""
    retention = Retention(
        platform.database,
        rules(
            notifications=settings.notification_retention,
            feedback=settings.feedback_retention,
            endpoints=settings.deleted_endpoint_retention,
        ),
    )
    return Assembly(background=[retention.task.run])
