"""Which scopes may call each rpc, as the option `required_scope` of its method says."""

from collections.abc import Iterable, Mapping

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from chassis.access import Scope
from letterhead.access.v1 import scope_pb2

_SCOPES: Mapping[int, Scope] = {scope_pb2.Scope.Value(f"SCOPE_{scope}"): scope for scope in Scope}


def required_scopes(services: Iterable[str], *, of_grpc: Iterable[str] = ()) -> dict[str, tuple[Scope, ...]]:
    """Return the scopes that each method requires, by its path; any key may call the services `of_grpc`.

    Raises ValueError for a method without the option, so that a process with such a method does not start.
    """
    found = {_path(each): tuple(Scope) for name in of_grpc for each in _service(name).methods}
    return found | {_path(each): _required(each) for name in services for each in _service(name).methods}


def scopes_of(method: MethodOptions) -> tuple[Scope, ...]:
    """Return the scopes that a method requires; ADMIN need not be among them, as it may call every method."""
    return tuple(_SCOPES[each] for each in method.Extensions[scope_pb2.required_scope])


def _required(method: MethodDescriptor) -> tuple[Scope, ...]:
    if scopes := scopes_of(method.GetOptions()):
        return scopes
    raise ValueError(f"{method.full_name} has no option required_scope. Declare who may call it.")


def _service(name: str) -> ServiceDescriptor:
    return descriptor_pool.Default().FindServiceByName(name)


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"
