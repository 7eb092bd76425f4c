// The resolvers of Apollo Server and of Mercurius.
import { createServiceRequest, processDirectTransfer, updateProviderResponse } from "./writes.js";
import { PAGES, REQUESTS, USERS, get, page, requestsOf } from "./rows.js";

const pages = Object.fromEntries(Object.entries(PAGES).map(([field, [table, index, key]]) =>
  [field, ({ id }, { limit }) => page(table, index, key, id, limit)]));

export const resolvers = {
  Query: {
    getServiceRequest: (_, { id }) => get(REQUESTS, id),
    getUser: (_, { id }) => get(USERS, id),
    serviceRequestsByRequesterId: (_, { requesterId, limit }) => requestsOf(requesterId, limit),
  },
  Mutation: { createServiceRequest, updateProviderResponse, processDirectTransfer },
  ServiceRequest: {
    requester: ({ requesterId }, _, { users }) => users.load(requesterId),
    provider: ({ providerId }, _, { users }) => users.load(providerId),
  },
  User: {
    ...pages,
    balance: ({ id }, _, { balances }) => balances.load(id),
    bankHours: async ({ id }, _, { balances }) => (await balances.load(id))?.totalBalance ?? 0,
  },
};
