"""The error with which a user pool refuses a call."""


class RefusedError(Exception):
    """A user pool refuses a call.

    Args:
        code: Cognito's name of the error, such as `NotAuthorizedException`, by which clients recognize it.
        message: what the client's user reads.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_authorized(message: str) -> RefusedError:
    """Return the refusal of somebody who has not proved who they are."""
    return RefusedError("NotAuthorizedException", message)


def wrong_password() -> RefusedError:
    """Return the refusal of a wrong password, and of an unknown user, so that nobody learns who has an account."""
    return not_authorized("Incorrect username or password.")


def invalid(message: str) -> RefusedError:
    """Return the refusal of a request that no pool would take."""
    return RefusedError("InvalidParameterException", message)


def too_often() -> RefusedError:
    """Return the refusal of somebody who has tried or asked too often."""
    return RefusedError("LimitExceededException", "Attempt limit exceeded, please try after some time.")
