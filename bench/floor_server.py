"""Floor of accepting email: a unary RPC with the same bytes that inserts one row per email.

Runs as a separate process.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

import asyncpg
import grpc

from chassis.ids import uuid7

SERVICE = "bench.Floor"
SINGLE = f"/{SERVICE}/Insert"
BATCH = f"/{SERVICE}/InsertBatch"
EMAILS = 50  # per batch
ONE = "INSERT INTO public.floor (id, body) VALUES ($1, $2)"
MANY = "INSERT INTO public.floor (id, body) SELECT * FROM unnest($1::uuid[], $2::bytea[])"
TABLE = "CREATE TABLE IF NOT EXISTS public.floor (id uuid PRIMARY KEY, body bytea NOT NULL)"

Behaviour = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


async def _main(port: int, database_url: str) -> None:
    async with asyncpg.create_pool(database_url, max_size=10, reset=_keep_session) as pool:
        await pool.execute(TABLE)

        async def insert(request: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            await pool.execute(ONE, uuid7(), request)
            return request

        async def insert_batch(request: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            size = -(-len(request) // EMAILS)
            bodies = [request[number * size : (number + 1) * size] for number in range(EMAILS)]
            await pool.execute(MANY, [uuid7() for _ in bodies], bodies)
            return request

        server = grpc.aio.server()
        server.add_generic_rpc_handlers([_handlers({SINGLE: insert, BATCH: insert_batch})])
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()


def _handlers(behaviours: Mapping[str, Behaviour]) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(behaviour)
        for name, behaviour in behaviours.items()
    }
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


async def _keep_session(_: object) -> None:
    """Skip the reset query, as the services do."""


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2]))
