"""A wall clock that is off by what a test says, while the program runs: clock.c, preloaded."""
import os
import re

from conftest import BUILD

SHIM = BUILD / "tests/e2e/clock.so"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}


class Clock:
    def __init__(self, file, step="0s"):
        """file: in a folder that the program's walls leave open."""
        self.file = file
        self.set(step)

    def set(self, step):
        """"-10y", "+1h": off by so much from now on, however it was off before."""
        n, unit = re.fullmatch(r"([+-]?\d+)([smhdy])", step).groups()
        fresh = self.file.with_suffix(".fresh")
        fresh.write_text(str(int(n) * SECONDS[unit]))
        fresh.chmod(0o644)
        os.replace(fresh, self.file)

    @property
    def env(self):
        return {"LD_PRELOAD": str(SHIM), "BEADLE_CLOCK": str(self.file)}
