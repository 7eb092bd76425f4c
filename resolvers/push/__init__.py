"""Push: an event is answered once for all subscribers who get the same, and the bytes go to each of them.

`Push.begin` is its one door. What it does not take (a document without a plan, a refusal) is left to graphql-core,
which runs the operation for each subscriber and each event.
"""
