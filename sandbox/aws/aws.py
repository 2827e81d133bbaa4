"""The pretend AWS put together: SES, SNS, SQS and STS over one state, and what has to run beside them."""

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from sandbox.aws.account import Account, SuppressionList
from sandbox.aws.background import Background
from sandbox.aws.certificates import open_certificates
from sandbox.aws.checker import Checker
from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.delivery import AMAZON_DOMAIN, AMAZON_SELECTOR, Dispatch
from sandbox.aws.events import Events
from sandbox.aws.faults import CALL_KINDS, EVENT_KINDS, Faults
from sandbox.aws.gateway import Gateway
from sandbox.aws.identities import Identities
from sandbox.aws.keys import KeyPool, dkim_record
from sandbox.aws.ledger import Ledger
from sandbox.aws.notifications import Notary
from sandbox.aws.protocols import Query, RestJson, TargetJson
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

    Serve `app` over HTTP and `tls_app` over TLS with `tls_cert` and `tls_key`, both by
    `sandbox.aws.connection.HttpProtocol`; mount `control_routes` in the control API; and let `run` run.
    """

    def __init__(self, config: AwsConfig, internet: Internet, clock: Clock, smtp: tuple[str, int]) -> None:
        """`smtp` is the host and port of the mail server that receives everything."""
        certificates = open_certificates(config.directory, config.region)
        self.ca_file: Path = certificates.ca
        self.tls_cert: Path = certificates.tls_cert
        self.tls_key: Path = certificates.tls_key
        self._background = Background()
        dkim_keys = certificates.dkim_keys
        standby = (dkim_keys["standby-1"], dkim_keys["standby-2"])
        self._keys = KeyPool(seeded=dkim_keys["seeded"], standby=standby)
        self.registry = Registry(internet)
        self.account = Account(config, clock)
        self.suppressions = SuppressionList(clock)
        self.ledger = Ledger(clock)
        self.call_faults, self.event_faults = Faults(CALL_KINDS), Faults(EVENT_KINDS)
        self.queues = Queues(config)
        notary = Notary(certificates, config.region)
        subscribers = Subscribers(config, self.queues, certificates.ca)
        self.topics = Topics(
            config,
            queues=self.queues,
            subscribers=subscribers,
            notary=notary,
            clock=clock,
            background=self._background,
        )
        self.configuration_sets = ConfigurationSets(self.topics)
        self.events = Events(
            config, self.configuration_sets, self.topics, self.event_faults, self._background
        )
        self._checker = Checker(
            self.registry, internet, clock, region=config.region, interval=config.check_interval
        )
        self.identities = Identities(self.registry, self._keys, self.configuration_sets, clock)
        amazon_key = dkim_keys["amazonses"]
        self.registry.publish(f"{AMAZON_SELECTOR}._domainkey.{AMAZON_DOMAIN}", "TXT", dkim_record(amazon_key))
        dispatch = Dispatch(
            config,
            smtp,
            amazon_key=amazon_key,
            account=self.account,
            suppressions=self.suppressions,
            configuration_sets=self.configuration_sets,
            events=self.events,
            background=self._background,
            clock=clock,
        )
        sending = Sending(
            config, self.account, self.registry, self.configuration_sets, dispatch=dispatch, clock=clock
        )
        tags = Tags(config, self.registry, self.configuration_sets)
        ses = [self.identities, self.configuration_sets, self.account, self.suppressions, tags, sending]
        control_bucket = Bucket(clock, rate=config.control_rate, capacity=1)
        self.app = Gateway(
            {
                "sesv2": RestJson(Service("sesv2", ses, invalid="BadRequestException")),
                "sns": Query(Service("sns", [Sns(self.topics)], invalid="InvalidParameter")),
                "sqs": TargetJson(
                    Service("sqs", [self.queues], invalid="InvalidParameterValueException"), QUERY_CODES
                ),
                "sts": Query(Service("sts", [Sts(config)], invalid="ValidationError")),
            },
            self.call_faults,
            self.ledger,
            control_bucket,
        )

        async def signing_certificate(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
            """SNS's signing certificate."""
            return Response(certificates.signing_certificate, media_type="application/x-pem-file")

        self.tls_app = Starlette(
            routes=[Route(certificates.signing_path, signing_certificate), Mount("/", self.app)]
        )
        self.control_routes: list[BaseRoute] = AwsRoutes(
            clock=clock,
            registry=self.registry,
            identities=self.identities,
            account=self.account,
            ledger=self.ledger,
            call_faults=self.call_faults,
            event_faults=self.event_faults,
            events=self.events,
        ).routes()

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at DNS and keeps keys in stock until `stop` is set; then ends every delivery under way."""
        await asyncio.gather(self._checker.run(stop), self._keys.run(stop))
        await self._background.close()
