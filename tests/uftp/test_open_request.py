"""Which response a request has."""

import pytest

from agr.uftp.messages import TYPES
from agr.uftp.open_request import OpenRequest

RESPONSES = sorted(name for name, kind in TYPES.items() if kind.reference_attribute is not None)


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_is_named_after_the_request_that_it_names(name: str) -> None:
    request = name.removesuffix("Response")
    assert request in TYPES
    assert TYPES[name].reference_attribute == ("Reference" if request == "TestMessage" else request) + "MessageID"
    assert OpenRequest(message_id="", conversation_id="", type=request, recipient_domain="").answer_type == name


def test_whatever_is_named_a_response_names_its_request() -> None:
    assert sorted(name for name in TYPES if name.endswith("Response")) == RESPONSES
