"""How long SM2-SM3 takes on one core beside the built-in suites: `python bench_sm2.py`.

Processor time of the best of 20 rounds, so that a busy machine counts less.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from jdgate.core.signing import Ed25519Suite, MLDSA65Suite, Suite
from jdgate_sm2.suite import Sm2Sm3, _private, _public

ROUNDS, TIMES = 20, 100
DATA = b"m" * 1024


def microseconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TIMES):
            work()
        best = min(best, time.process_time() - begun)
    return best / TIMES * 1e6


def main() -> None:
    suites: tuple[Suite, ...] = (Sm2Sm3(), Ed25519Suite(), MLDSA65Suite())
    for suite in suites:
        private = os.urandom(32)
        public = suite.public_of(private)
        signature = suite.sign(private, DATA)
        signing = microseconds(lambda s=suite, p=private: s.sign(p, DATA))
        checking = microseconds(lambda s=suite, p=public, g=signature: s.verify(p, g, DATA))
        print(f"{suite.alg:10}  sign {signing:6.0f} µs   verify {checking:6.0f} µs")
    suite, private = Sm2Sm3(), os.urandom(32)
    public = suite.public_of(private)

    def fresh() -> None:
        _private.cache_clear()
        suite.public_of(private)

    def fresh_public() -> None:
        _public.cache_clear()
        suite.verify(public, signature[:64], DATA)

    signature = suite.sign(private, DATA)
    print(f"first use of a private key {microseconds(fresh):.0f} µs")
    print(f"first use of a public key, with one verification {microseconds(fresh_public):.0f} µs")


if __name__ == "__main__":
    main()
