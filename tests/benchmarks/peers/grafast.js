import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { access, lambda, loadOne, makeGrafastSchema, sideEffect } from "grafast";
import { grafserv } from "grafserv/node";
import * as writes from "./writes.js";
import { BALANCES, PAGES, REQUESTS, USERS, get, getAll, page, requestsOf } from "./rows.js";

// Node.js has it from version 22 on.
Promise.withResolvers ??= () => {
  let resolve, reject;
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
};

const requests = (ids) => Promise.all(ids.map((id) => get(REQUESTS, id)));
const users = (ids) => (ids.length === 1 ? get(USERS, ids[0]).then((row) => [row]) : getAll(USERS, ids));
const balances = (ids) => getAll(BALANCES, ids, "userId");
const pages = (asked) => Promise.all(asked.map(([id, limit]) => requestsOf(id, limit)));

const userPages = Object.fromEntries(Object.entries(PAGES).map(([field, [table, index, key]]) => {
  const load = (asked) => Promise.all(asked.map(([id, limit]) => page(table, index, key, id, limit)));
  return [field, ($user, { $limit }) => loadOne([access($user, "id"), $limit], load)];
}));

const mutations = Object.fromEntries(Object.entries(writes).map(([name, write]) =>
  [name, (_, { $input }) => sideEffect($input, (input) => write(null, { input }))]));

const schema = makeGrafastSchema({
  typeDefs: readFileSync(process.env.BENCH_SCHEMA, "utf8"),
  objects: {
    Query: {
      plans: {
        getServiceRequest: (_, { $id }) => loadOne($id, requests),
        getUser: (_, { $id }) => loadOne($id, users),
        serviceRequestsByRequesterId: (_, { $requesterId, $limit }) => loadOne([$requesterId, $limit], pages),
      },
    },
    Mutation: { plans: mutations },
    ServiceRequest: {
      plans: {
        requester: ($request) => loadOne(access($request, "requesterId"), users),
        provider: ($request) => loadOne(access($request, "providerId"), users),
      },
    },
    User: {
      plans: {
        ...userPages,
        balance: ($user) => loadOne(access($user, "id"), balances),
        bankHours: ($user) =>
          lambda(loadOne(access($user, "id"), balances), (balance) => balance?.totalBalance ?? 0, true),
      },
    },
  },
});

const server = createServer();
server.on("error", (error) => console.error(error));
await grafserv({ schema, preset: { grafserv: { graphqlPath: "/graphql" } } }).addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
