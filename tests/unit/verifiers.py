"""Verifiers of tokens for tests."""

from resolvers.identity.callers import Caller


class Forgetful:
    """What verifiers have in common that look at each token anew."""

    def recall(self, _authorization: str) -> Caller | None:
        """Remember nobody."""
        return None
