"""A catalogue of sentences by reason, with named parameters of which others may leave some out. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import Formatter
from typing import Generic, TypeGuard, TypeVar

Reason = TypeVar("Reason", bound=int | str)


class Sentences(Generic[Reason]):
    """The sentences of reasons; a `detailed` one is used if all parameters that it mentions are known."""

    def __init__(self, messages: Mapping[Reason, str], detailed: Mapping[Reason, Sequence[str]]) -> None:
        self._sentences = {
            reason: [(each, mentioned(each)) for each in (*detailed.get(reason, ()), message)]
            for reason, message in messages.items()
        }

    def __iter__(self) -> Iterator[tuple[Reason, str]]:
        """Yield each sentence with its reason."""
        return ((reason, each) for reason, listed in self._sentences.items() for each, _ in listed)

    def __contains__(self, reason: Reason) -> bool:
        return reason in self._sentences

    def sentence(self, reason: Reason, parameters: Mapping[str, object]) -> str:
        """Return the first sentence of a reason whose parameters are all known, otherwise the last one."""
        return formatted(self.template(reason, parameters), parameters)

    def template(self, reason: Reason, parameters: Mapping[str, object]) -> str:
        """Return that sentence with its placeholders."""
        listed = self._sentences[reason]
        return next((each for each, names in listed if names <= parameters.keys()), listed[-1][0])


def formatted(sentence: str, parameters: Mapping[str, object]) -> str:
    """Return a sentence with its parameters: lists are enumerated, and missing ones are empty."""
    texts = {name: enumerated(value) if _is_list(value) else value for name, value in parameters.items()}
    return sentence.format_map(defaultdict(str, texts))


def _is_list(value: object) -> TypeGuard[Iterable[str]]:
    return isinstance(value, Iterable) and not isinstance(value, str)


def enumerated(names: Iterable[str]) -> str:
    """Return names as in a sentence, such as `a, b and c`."""
    listed = list(names)
    return " and ".join([", ".join(listed[:-1]), *listed[-1:]] if len(listed) > 1 else listed)


def mentioned(sentence: str) -> frozenset[str]:
    """Return the names of the parameters that a sentence mentions."""
    return frozenset(name for _, name, _, _ in Formatter().parse(sentence) if name)
