"""The tabs that GraphiQL opens at a first visit of HourBank: one story, in which alice and bob do their parts."""

from resolvers.hosting.demo_data import DEMO_SERVICES
from resolvers.transport.graphiql import NEW_ID, Example, id_of

_ALICE, _BOB = "alice", "bob"
_BALANCE = """\
# What I have: total = available + escrowed
query MyBalance($userId: ID!) {
  getUserBalance(userId: $userId) {
    totalBalance
    availableBalance
    escrowedBalance
  }
}
"""
_SERVICES = """\
# What members offer. Take an id from here to ask for it.
query Services {
  listServices(limit: 20) {
    items {
      id
      title
      hourlyRate
      userId
    }
  }
}
"""
_ASK = """\
# Ask for a service: the hours are held until both sides confirm the work.
mutation Ask($input: CreateServiceRequestInput!) {
  createServiceRequest(input: $input) {
    id
    status
    estimatedHours
  }
}
"""
_ANSWER = """\
# The provider's answer: ACCEPTED or REJECTED
mutation Answer($input: UpdateProviderResponseInput!) {
  updateProviderResponse(input: $input) {
    id
    status
  }
}
"""
_WATCH = """\
# Every status of my requests, as it is written.
# It ends with this tab: ask in another window.
subscription WatchMyRequests($requesterId: String) {
  onUpdateServiceRequest(requesterId: $requesterId) {
    id
    status
    updatedAt
  }
}
"""
_REQUEST = {
    "id": NEW_ID,
    "serviceId": DEMO_SERVICES[0].id,
    "requesterId": id_of(_ALICE),
    "providerId": id_of(_BOB),
    "status": "INITIATED",
    "negotiationRound": 0,
    "estimatedHours": 2,
    "message": "Could you help me with the garden?",
}

EXAMPLES = (
    Example(_BALANCE, {"userId": id_of(_ALICE)}, _ALICE),
    Example(_SERVICES, {}, _ALICE),
    Example(_ASK, {"input": _REQUEST}, _ALICE),
    Example(_ANSWER, {"input": {"requestId": NEW_ID, "response": "ACCEPTED"}}, _BOB),
    Example(_WATCH, {"requesterId": id_of(_ALICE)}, _ALICE),
)
