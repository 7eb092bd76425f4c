import { readFileSync } from "node:fs";
import { makeExecutableSchema } from "@graphql-tools/schema";
import Fastify from "fastify";
import mercurius from "mercurius";
import { resolvers } from "./resolvers.js";
import { loaders } from "./rows.js";

const app = Fastify();
const schema = makeExecutableSchema({ typeDefs: readFileSync(process.env.BENCH_SCHEMA, "utf8"), resolvers });
app.register(mercurius, { schema, jit: 1, context: loaders });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
