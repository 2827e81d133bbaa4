"""Assembles the simulated AWS: its services on one state, and their background work."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from sandbox.aws.account import Account, SuppressionList
from sandbox.aws.authorization import Authorizations
from sandbox.aws.background import Background
from sandbox.aws.certificates import Certificates
from sandbox.aws.checker import Checker
from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.delivery import AMAZON_DOMAIN, AMAZON_SELECTOR, Dispatch
from sandbox.aws.event_bus import EventBus
from sandbox.aws.events import Events
from sandbox.aws.faults import CALL_KINDS, EVENT_KINDS, Faults
from sandbox.aws.gateway import Gateway
from sandbox.aws.iam import Iam
from sandbox.aws.identities import Identities
from sandbox.aws.keys import KeyPool, dkim_record
from sandbox.aws.ledger import Ledger
from sandbox.aws.notifications import MessageSigner
from sandbox.aws.protocols import Query, RestJson, TargetJson, Wire
from sandbox.aws.registry import Registry
from sandbox.aws.routes import AwsRoutes
from sandbox.aws.sending import Sending
from sandbox.aws.service import Service
from sandbox.aws.sns import Sns
from sandbox.aws.sqs import QUERY_CODES, Queues
from sandbox.aws.sts import Sts
from sandbox.aws.subscribers import Subscribers
from sandbox.aws.tags import Tags
from sandbox.aws.throttle import Bucket
from sandbox.aws.topics import Topics
from sandbox.clock import Clock
from sandbox.dns import Internet


class Aws:
    """One account in one region.

    Serve `app` over HTTP and `tls_app` over TLS with the TLS certificate of `certificates`, both with
    `sandbox.aws.connection.HttpProtocol`. Mount `control_routes` in the control API. Await `run`.
    """

    def __init__(
        self,
        config: AwsConfig,
        certificates: Certificates,
        internet: Internet,
        clock: Clock,
        smtp: tuple[str, int],
    ) -> None:
        """Take `smtp`, the host and port of the mail server that receives all email.

        Several regions on one Internet have the same `certificates`, and so one CA and one amazonses.com.
        """
        self._config, self._clock, self._smtp = config, clock, smtp
        self.certificates = certificates
        self._background = Background()
        self.call_faults, self.event_faults = Faults(CALL_KINDS), Faults(EVENT_KINDS)
        self.ledger = Ledger(clock)
        self.queues = Queues(config)
        self.topics = self._make_topics()
        self.event_bus = EventBus(config, self.queues, clock)
        self.configuration_sets = ConfigurationSets(self.topics, self.event_bus)
        self.events = Events(
            config,
            self.configuration_sets,
            topics=self.topics,
            event_bus=self.event_bus,
            faults=self.event_faults,
            background=self._background,
        )
        self.account = Account(config, clock)
        self.suppressions = SuppressionList(clock)
        self.registry = Registry(internet)
        self._keys = self._make_key_pool()
        self.identities = Identities(self.registry, self._keys, self.configuration_sets, clock)
        self._checker = Checker(
            self.registry, internet, clock, region=config.region, interval=config.check_interval
        )
        self.authorizations = Authorizations(config, self.registry, self.configuration_sets)
        control_bucket = Bucket(clock, rate=config.control_rate, capacity=1)
        self.app = Gateway(
            self._make_wires(), self.call_faults, self.ledger, self.authorizations, control_bucket
        )
        self.tls_app = self._make_tls_app()
        self.control_routes = self._make_control_routes()

    async def run(self, stop: asyncio.Event) -> None:
        """Check DNS and refill the key pool until `stop` is set; then cancel deliveries in progress."""
        await asyncio.gather(self._checker.run(stop), self._keys.run(stop))
        await self._background.close()

    def _make_topics(self) -> Topics:
        return Topics(
            self._config,
            queues=self.queues,
            subscribers=Subscribers(self._config, self.queues, self.certificates.ca),
            notary=MessageSigner(self.certificates, self._config.region),
            clock=self._clock,
            background=self._background,
        )

    def _make_key_pool(self) -> KeyPool:
        """Return the key pool, after publishing the key of amazonses.com's own signature."""
        keys = self.certificates.dkim_keys
        name = f"{AMAZON_SELECTOR}._domainkey.{AMAZON_DOMAIN}"
        self.registry.publish(name, "TXT", dkim_record(keys["amazonses"]))
        standby = (keys["standby-1"], keys["standby-2"])
        return KeyPool(seeded=keys["seeded"], standby=standby, own=self._config.own_keys)

    def _make_wires(self) -> dict[str, Wire]:
        tags = Tags(self._config, self.registry, self.configuration_sets)
        ses = [self.identities, self.configuration_sets, self.account, self.suppressions, tags]
        sqs = Service("sqs", [self.queues], invalid="InvalidParameterValueException")
        return {
            "sesv2": RestJson(Service("sesv2", [*ses, self._make_sending()], invalid="BadRequestException")),
            "sns": Query(Service("sns", [Sns(self.topics)], invalid="InvalidParameter")),
            "sqs": TargetJson(sqs, QUERY_CODES),
            "events": TargetJson(Service("events", [self.event_bus], invalid="ValidationException")),
            "iam": Query(Service("iam", [Iam(self._config, self._clock)], invalid="ValidationError")),
            "sts": Query(Service("sts", [Sts(self._config)], invalid="ValidationError")),
        }

    def _make_sending(self) -> Sending:
        dispatch = Dispatch(
            self._config,
            self._smtp,
            amazon_key=self.certificates.dkim_keys["amazonses"],
            account=self.account,
            suppressions=self.suppressions,
            configuration_sets=self.configuration_sets,
            events=self.events,
            background=self._background,
            clock=self._clock,
        )
        sets, clock = self.configuration_sets, self._clock
        return Sending(self._config, self.account, self.registry, sets, dispatch=dispatch, clock=clock)

    def _make_tls_app(self) -> Starlette:
        async def signing_certificate(_request: Request) -> Response:
            return Response(self.certificates.signing_certificate, media_type="application/x-pem-file")

        return Starlette(
            routes=[Route(self.certificates.signing_path, signing_certificate), Mount("/", self.app)]
        )

    def _make_control_routes(self) -> list[BaseRoute]:
        return AwsRoutes(
            clock=self._clock,
            registry=self.registry,
            identities=self.identities,
            account=self.account,
            ledger=self.ledger,
            authorizations=self.authorizations,
            call_faults=self.call_faults,
            event_faults=self.event_faults,
            events=self.events,
        ).routes()
