// What all peers write, in the way that AWS's documentation teaches: as many rows as we, in as many transactions.
// No rule is asked for, no entry is chained to the one before; a machine that does nothing stands for the workflow.
import { randomUUID } from "node:crypto";
import { SendTaskSuccessCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { BALANCES, REQUESTS, USERS, client, get, getFrom } from "./rows.js";

const { AWS_ENDPOINT_URL, BENCH_ENTRIES, BENCH_EVENTS, BENCH_EXCHANGES, BENCH_MACHINE, BENCH_NOTICES, BENCH_SERVICES } =
  process.env;
const machines = new SFNClient({ endpoint: AWS_ENDPOINT_URL });

const put = (table, row, key = "id") => ({
  Put: { TableName: table, Item: row, ConditionExpression: "attribute_not_exists(#key)", ExpressionAttributeNames: { "#key": key } },
});

function update(table, key, version, changes) {
  const names = Object.keys(changes);
  return {
    Update: {
      TableName: table,
      Key: key,
      UpdateExpression: `SET ${names.map((name, place) => `#${place} = :${place}`).join(", ")}`,
      ConditionExpression: "attribute_not_exists(#version) OR #version = :version",
      ExpressionAttributeNames: { "#version": "version", ...Object.fromEntries(names.map((name, place) => [`#${place}`, name])) },
      ExpressionAttributeValues: { ":version": version, ...Object.fromEntries(names.map((name, place) => [`:${place}`, changes[name]])) },
    },
  };
}

const write = (...items) =>
  client.send(new TransactWriteCommand({ TransactItems: items, ClientRequestToken: randomUUID() }));

const event = (type, of, data, at) => put(BENCH_EVENTS, {
  id: randomUUID(), eventType: type, entityId: of, entityType: "ServiceRequest", eventData: JSON.stringify(data),
  source: "bench", timestamp: at, createdAt: at, updatedAt: at,
});

export async function createServiceRequest(_, { input }) {
  const at = new Date().toISOString();
  const [service, requester, provider] = await getFrom({
    [BENCH_SERVICES]: [{ id: input.serviceId }],
    [USERS]: [{ id: input.requesterId }, { id: input.providerId }],
  });
  if (!service || !requester || !provider) throw new Error("there is no such service or member");
  const request = { ...input, version: 1, createdAt: at, updatedAt: at };
  await write(
    put(REQUESTS, request),
    put(BENCH_EXCHANGES, {
      id: input.id, serviceId: input.serviceId, consumerId: input.requesterId, providerId: input.providerId,
      hoursSpent: input.estimatedHours, status: "PENDING", description: service.title, createdAt: at, updatedAt: at,
    }),
    event("Service Request Submitted", input.id, input, at),
  );
  await machines.send(new StartExecutionCommand({
    stateMachineArn: BENCH_MACHINE, name: input.id, input: JSON.stringify({ requestId: input.id }),
  }));
  return request;
}

export async function updateProviderResponse(_, { input: { requestId, response } }) {
  const at = new Date().toISOString();
  const request = await get(REQUESTS, requestId);
  if (!request) throw new Error("there is no such request");
  const changes = { status: response, version: request.version + 1, updatedAt: at, respondedAt: at };
  await write(
    update(REQUESTS, { id: requestId }, request.version, changes),
    event("Provider Response Received", requestId, { response }, at),
  );
  // Its execution has ended long ago, which costs a peer an exception.
  await machines.send(new SendTaskSuccessCommand({ taskToken: requestId, output: "{}" })).catch(() => null);
  return { ...request, ...changes };
}

export async function processDirectTransfer(_, { input: { id, fromUserId, toUserId, amount, description } }) {
  const at = new Date().toISOString();
  const [from, to] = await getFrom({ [BALANCES]: [{ userId: fromUserId }, { userId: toUserId }] });
  if (!from || !to || from.availableBalance < amount) throw new Error("there are too few hours");
  const exists = (userId) => ({
    ConditionCheck: { TableName: USERS, Key: { id: userId }, ConditionExpression: "attribute_exists(id)" },
  });
  const move = (balance, hours) => update(BALANCES, { userId: balance.userId }, balance.version, {
    availableBalance: balance.availableBalance + hours, totalBalance: balance.totalBalance + hours,
    version: balance.version + 1, updatedAt: at,
  });
  const entry = (balance, hours) => put(BENCH_ENTRIES, {
    id: randomUUID(), userId: balance.userId, transactionId: id, transactionType: "TRANSFER", amount: hours,
    balanceBefore: balance.totalBalance, balanceAfter: balance.totalBalance + hours, description, timestamp: at,
    createdAt: at, updatedAt: at,
  });
  await write(
    exists(fromUserId), exists(toUserId),
    move(from, -amount), entry(from, -amount), move(to, amount), entry(to, amount),
    event("Transfer Processed", id, { fromUserId, toUserId, amount }, at),
    put(BENCH_NOTICES, {
      id: randomUUID(), userId: toUserId, type: "TRANSACTION_COMPLETED", title: "Hours received", message: description,
      isRead: false, createdAt: at, updatedAt: at,
    }),
  );
  return { id };
}
