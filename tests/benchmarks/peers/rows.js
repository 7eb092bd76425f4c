// The rows that all peers read, in the way that AWS's and DataLoader's documentation teach.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, DynamoDBDocumentClient, GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import DataLoader from "dataloader";

const { BENCH_REQUESTS, BENCH_USERS, BENCH_BALANCES, BENCH_PAGES, AWS_ENDPOINT_URL } = process.env;
export const REQUESTS = BENCH_REQUESTS, USERS = BENCH_USERS, BALANCES = BENCH_BALANCES;
// A user's fields that lead to pages, each with its table, index, and the index's key.
export const PAGES = JSON.parse(BENCH_PAGES);

// Version 3 keeps connections alive by default.
export const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: AWS_ENDPOINT_URL }));

export async function get(table, id) {
  const { Item } = await client.send(new GetCommand({ TableName: table, Key: { id } }));
  return Item ?? null;
}

export async function page(table, index, key, value, limit) {
  const { Items, LastEvaluatedKey } = await client.send(new QueryCommand({
    TableName: table,
    IndexName: index,
    KeyConditionExpression: "#key = :value",
    ExpressionAttributeNames: { "#key": key },
    ExpressionAttributeValues: { ":value": value },
    Limit: limit ?? 100,
  }));
  const nextToken = LastEvaluatedKey ? Buffer.from(JSON.stringify(LastEvaluatedKey)).toString("base64") : null;
  return { items: Items, nextToken };
}

export const requestsOf = (requesterId, limit) => page(REQUESTS, "byRequesterId", "requesterId", requesterId, limit);

export async function getAll(table, ids, key = "id") {
  const { Responses } = await client.send(new BatchGetCommand({
    RequestItems: { [table]: { Keys: [...new Set(ids)].map((id) => ({ [key]: id })) } },
  }));
  const found = new Map(Responses[table].map((row) => [row[key], row]));
  return ids.map((id) => found.get(id) ?? null);
}

// Rows of several tables, in the order of their keys.
export async function getFrom(keys) {
  const RequestItems = Object.fromEntries(
    Object.entries(keys).map(([table, of]) => [table, { Keys: of, ConsistentRead: true }]));
  const { Responses } = await client.send(new BatchGetCommand({ RequestItems }));
  return Object.entries(keys).flatMap(([table, of]) =>
    of.map((key) => Responses[table].find((row) => Object.entries(key).every(([name, one]) => row[name] === one))));
}

export const loaders = () => ({
  users: new DataLoader((ids) => getAll(USERS, ids)),
  balances: new DataLoader((ids) => getAll(BALANCES, ids, "userId")),
});
