"""The ways that a request can go, as scenarios: what people do at each wait, and how it ends."""

from collections.abc import Mapping

from models.requests.statuses import RequestStatus, StatusReason, Step
from tests.chaos.simulation.scenarios import SOON, Failure, Policy, Scenario

_PROVIDER_WAIT, _NEGOTIATION = Step.WAIT_FOR_PROVIDER_RESPONSE, Step.WAIT_FOR_NEGOTIATION_RESPONSE
_START, _CONFIRM_START = Step.WAIT_FOR_SERVICE_START, Step.CONFIRM_SERVICE_START
_WORK, _CONFIRM_WORK = Step.WAIT_FOR_COMPLETION, Step.CONFIRM_SERVICE_COMPLETION
_DECISION = Step.WAIT_FOR_ADMIN_DECISION
_WORKED: Policy = {
    _START: ("start",),
    _CONFIRM_START: ("confirm start",),
    _WORK: ("finish",),
    _CONFIRM_WORK: ("confirm work",),
}
_REJECTED, _EXPIRED, _PAID = RequestStatus.REJECTED, RequestStatus.EXPIRED, RequestStatus.PAID

# The first takes every step of the usual way; in each later one, faults are injected into its new calls only.
SCENARIOS: Mapping[str, Scenario] = {
    "paid": Scenario(policy={_PROVIDER_WAIT: ("accept",), **_WORKED}, status=_PAID, spent="2", rated=True),
    "too few hours": Scenario(status=_REJECTED, reason=StatusReason.INSUFFICIENT_BALANCE, requested_hours=10.01),
    "rejected": Scenario(
        policy={_PROVIDER_WAIT: ("reject",)}, status=_REJECTED, reason=StatusReason.PROVIDER_REJECTED
    ),
    "negotiated": Scenario(
        policy={_PROVIDER_WAIT: ("offer", "offer"), _NEGOTIATION: ("counter", "take"), **_WORKED},
        status=_PAID,
        spent="4.5",
    ),
    "declined": Scenario(
        policy={_PROVIDER_WAIT: ("offer",), _NEGOTIATION: ("decline",)},
        status=_REJECTED,
        reason=StatusReason.REQUESTER_REJECTED,
    ),
    "not answered": Scenario(status=_EXPIRED, reason=StatusReason.RESPONSE_TIMEOUT),
    "offer not answered": Scenario(
        policy={_PROVIDER_WAIT: ("offer",)}, status=_EXPIRED, reason=StatusReason.NEGOTIATION_TIMEOUT
    ),
    "not begun": Scenario(
        policy={_PROVIDER_WAIT: ("accept",)}, status=_EXPIRED, reason=StatusReason.START_TIMEOUT
    ),
    "confirmed by the clock": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), _START: ("start",), _WORK: ("finish",)}, status=_PAID, spent="2"
    ),
    "cancelled": Scenario(
        policy={_PROVIDER_WAIT: ("cancel",)}, status=_REJECTED, reason=StatusReason.REQUESTER_CANCELLED
    ),
    "withdrawn": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("withdraw",)},
        status=_REJECTED,
        reason=StatusReason.PROVIDER_WITHDREW,
    ),
    "restarted": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("restart", "finish")}, status=_PAID, spent="2"
    ),
    "aborted": Scenario(
        policy={_PROVIDER_WAIT: ("abort", "reject")}, status=_REJECTED, reason=StatusReason.PROVIDER_REJECTED
    ),
    "lost": Scenario(
        policy={_PROVIDER_WAIT: ("lose", "reject")}, status=_REJECTED, reason=StatusReason.PROVIDER_REJECTED
    ),
    "begun again": Scenario(
        policy={_PROVIDER_WAIT: ("lose", "begin again", "reject")},
        status=_REJECTED,
        reason=StatusReason.PROVIDER_REJECTED,
    ),
    "locked": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("lock", "finish")},
        afterwards=("unlock",),
        status=_PAID,
        spent="2",
    ),
    "refunded": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("dispute",), _DECISION: ("assign", "grant")},
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "awarded": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("object",), _DECISION: ("assign", "award")},
        status=_PAID,
        reason=StatusReason.DISPUTE_PAID,
        spent="2",
    ),
    "divided": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("dispute",), _DECISION: ("assign", "divide")},
        status=_PAID,
        reason=StatusReason.DISPUTE_SPLIT,
        spent="0.75",
    ),
    "dismissed": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute", "finish"),
            _DECISION: ("assign", "dismiss"),
        },
        status=_PAID,
        spent="2",
    ),
    "decided late": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute", "finish"),
            _DECISION: ("assign", "be late", "assign another", "dismiss as another"),
        },
        status=_PAID,
        spent="2",
    ),
    "disputed, restarted": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("assign", "restart", "grant"),
        },
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "disputed, aborted": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("abort", "assign", "award"),
        },
        status=_PAID,
        reason=StatusReason.DISPUTE_PAID,
        spent="2",
    ),
    "paid and taken back": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "grant")},
        afterwards=("dispute",),
        status=_PAID,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "paid and divided twice": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "divide", "assign", "award")},
        afterwards=("dispute", "object"),
        status=_PAID,
        reason=StatusReason.DISPUTE_PAID,
        spent="0.75",
    ),
    "paid and dismissed": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "dismiss")},
        afterwards=("object",),
        status=_PAID,
        spent="2",
    ),
    "paid and gone": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "grant")},
        afterwards=("spend all", "dispute"),
        status=_PAID,
        reason=StatusReason.DISPUTE_REFUNDED,
        spent="-10",
    ),
    "given back": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("give back",)},
        status=_REJECTED,
        reason=StatusReason.ADMIN_CANCELLED,
    ),
    "redriven": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, Failure.DEAD_LETTER: ("repair", "redrive")},
        down=("releaseEscrow",),
        status=_PAID,
        spent="2",
    ),
    "stranded": Scenario(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, Failure.GIVEN_UP: ("repair", "pay out")},
        down=("releaseEscrow",),
        resumed_for=SOON,
        status=_PAID,
        spent="2",
    ),
    "stranded before its decision": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("assign", "grant"),
            Failure.GIVEN_UP: ("repair", "assign"),
        },
        down=("notifyAdmin",),
        resumed_for=SOON,
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "stranded behind its decision": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("assign", "grant"),
            Failure.GIVEN_UP: ("repair", "grant"),
        },
        down=("processDisputeResolution",),
        resumed_for=SOON,
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "by the app": Scenario(
        policy={_PROVIDER_WAIT: ("send begun",), _CONFIRM_START: ("send done", "send confirmed")},
        status=_PAID,
        spent="2",
        by_app=True,
        rated=True,
    ),
    "by the app, step by step": Scenario(
        policy={
            _PROVIDER_WAIT: ("accept",),
            _START: ("send begun",),
            _CONFIRM_START: ("send confirmed",),
            _WORK: ("send done",),
            _CONFIRM_WORK: ("send confirmed",),
        },
        status=_PAID,
        spent="2",
        by_app=True,
    ),
    "by the app, confirmed by the clock": Scenario(
        policy={_PROVIDER_WAIT: ("send begun",), _CONFIRM_START: ("send done",)},
        status=_PAID,
        spent="2",
        by_app=True,
    ),
    "by the app, rejected": Scenario(
        policy={_PROVIDER_WAIT: ("send no",)},
        status=_REJECTED,
        reason=StatusReason.PROVIDER_REJECTED,
        by_app=True,
    ),
    "by the app, cancelled": Scenario(
        policy={_PROVIDER_WAIT: ("send never mind",)},
        status=_REJECTED,
        reason=StatusReason.REQUESTER_CANCELLED,
        by_app=True,
    ),
    "by the app, withdrawn": Scenario(
        policy={_PROVIDER_WAIT: ("send begun",), _CONFIRM_START: ("send done", "send no")},
        status=_REJECTED,
        reason=StatusReason.PROVIDER_WITHDREW,
        by_app=True,
    ),
    "by the app, restarted": Scenario(
        policy={_PROVIDER_WAIT: ("send begun",), _CONFIRM_START: ("send done", "restart", "send confirmed")},
        status=_PAID,
        spent="2",
        by_app=True,
    ),
    "given up": Scenario(
        down=("notifyProvider",),
        resumed_for=SOON,
        status=_REJECTED,
        reason=StatusReason.WORKFLOW_ERROR,
    ),
}
