"""The replies that the engine gives by itself, made once."""

from __future__ import annotations

from typing import Final

from samotop.reply import Reply

OK: Final = Reply.of(250, "2.0.0", "Ok")
RESET: Final = Reply.of(250, "2.0.0", "Reset")
BYE: Final = Reply.of(221, "2.0.0", "Bye")
START_CONTENT: Final = Reply.of(354, None, "End data with <CR><LF>.<CR><LF>")
START_TLS: Final = Reply.of(220, "2.0.0", "Ready to start TLS")
VERIFY: Final = Reply.of(252, "2.5.2", "Send some mail, I will try to deliver it")
AUTHENTICATED: Final = Reply.of(235, "2.7.0", "Authentication successful")
BARE_LINE_ENDING: Final = Reply.of(554, "5.6.0", "CR or LF on its own: lines end with CRLF (RFC 5321 2.3.8)")
BAD_LINE: Final = Reply.of(500, "5.5.2", "Not a command: unexpected octets")
UNKNOWN_VERB: Final = Reply.of(500, "5.5.1", "Command not recognized")
LINE_TOO_LONG: Final = Reply.of(500, "5.5.2", "Line too long")
AUTH_LINE_TOO_LONG: Final = Reply.of(500, "5.5.6", "Authentication exchange line is too long")
NEEDS_HELLO_NAME: Final = Reply.of(501, "5.5.4", "Say your name: EHLO mail.example.org")
NEEDS_LHLO: Final = Reply.of(500, "5.5.1", "This is LMTP: say LHLO")
NEEDS_EHLO: Final = Reply.of(500, "5.5.1", "This is SMTP: say EHLO")
NO_ARGUMENT: Final = Reply.of(501, "5.5.4", "This command takes no argument")
NEEDS_ARGUMENT: Final = Reply.of(501, "5.5.4", "This command needs an argument")
MAIL_SYNTAX: Final = Reply.of(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
RCPT_SYNTAX: Final = Reply.of(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]")
AUTH_SYNTAX: Final = Reply.of(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
BDAT_SYNTAX: Final = Reply.of(501, "5.5.4", "Syntax: BDAT size [LAST]")
BAD_BASE64: Final = Reply.of(501, "5.5.2", "Not base64")
AUTH_CANCELLED: Final = Reply.of(501, "5.7.0", "Authentication cancelled")
AUTH_UNKNOWN: Final = Reply.of(504, "5.5.4", "Mechanism not offered")
AUTH_NONE: Final = Reply.of(502, "5.5.1", "AUTH is not offered here")
AUTH_TLS_FIRST: Final = Reply.of(538, "5.7.11", "Encryption required: say STARTTLS first")
AUTH_TWICE: Final = Reply.of(503, "5.5.1", "Already authenticated")
TLS_FIRST: Final = Reply.of(530, "5.7.0", "Say STARTTLS first")
AUTH_FIRST: Final = Reply.of(530, "5.7.0", "Authentication required")
TLS_NONE: Final = Reply.of(502, "5.5.1", "STARTTLS is not offered here")
TLS_TWICE: Final = Reply.of(503, "5.5.1", "TLS is already active")
NO_BINARY_DATA: Final = Reply.of(503, "5.5.1", "BODY=BINARYMIME is sent with BDAT")
NULL_RECIPIENT: Final = Reply.of(501, "5.1.3", "<> cannot be a recipient")
TOO_MANY_RECIPIENTS: Final = Reply.of(452, "4.5.3", "Too many recipients: send to the others in another transaction")
TOO_MANY_ERRORS: Final = Reply.of(421, "4.7.0", "Too many errors, bye")
TOO_MANY_COMMANDS: Final = Reply.of(421, "4.7.0", "Too many commands, bye")
TOO_MANY_TRANSACTIONS: Final = Reply.of(421, "4.7.0", "Enough mail for one session: connect again")
NEEDS_SMTPUTF8: Final = Reply.of(553, "5.6.7", "An address beyond ASCII needs the SMTPUTF8 parameter")
WRONG_PROTOCOL: Final = Reply.of(421, "4.7.0", "This is SMTP; you speak something else")
HELP_TAIL: Final = "End of HELP"
