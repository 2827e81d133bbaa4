"""docs/events.md is up to date with the .proto files and lists every event."""

import json
import re
import subprocess
import sys

from google.protobuf import json_format

from chassis.events.subjects import MESSAGES
from letterhead.events.v1 import email_events_pb2
from tests.contract.sources import ROOT

PAGE = (ROOT / "docs/events.md").read_text(encoding="utf-8")
SUBJECTS = set(re.findall(r"^### `([a-z._]+)`$", PAGE, re.MULTILINE))


def test_the_events_page_is_up_to_date() -> None:
    generated = subprocess.run(
        [sys.executable, "scripts/document_events.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert generated.stdout == PAGE, "run `make docs`"


def test_the_page_lists_every_event() -> None:
    """test_subjects.py holds that services build exactly these."""
    assert set(MESSAGES) == SUBJECTS


def test_the_example_is_a_valid_event() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    event = json.loads(example)
    message = email_events_pb2.BounceReceived()

    json_format.ParseDict(event["data"], message)

    assert event["dataschema"] == message.DESCRIPTOR.full_name
    assert event["type"] in SUBJECTS
