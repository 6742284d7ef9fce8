"""What goes wrong in the user's hands: every such error says what must hold, what was got, and what to do."""


class ResiduumError(Exception):
    """Base of all errors that the user can mend; the command line prints it without a traceback."""

    exit_code = 2


class InputError(ResiduumError, ValueError):
    """A name, a number or a file given by the user does not fit."""
