"""Whether every clause stands in the text of its dispatch to the letter."""

import unicodedata
from collections import Counter

from shared.catalog.catalog import Catalog
from shared.catalog.problems import Problem, at


def check_quotes(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each clause whose quote is not in the dispatch's text, with the nearest passage of that.

    Spaces and line ends do not count; every other character does. A dispatch without a text is not checked.
    """
    problems = []
    for file, dispatch in zip(files, catalog.dispatches, strict=True):
        text = catalog.texts.get(dispatch.id)
        if text is None:
            continue
        flat = _flat(text)
        for index, clause in enumerate(dispatch.clauses):
            quote = _flat(clause.quote)
            if quote not in flat:
                near = nearest_passage(quote, flat)
                what = f"is not in {dispatch.text_file} to the letter" + (f"; nearest: “{near}”" if near else "")
                key = f"{at('clauses', index, clause.id)}.quote"
                problems.append(Problem(file, key, clause.quote, what, "quote the document as it is written"))
    return problems


def nearest_passage(quote: str, text: str) -> str:
    """Return the passage, as long as a quote, that shares most words with it; "" when it is less than half of them."""
    wanted, words = quote.split(), text.split()
    lacking = Counter(wanted)
    shared, best, passage = 0, len(wanted) / 2, ""
    for place, word in enumerate(words):
        shared += lacking[word] > 0
        lacking[word] -= 1
        first = place - len(wanted) + 1
        if first > 0:
            gone = words[first - 1]
            lacking[gone] += 1
            shared -= lacking[gone] > 0
        # Of passages that share as much the one that begins alike is meant.
        likeness = shared + (words[max(0, first)] == wanted[0]) / 2
        if likeness > best:
            best, passage = likeness, " ".join(words[max(0, first) : place + 1])
    return passage


def _flat(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
