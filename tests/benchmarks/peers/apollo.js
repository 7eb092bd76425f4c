import { readFileSync } from "node:fs";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { resolvers } from "./resolvers.js";
import { loaders } from "./rows.js";

const server = new ApolloServer({ typeDefs: readFileSync(process.env.BENCH_SCHEMA, "utf8"), resolvers });
await startStandaloneServer(server, {
  listen: { host: "127.0.0.1", port: Number(process.env.PORT) },
  context: async () => loaders(),
});
