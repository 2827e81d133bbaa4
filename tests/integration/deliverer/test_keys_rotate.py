"""The key file rotates: the old key still opens, the new one seals, and then the old one can be removed."""

from dataclasses import replace

from prometheus_client import REGISTRY

from chassis.config import Secret
from chassis.sealing import Seal, SealBroken, generate_key
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer import __main__ as deliverer
from services.webhooks.store.secrets import BATCH, SecretStore
from tests.integration.deliverer.conftest import Hooks, Settings, verified, webhook_service
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually

SEVERAL = BATCH + 5


def with_keys(settings: Settings, *keys: str) -> Settings:
    """Return the settings of both services with another key file."""
    secret = Secret("\n".join(keys))
    return replace(
        settings,
        webhooks=replace(settings.webhooks, webhook_keys=secret),
        deliverer=replace(settings.deliverer, webhook_keys=secret),
    )


def key_of(settings: Settings) -> str:
    assert settings.webhooks.webhook_keys is not None
    return settings.webhooks.webhook_keys.reveal()


async def sealed(hooks: Hooks) -> list[bytes]:
    """Return all secrets, as they are stored."""
    rows = await hooks.database.fetch("SELECT secret, previous_secret FROM webhooks.endpoints")
    return [bytes(each) for row in rows for each in row if each is not None]


def all_open(stored: list[bytes], seal: Seal) -> bool:
    try:
        return [seal.open(each) for each in stored] != []
    except SealBroken:
        return False


async def test_secrets_move_to_the_first_key_and_the_old_key_can_be_removed(idle_hooks: Hooks) -> None:
    hooks, new = idle_hooks, generate_key()
    created = await hooks.create("/kept", "EMAIL_BOUNCED")
    request = pb.RotateSecretRequest(endpoint_id=created.id)
    rotated = (await hooks.stub.RotateSecret(request, metadata=hooks.key)).endpoint

    async with webhook_service(
        with_keys(hooks.settings, new, key_of(hooks.settings)), hooks.database, hooks.stream
    ):
        await eventually(lambda: _moved(hooks, new))

    only_new = with_keys(hooks.settings, new)
    async with deliverer.running(only_new.deliverer):
        await hooks.publish(a_bounce())
        [post] = await hooks.posts("/kept")
    assert verified(post, created.secret) == verified(post, rotated.secret)


async def _moved(hooks: Hooks, key: str) -> bool:
    return all_open(await sealed(hooks), Seal(Secret(key)))


async def test_an_old_key_still_opens(idle_hooks: Hooks) -> None:
    """The new file has reached deliverer, but webhooks has not encrypted anything with the new key."""
    endpoint = await idle_hooks.create("/old", "EMAIL_BOUNCED")
    both = with_keys(idle_hooks.settings, generate_key(), key_of(idle_hooks.settings))

    async with deliverer.running(both.deliverer):
        await idle_hooks.publish(a_bounce())
        [post] = await idle_hooks.posts("/old")

    assert verified(post, endpoint.secret)


async def test_a_walk_goes_through_all_endpoints_in_batches_and_counts_the_old(idle_hooks: Hooks) -> None:
    hooks, new = idle_hooks, generate_key()
    endpoint = await hooks.create("/many", "EMAIL_BOUNCED")
    await hooks.database.execute(
        "INSERT INTO webhooks.endpoints (id, tenant_id, url, types, secret, content_hash)"
        " SELECT gen_random_uuid(), tenant_id, url, types, secret, content_hash"
        " FROM webhooks.endpoints, generate_series(2, $1) WHERE id = $2",
        SEVERAL,
        endpoint.id,
    )

    async with hooks.database.open("webhooks") as database:
        store = SecretStore(database, Seal(Secret(f"{new}\n{key_of(hooks.settings)}")))
        first = [await store.reseal(), await store.reseal(), old_secrets()]
        second = [await store.reseal(), await store.reseal(), old_secrets()]

    assert (first, second) == ([True, False, SEVERAL], [True, False, 0])
    assert await _moved(hooks, new)


async def test_a_secret_that_no_key_opens_is_counted_and_left(idle_hooks: Hooks) -> None:
    hooks = idle_hooks
    await hooks.create("/lost", "EMAIL_BOUNCED")
    before = await sealed(hooks)

    async with hooks.database.open("webhooks") as database:
        await SecretStore(database, Seal(Secret(generate_key()))).reseal()

    assert old_secrets() == 1
    assert await sealed(hooks) == before


async def test_a_replica_with_the_keys_of_before_is_caught_up_with(idle_hooks: Hooks) -> None:
    """The file has reached one replica; the other encrypts a new secret with the old key."""
    hooks, new = idle_hooks, generate_key()
    async with hooks.database.open("webhooks") as database:
        store = SecretStore(database, Seal(Secret(f"{new}\n{key_of(hooks.settings)}")))
        await store.reseal()
        late = await hooks.create("/late", "EMAIL_BOUNCED")

        await store.reseal()

    assert old_secrets() == 1
    assert await _moved(hooks, new)
    assert late.secret == Seal(Secret(new)).open((await sealed(hooks))[0])


def old_secrets() -> float | None:
    return REGISTRY.get_sample_value("letterhead_webhook_secrets_of_old_keys")
