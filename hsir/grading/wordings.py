"""How texts state the letter of an option: a table of phrases before it, and one of phrases after it.

For a new wording, add a line with an example, and a test case. These serve verdicts; VeriExit reads steps with the
stricter phrases of `statements.py` and `choice.py`.
"""

import re

_SURELY = (
    r"(?:\s+(?:for\s+sure|to\s+be|likely|most|probably|best|clearly|certainly|definitely|indeed|again|only|thus|so|now"
    r"|option|choice|letter|answer|response|number|going))*"
)

# The word for "answer" in languages that `statements.CUE` does not cover.
_ANSWER = "|".join(
    [
        r"\u0627\u0644\u062c\u0648\u0627\u0628",  # Arabic
        r"\u0627\u0644\u0625\u062c\u0627\u0628\u0629(?:\s\u0627\u0644\u0635\u062d\u064a\u062d\u0629)?",  # Arabic
        r"\u067e\u0627\u0633\u062e",  # Persian
        r"\u05ea\u05e9\u05d5\u05d1\u05d4",  # Hebrew
        r"\u0909\u0924\u094d\u0924\u0930",  # Hindi
        r"\u0989\u09a4\u09cd\u09a4\u09b0",  # Bengali
        r"\u0111\u00e1p\s\u00e1n",  # Vietnamese
        r"(?:do\u011fru\s+)?cevap",  # Turkish
        r"odpowied\u017a",  # Polish
        r"odpov\u011b\u010f",  # Czech
        r"antwoord",  # Dutch
        r"jawaban",  # Indonesian
        r"svar",  # Swedish
        r"vastaus",  # Finnish
        r"v\u00e1lasz",  # Hungarian
        r"r\u0103spuns",  # Romanian
        r"\u03b1\u03c0\u03ac\u03bd\u03c4\u03b7\u03c3\u03b7",  # Greek
        r"\u0432\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c",  # Ukrainian
        r"\u0e04\u0e33\u0e15\u0e2d\u0e1a",  # Thai
    ]
)

BEFORE = [
    # The answer is for sure D. The best answer is most likely to be B. The answer seems to be B.
    rf"\banswers?\b[^.!?:=,\n]{{0,40}}?\b(?:is|seems|appears|looks|would|must)\b{_SURELY}\s+",
    # Ans: B. Correct: B. Solution: B. Therefore: B. Final choice: B. _Answer:_ D
    r"(?:(?<=\n)|^|(?<=[.;!]\s))[\W_]{0,6}(?:ans|(?:final\s+|correct\s+|my\s+)?(?:answer|choice|option|pick|response|result|decision|verdict)"
    r"|correct|solution|therefore|thus|hence|so|conclusion|in\s+conclusion)[*_]{0,3}\s?[:\uff1a][*_`]{0,3}\s*",
    # Ans. B
    r"(?:(?<=\n)|^|(?<=[.;!]\s))\W{0,4}ans\.\s+",
    # ### Final Answer, and the letter on the line after it
    r"(?:(?<=\n)|^)\s{0,3}#{1,6}\s*\**(?:final\s+|correct\s+)?(?:answer|choice|conclusion|response)\W{0,4}\n+\s*",
    # I prefer A. I'd say B. I lean towards C. I'll settle on D. My vote is B.
    r"\bI(?:\s+would|['\u2019]d|\s+will|['\u2019]ll|\s+have\s+to|\s+must)?\s+(?:\w+ly\s+)?(?:prefer|say|answer|favou?r|vote\s+for|lean\s+towards?"
    rf"|settle\s+(?:on|for)|decide\s+on|conclude(?:\s+that\s+it\s+is)?){_SURELY}\s+",
    rf"\bmy\s+(?:vote|pick|guess|selection)\s+(?:is|would\s+be){_SURELY}\s+",
    # So it is 32 degrees.
    r"\b(?:so|thus|therefore|hence),?\s+(?:it|this|that)\s+(?:is|must\s+be|has\s+to\s+be)\s+",
    # Not A, but B.
    r"\bnot\s+\(?[A-J]\)?,?\s+but\s+",
    # \uc815\ub2f5 C, \uc815\ub2f5\uc740 A \uc785\ub2c8\ub2e4 (Korean)
    r"(?:\uc815\ub2f5|\ub2f5)[*_`]{0,3}(?:\uc740|\ub294|\uc774)?\s?[:\uff1a]?\s?",
    # "hence C", "one should choose B" (Chinese), but neither "do not choose A" nor "option A is wrong"
    r"(?<!\u4e0d)(?<!\u4e0d\u80fd)(?<!\u4e0d\u5e94)[\u9009\u9078](?:\u62e9|\u64c7)?[:\uff1a]?\s?(?=[(\uff08A-Z*])",
    r"\u6b63[\u786e\u78ba]\u7684?[\u9009\u9078][\u9879\u9805](?:\u5e94\u8be5|\u61c9\u8a72)?[\u662f\u4e3a\u70ba:\uff1a]\s?",
    # the same in other languages: "\u0110\u00e1p \u00e1n: B"
    rf"(?<![^\W\d_])(?:{_ANSWER})[*_`]{{0,3}}\s?(?:[:\uff1a\u2014-]|\b(?:l\u00e0|to|je|is|adalah|\u00e4r|on|este|\u03b5\u03af\u03bd\u03b1\u03b9|\u0647\u064a|\u0647\u0648)\b)\s*",
]
"""Phrases after which a letter is the answer."""

_GOOD = (
    r"(?:answer|choice|one|(?:only\s+|single\s+)?(?:best|correct|right|optimal|ideal|proper|final|true)\b|clear\s+(?:answer|choice|winner)"
    r"|most\s+(?:likely|appropriate|probable|accurate|suitable|correct|consistent|plausible|reasonable|fitting|logical|effective)\b"
    r"|likeliest\b|next\s+best\b|winner\b)(?!\s+(?:wrong|incorrect|false|distractor|exclu|answer\s+to\s+exclude))"
)
_OPEN, _CLOSE = r"(?:(?<=\s)|^|(?<=[*(\[]))[(*\[_]{0,4}", r"[)\]*_\"'\u201d.]{0,5}(?:\s?\([^()\n]{1,80}\)[*_]{0,3})?"
_ADVERB = r"(?:(?:therefore|thus|indeed|clearly|definitely|likely|probably|still|then|really)\s+)?"

AFTER = [
    # So B is the answer. **C** is the optimal choice. The **AV node (C)** is the most likely affected component.
    rf"{_OPEN}([A-Z]){_CLOSE}\s+(?:is|must\s+be|would\s+be|should\s+be|seems(?:\s+to\s+be)?|appears(?:\s+to\s+be)?|has\s+to\s+be)\s+{_ADVERB}(?:the|my|our)\s+{_GOOD}",
    # I believe C is correct based on the analysis.
    rf"{_OPEN}([A-Z]){_CLOSE}\s+(?:is|must\s+be)\s+{_ADVERB}(?:correct|right)\b(?=\s+(?:based|given|here|as|overall|since|because|and\s+not)\b|\s*[,.;!\n]|\s*$)",
    # making **C (between L5 and S1)** the most likely location
    rf"\b(?:making|makes|leaving|leaves)\s+(?:us\s+with\s+)?(?:option\s+|choice\s+)?[(*\[_]{{0,4}}([A-Z]){_CLOSE}\s+(?:as\s+)?(?:the|our|my)\s+{_GOOD}",
    # the most probable diagnosis is **bilateral cerumen impaction** (C)
    r"\b(?:most\s+(?:likely|probable|appropriate|suitable|consistent)|best|correct|next)\b[^.!?\n()]{0,80}?\b(?:is|would\s+be|are)\s+(?!not\b)[^.!?\n()]{1,100}\(([A-Z])\)",
    # B it is. B stands out. B fits best.
    rf"{_OPEN}([A-Z]){_CLOSE}\s+(?:it\s+is\b|stands\s+out\b|fits\s+(?:best|perfectly)\b|best\s+(?:fits|describes|matches|explains|answers)\b)",
    # \u53ea\u6709\u9009\u9879C\u662f\u5bf9\u7684 (Chinese)
    r"(?:\u9009\u9879|\u9078\u9805)?([A-Z])(?:\u9009\u9879|\u9078\u9805|\u9879|\u9805)?(?:\u662f|\u4e3a|\u70ba)?(?:\u5bf9\u7684|\u5c0d\u7684|\u6b63\u786e|\u6b63\u78ba|\u5bf9(?=[\u3002,\uff0c\n]|$))",
]  # fmt: skip
"""Phrases whose letter is the answer."""

CORRECT = re.compile(rf"\s+(?:is|was|would\s+be|must\s+be)\s+{_ADVERB}(?:correct|right|the\s+{_GOOD})", re.IGNORECASE)
"""Phrases that mark an option's text as the answer: "the bravo signal is correct here"."""

label = re.compile("|".join(f"(?:{one})" for one in BEFORE[1:4]), re.IGNORECASE)
before = re.compile("|".join(f"(?:{one})" for one in BEFORE), re.IGNORECASE)
after = [re.compile(re.sub(r"\[A-Z\]", "[A-J]", one)) for one in AFTER]
