"""The floor of accepting: a gRPC unary of the same bytes, and one row. A process of its own."""

import asyncio
import sys

import asyncpg
import grpc

from chassis.ids import uuid7

METHOD = "/bench.Floor/Insert"
TABLE = "CREATE TABLE IF NOT EXISTS public.floor (id uuid PRIMARY KEY, body bytea NOT NULL)"


async def _main(port: int, database_url: str) -> None:
    async with asyncpg.create_pool(database_url, max_size=10, reset=_keep_session) as pool:
        await pool.execute(TABLE)

        async def insert(request: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            await pool.execute("INSERT INTO public.floor (id, body) VALUES ($1, $2)", uuid7(), request)
            return request

        server = grpc.aio.server()
        service, method = METHOD.strip("/").split("/")
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(insert)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()


async def _keep_session(_: object) -> None:
    """Spare the round trip of a reset, as the services do."""


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2]))
