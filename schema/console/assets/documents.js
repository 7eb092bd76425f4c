// What the console asks for: operations that every app has, by which an admin sees everybody's rows.

export const IN_FLIGHT = [
  'INITIATED', 'VALIDATING', 'ESCROWED', 'AWAITING_RESPONSE', 'NEGOTIATING', 'ACCEPTED', 'IN_PROGRESS', 'COMPLETED',
  'DISPUTED',
];
export const ENDED = ['PAID', 'REJECTED', 'EXPIRED'];

// Rows that a page shows of each state: of all, with what belongs to them, an operation may ask for 2,000.
export const MOST = { inFlight: 40, ended: 12, members: 100, events: 60 };

const REQUEST = `
  id status statusReason serviceId requesterId providerId estimatedHours amount stepFunctionExecutionArn
  createdAt updatedAt expiresAt service { id title } requester { id username } provider { id username }`;

const byStatus = (statuses, limit) =>
  `query {${statuses.map((status) => `
    ${status}: serviceRequestsByStatus(status: ${status}, sortDirection: DESC, limit: ${limit}) {
      items {${REQUEST}} nextToken
    }`).join('')}
  }`;

export const REQUESTS = [byStatus(IN_FLIGHT, MOST.inFlight), byStatus(ENDED, MOST.ended)];

export const DETAILS = `query Details($id: ID!, $arn: String!, $requester: ID!, $provider: ID!) {
  getWorkflowStatus(executionArn: $arn) {
    status currentStep deadline percentComplete steps { name title state at }
  }
  escrowsByRequestId(requestId: $id, limit: 5) {
    items { id amount status escrowType createdAt releasedAt cancelledAt }
  }
  eventLogsByEntityId(entityId: $id, sortDirection: DESC, limit: ${MOST.events}) {
    items { id eventType actorUserId timestamp eventData }
  }
  from: getUserBalance(userId: $requester) { userId availableBalance escrowedBalance }
  to: getUserBalance(userId: $provider) { userId availableBalance escrowedBalance }
}`;

export const BOOKS = `query {
  getReconciliationReport {
    status startedAt finishedAt membersChecked discrepancyCount totalHours issuedHours
    discrepancies { userId fault message }
  }
}`;
export const BALANCES = `query {
  listUserBalances(limit: ${MOST.members}) {
    items { userId availableBalance escrowedBalance totalBalance lockedAt user { username } } nextToken
  }
}`;

export const CREATED = `subscription { onCreateServiceRequest {${REQUEST}} }`;
export const UPDATED = `subscription { onUpdateServiceRequest {${REQUEST}} }`;
export const PROGRESS = `subscription Progress($id: ID!) {
  onServiceRequestProgress(requestId: $id) { status currentStep }
}`;
export const BALANCE = `subscription {
  onUpdateUserBalance { userId availableBalance escrowedBalance totalBalance lockedAt }
}`;
