"""Health checks of a service, made as a probe makes them: on the health port, without a key."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING


async def serves(port: int, service: str = "") -> bool:
    """Return whether the service responds with SERVING; an error counts as False."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=2)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == SERVING)
