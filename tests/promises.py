#!/usr/bin/python3
"""The promises' table: promises.py LOG... reads what `pytest -v` and Check's unit tests (CK_VERBOSITY=verbose) said, and tells by
promise (test_r02_... is R2) how many tests passed, failed, or could not run here and why."""
import collections
import re
import sys

ORDER = "RINPAWMC"
# What must not be without a test: all that are made but R11, which comes with the PostgreSQL store.
PROMISED = [f"{letter}{i}" for letter, n in {"R": 14, "I": 6, "N": 7, "P": 8, "A": 5, "W": 6, "M": 2, "C": 4}.items()
            for i in range(1, n + 1) if f"{letter}{i}" != "R11"]
CHECK = re.compile(r":([PFE]):[^:]*:(\w+):\d+:(.*)")
PYTEST = re.compile(r"^\S+::(test_\w+).*? (PASSED|FAILED|ERROR|SKIPPED)(?: \((.*?)\))?")
FUZZED = re.compile(r"^(fuzzed|ERROR): (fuzz_\w+)")
WORDS = {"P": "passed", "F": "failed", "E": "failed", "PASSED": "passed", "FAILED": "failed", "ERROR": "failed", "SKIPPED": "not proven",
         "fuzzed": "passed"}


def outcomes(line):
    """(promise or None, word, test, why) of a line, or nothing."""
    if m := CHECK.search(line):
        word, test, why = m[1], m[2], m[3]
    elif m := PYTEST.match(line):
        word, test, why = m[2], m[1], m[3] or ""
    elif m := FUZZED.match(line):
        return "N5", WORDS[m[1]], m[2], ""
    else:
        return None
    number = re.match(r"test_([a-z])0*(\d+)_", test)
    promise = number and number[1].upper() in ORDER and number[1].upper() + number[2]
    return promise or None, WORDS[word], test, why.strip()


def main():
    table, reasons, rest = collections.defaultdict(collections.Counter), {}, collections.Counter()
    for name in sys.argv[1:]:
        with open(name, errors="replace") as log:
            for promise, word, test, why in filter(None, map(outcomes, log)):
                (table[promise] if promise else rest)[word] += 1
                if word != "passed":
                    reasons[promise, test] = f"{word}: {test} {why}".rstrip()
    print("promise  passed  failed  not proven")
    for promise in sorted({*table, *PROMISED}, key=lambda p: (ORDER.index(p[0]), int(p[1:]))):
        row = table[promise]
        print(f"{promise:<7} {row['passed']:7} {row['failed']:7} {row['not proven']:11}" + ("" if row else "  no test ran"))
    print(f"{'others':<7} {rest['passed']:7} {rest['failed']:7} {rest['not proven']:11}")
    for (promise, _), text in reasons.items():
        print(f"{promise or 'other'}: {text}")
    return any(row["failed"] for row in [*table.values(), rest])


if __name__ == "__main__":
    sys.exit(main())
