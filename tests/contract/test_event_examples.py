"""Every event has an example that was recorded from a run, and the current contract can read it."""

import json

import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from chassis.events.subjects import MESSAGES
from chassis.events.trust import trusted
from scripts.event_examples import event_examples

EXAMPLES = event_examples()


def test_every_event_has_an_example() -> None:
    assert set(MESSAGES) == EXAMPLES.keys(), "add a scene to scripts/scenes/, and run `make examples`"


@pytest.mark.parametrize("subject", EXAMPLES)
def test_consumers_trust_an_example(subject: str) -> None:
    trusted(json.dumps(EXAMPLES[subject]).encode(), subject)


@pytest.mark.parametrize("subject", EXAMPLES)
def test_an_example_is_of_the_message_of_its_subject(subject: str) -> None:
    """It may lack fields that were added since, but has none that the message does not have."""
    assert EXAMPLES[subject]["dataschema"] == MESSAGES[subject].full_name
    json_format.ParseDict(EXAMPLES[subject]["data"], GetMessageClass(MESSAGES[subject])())
