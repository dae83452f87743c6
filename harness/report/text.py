"""Foreign strings made harmless: whatever a device says must not change the shape of a report."""

import re
import unicodedata
from typing import Final

LIMIT: Final = 400
"""Longest foreign string shown, characters."""

_MARKDOWN: Final = re.compile(r"([\\`*_\[\]|~$#])")
_XML_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def plain(text: object, limit: int = LIMIT) -> str:
    """Return one line without control, direction-changing or surrogate characters, at most `limit` long."""
    kept = "".join(" " if _invisible(char) else char for char in str(text))
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def markdown(text: object, limit: int = LIMIT) -> str:
    """Return one line that GitHub and GitLab show literally, in a table cell too.

    HTML becomes entities, Markdown is escaped, and a comment breaks up what would notify people (@name) or
    become a link by itself.
    """
    line = plain(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _MARKDOWN.sub(r"\\\1", line)
    return line.replace("@", "@<!-- -->").replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")


def xml(text: object) -> str:
    """Return the text without the characters that XML 1.0 forbids."""
    return _XML_ILLEGAL.sub("\ufffd", str(text))


def spreadsheet(text: object) -> str:
    """Return one line that a spreadsheet does not take for a formula."""
    line = plain(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
