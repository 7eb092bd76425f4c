"""The engines that the money is proved on: MiniStack, also within this process, and DynamoDB Local.

The same tests pass on both. Where they differ, nothing may rest on one of them:

- MiniStack takes partition keys of more than 2,048 bytes and request tokens of more than 36 characters; DynamoDB
  Local refuses both, as AWS does. The store asks for no such key, and our tokens are UUIDs.
- MiniStack remembers a request token for ever, DynamoDB Local for ten minutes, as AWS does. No repetition rests
  on tokens: what was done is found in the rows.
- Neither ever says TransactionConflict: both run one transaction after the other, and who comes too late is told
  ConditionalCheckFailed. AWS says either; `tests/chaos/faults.py` says the former.
- Their words for a wrong value differ; the codes are the same, and only codes are read.
- DynamoDB Local is somewhat slower under many writers and keeps no rows when it ends.
"""
