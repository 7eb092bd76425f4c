import { headersOf } from './sign_in.jsx';

const BALANCE = `# What I have: total = available + escrowed
query MyBalance($userId: ID!) {
  getUserBalance(userId: $userId) {
    totalBalance
    availableBalance
    escrowedBalance
  }
}
`;

const SERVICES = `# What members offer. Take an id from here to ask for it.
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
`;

const ASK = `# Ask for a service: the hours are held until both sides confirm the work.
mutation Ask($input: CreateServiceRequestInput!) {
  createServiceRequest(input: $input) {
    id
    status
    estimatedHours
  }
}
`;

const ANSWER = `# The provider's answer: ACCEPTED or REJECTED
mutation Answer($input: UpdateProviderResponseInput!) {
  updateProviderResponse(input: $input) {
    id
    status
  }
}
`;

const WATCH = `# Every status of my requests, as it is written.
# It ends with this tab: ask in another window.
subscription WatchMyRequests($requesterId: String) {
  onUpdateServiceRequest(requesterId: $requesterId) {
    id
    status
    updatedAt
  }
}
`;

// The tabs that a first visit opens. Ids are filled in as far as they are known, so that the tabs of
// one story belong together: what alice asks for is what bob answers.
export function examples(members, serviceId) {
  const alice = members.find((member) => member.username === 'alice');
  const bob = members.find((member) => member.username === 'bob');
  const requestId = crypto.randomUUID();
  const ask = {
    id: requestId,
    serviceId: serviceId || 'an id from listServices',
    requesterId: alice?.sub,
    providerId: bob?.sub,
    status: 'INITIATED',
    negotiationRound: 0,
    estimatedHours: 2,
    message: 'Could you help me with the garden?',
  };
  return [
    tab(BALANCE, { userId: alice?.sub }, alice),
    tab(SERVICES, {}, alice),
    tab(ASK, { input: ask }, alice),
    tab(ANSWER, { input: { requestId, response: 'ACCEPTED' } }, bob),
    tab(WATCH, { requesterId: alice?.sub }, alice),
  ];
}

const tab = (query, variables, member) => ({
  query,
  variables: JSON.stringify(variables, null, 2),
  headers: member ? headersOf(member) : '',
});
