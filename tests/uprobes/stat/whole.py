# SPDX-License-Identifier: GPL-2.0
#
# whole.py - json, regular expressions and what else an interpreter does all day, checked by itself.
import collections
import decimal
import functools
import itertools
import json
import re
import unittest


class Json(unittest.TestCase):
    def test_round_trip(self):
        for i in range(60):
            value = {"n": i, "f": i / 7, "s": "\u00e4\U0001f600" * i, "l": [None, True, False, [i] * i], "d": {str(k): k for k in range(i)}}
            self.assertEqual(json.loads(json.dumps(value)), value)
            self.assertEqual(json.loads(json.dumps(value, indent=2, sort_keys=True)), value)

    def test_errors(self):
        for text in ('{"a":}', "[1,]", '"\\x"', "nul", "{", '{"a" 1}', "01", '"\t"'):
            with self.assertRaises(json.JSONDecodeError):
                json.loads(text)

    def test_floats(self):
        for text in ("1e3", "-0.0", "2.5e-308", "1.7976931348623157e308"):
            self.assertEqual(json.loads(text), float(text))


class Re(unittest.TestCase):
    text = "the quick brown fox jumps over the lazy dog, 1234 times; " * 40

    def test_groups(self):
        found = re.findall(r"(?P<a>\w+) (?P<b>\w+)(?=,|;)", self.text)
        self.assertEqual(found, [("lazy", "dog"), ("1234", "times")] * 40)

    def test_substitute(self):
        swapped = re.sub(r"(\w)(\w*)", lambda m: m.group(2) + m.group(1), self.text)
        self.assertEqual(re.sub(r"(\w*)(\w)", r"\2\1", swapped), self.text)

    def test_backtracking(self):
        self.assertIsNone(re.match(r"(a+)+$", "a" * 16 + "b"))
        self.assertEqual(len(re.split(r"[,;]\s*|\s+", self.text)), 40 * 11 + 1)

    def test_errors(self):
        for pattern in ("(", "[", "*a", "(?P<n>a)(?P<n>b)", r"\1"):
            with self.assertRaises(re.error):
                re.compile(pattern)


class Rest(unittest.TestCase):
    def test_exceptions(self):
        def deep(n):
            if not n:
                raise KeyError(n)
            try:
                deep(n - 1)
            finally:
                seen.append(n)

        for n in range(80):
            seen = []
            with self.assertRaises(KeyError):
                deep(n)
            self.assertEqual(seen, list(range(1, n + 1)))

    def test_generators(self):
        def fibonacci():
            a, b = 0, 1
            while True:
                yield a
                a, b = b, a + b

        numbers = list(itertools.islice(fibonacci(), 400))
        self.assertEqual(numbers[-1], functools.reduce(lambda x, _: (x[1], x[0] + x[1]), range(399), (0, 1))[0])

    def test_decimal(self):
        with decimal.localcontext() as context:
            context.prec = 120
            root = decimal.Decimal(2).sqrt()
            self.assertEqual(round(root * root, 110), 2)

    def test_collections(self):
        words = collections.Counter(Re.text.split())
        self.assertEqual(words.most_common(1), [("the", 80)])
        self.assertEqual(sorted(words, key=lambda w: (len(w), w))[0], "fox")


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0, stream=open("/dev/null", "w")).run(
        unittest.defaultTestLoader.loadTestsFromModule(__import__("__main__"))
    )
    print(result.testsRun, "tests,", len(result.failures), "failures,", len(result.errors), "errors")
    raise SystemExit(not result.wasSuccessful())
