"""Reads a Terraform module and evaluates the few expressions that ours uses; any other raises an error."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2.api

Json = dict[str, Any]
CHOICE = re.compile(r"(?P<condition>.+?) \? (?P<yes>.+) : (?P<no>.+)")
WHOLE = re.compile(r"\$\{(.*)\}", re.DOTALL)
INNER = re.compile(r"\$\{([^{}]*)\}")
# Arguments of Terraform itself, which are not properties.
META_ARGUMENTS = frozenset({"count", "depends_on", "for_each"})
# What refers to a resource, and the attribute that identifies it.
ARN = re.compile(r"(aws_\w+)\.(\w+)\.(arn|name|configuration_set_name)")


class Module:
    """A module with values for its variables, and for the data sources that it reads."""

    def __init__(self, directory: Path, data: Mapping[str, Any], **variables: Any) -> None:
        self._files = [hcl2.api.loads(path.read_text()) for path in sorted(directory.glob("*.tf"))]
        defaults = {name: block["default"] for name, block in self._named("variable")}
        self._known = dict(data) | {f"var.{name}": value for name, value in (defaults | variables).items()}
        self._locals = {
            name: value
            for file in self._files
            for block in file.get("locals", [])
            for name, value in block.items()
        }
        self._resources = {(kind, name): block for kind, name, block in self._blocks("resource")}
        self._documents = {
            name: block for kind, name, block in self._blocks("data") if kind == "aws_iam_policy_document"
        }

    def resources(self) -> Iterator[tuple[str, Json]]:
        """Yield the type and the evaluated arguments of each resource that the variables ask for."""
        for (kind, _), block in self._resources.items():
            for key in self._instances(block):
                arguments = {name: each for name, each in block.items() if name not in META_ARGUMENTS}
                yield kind, self._value(arguments, key)

    def _instances(self, block: Json) -> list[str]:
        if "for_each" in block:
            return list(self._value(block["for_each"], ""))
        return [""] * int(self._value(block.get("count", 1), ""))

    def _value(self, value: Any, key: str) -> Any:
        """Evaluate a value; `key` is what each.key stands for."""
        if isinstance(value, dict):
            return {name: self._value(each, key) for name, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, key) for each in value]
        if not isinstance(value, str):
            return value
        whole = WHOLE.fullmatch(value)
        if whole and "${" not in whole[1].split("(")[0].split("[")[0]:
            return self._expression(whole[1], key)
        return INNER.sub(lambda found: str(self._expression(found[1], key)), value)

    def _expression(self, text: str, key: str) -> Any:
        if text.startswith("jsonencode("):
            return self._value(json.loads(text.removeprefix("jsonencode(").removesuffix(")")), key)
        if choice := CHOICE.fullmatch(text):
            chosen = "yes" if self._expression(choice["condition"], key) else "no"
            return self._expression(choice[chosen], key)
        python = text.replace("&&", "and").replace("||", "or")
        return self._node(ast.parse(python, mode="eval").body, key)

    def _node(self, node: ast.expr, key: str) -> Any:
        match node:
            case ast.Constant(value=value):
                return self._value(value, key)
            case ast.List(elts=elements):
                return [self._node(each, key) for each in elements]
            case ast.BoolOp(op=operator, values=values):
                found = [bool(self._node(each, key)) for each in values]
                return all(found) if isinstance(operator, ast.And) else any(found)
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as operator], comparators=[right]):
                equal = self._node(left, key) == self._node(right, key)
                return equal if isinstance(operator, ast.Eq) else not equal
            case ast.Call(func=ast.Name(id="toset"), args=[argument]):
                return self._node(argument, key)
            case ast.Attribute():
                return self._reference(re.sub(r"\[[^\]]*\]", "", ast.unparse(node)), key)
        raise ValueError(f"This expression is not supported: {ast.unparse(node)}")

    def _reference(self, name: str, key: str) -> Any:
        if name == "each.key":
            return key
        if name in self._known:
            return self._known[name]
        if name.startswith("local."):
            return self._value(self._locals[name.removeprefix("local.")], key)
        if name.startswith("data.aws_iam_policy_document."):
            return self._document(self._documents[name.split(".")[2]], key)
        if found := ARN.fullmatch(name):
            block = self._resources[found[1], found[2]]
            label = self._value(block.get("name", block.get("configuration_set_name")), key)
            return f"{found[1]}:{label}" if found[3] == "arn" else label
        raise ValueError(f"This reference is not supported: {name}")

    def _document(self, block: Json, key: str) -> Json:
        """Return a policy document as Terraform's provider writes it."""
        statements = list(block.get("statement", []))
        for each in block.get("dynamic", []):
            count = len(self._value(each["statement"]["for_each"], key))
            statements += each["statement"]["content"] * count
        return {
            "Version": "2012-10-17",
            "Statement": [_statement(self._value(each, key)) for each in statements],
        }

    def _blocks(self, kind: str) -> Iterator[tuple[str, str, Json]]:
        for type_name, named in self._named(kind):
            for name, block in named.items():
                yield type_name, name, block

    def _named(self, kind: str) -> Iterator[tuple[str, Json]]:
        for file in self._files:
            for block in file.get(kind, []):
                yield from block.items()


def _statement(block: Json) -> Json:
    statement: Json = {"Sid": block["sid"], "Effect": block["effect"], "Action": block["actions"]}
    if "resources" in block:
        statement["Resource"] = block["resources"]
    for principal in block.get("principals", []):
        everyone = principal["type"] == "*"
        statement["Principal"] = "*" if everyone else {principal["type"]: principal["identifiers"]}
    for condition in block.get("condition", []):
        operator = statement.setdefault("Condition", {}).setdefault(condition["test"], {})
        assert condition["variable"] not in operator
        operator[condition["variable"]] = condition["values"]
    return statement
