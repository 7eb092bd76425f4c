"""The engines on which the ledger is tested: MiniStack, also within this process, and DynamoDB Local.

The same tests pass on both. Where they differ, nothing may depend on one of them:

- MiniStack accepts partition keys of more than 2,048 bytes and request tokens of more than 36 characters; DynamoDB
  Local refuses both, as AWS does. The store uses no such key, and our tokens are UUIDs.
- MiniStack remembers a request token for ever, DynamoDB Local for ten minutes, as AWS does. No retry relies
  on tokens: what was done is found in the rows.
- Neither ever returns TransactionConflict: both run transactions one after the other, and the later one gets
  ConditionalCheckFailed. AWS may return either; `tests/chaos/faults.py` injects the former.
- Their messages for an invalid value differ; the codes are the same, and only codes are read.
- DynamoDB Local is somewhat slower under many writers and keeps no rows when it ends.

Whole stacks have a second engine, too: `moto_cloud` makes them, and another interpreter runs their state machines.
"""
