"""Each status is reached at a state of the requests' machine."""

from models.requests.statuses import RequestStatus
from tests.unit.workflows.drawing.machines import DEPLOYED
from workflows.drawing.statuses import STATES


def test_every_status_has_a_state_of_its_own() -> None:
    assert STATES.keys() == set(RequestStatus)
    assert len(set(STATES.values())) == len(STATES)
    assert set(STATES.values()) <= DEPLOYED["ServiceRequestWorkflow"]["States"].keys()
