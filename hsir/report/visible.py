"""Text that others wrote, made harmless for a page: characters that would affect it are shown as code points."""

import unicodedata

ACTING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode categories: control, format, surrogate, private use, line and paragraph separators."""


def visible(text: str) -> str:
    """Replace characters that would affect the page, such as U+202E, by their code points."""
    acting = {sign: f"<U+{ord(sign):04X}>" for sign in set(text) - {"\n", "\t"} if unicodedata.category(sign) in ACTING}
    return "".join(acting.get(sign, sign) for sign in text) if acting else text
