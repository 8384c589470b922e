"""All agents come back at once after the collector was killed (SECURITY R10). The figures: `make bench-return`."""
import os

import flood
import pytest
from intake import Crowd, loaded

AGENTS = int(os.environ.get("BEADLE_AGENTS", 400))      # 10,000 in the soak target; more than the 256 strangers that may be there at once
SERIES = 200                                            # of each agent


@pytest.mark.skipif(not flood.many_files(AGENTS + 1000), reason="not proven: so many descriptors are not allowed here (ulimit -Hn)")
def test_r10_all_agents_return_after_a_kill(tmp_path):
    collector, _ = loaded(tmp_path)
    collector.start()
    try:
        before = collector.memory()
        idle = Crowd(collector, tmp_path, AGENTS, "--idle").start()
        idle.all_connected(1, 120)
        each = (collector.memory() - before) / AGENTS
        idle.stop()
        assert each < 64 * 1024
        crowd = Crowd(collector, tmp_path, AGENTS, "--every", 60 * AGENTS // 10000 + 1).start()
        crowd.all_connected(1, 240)
        collector.kill()
        collector.start()
        assert crowd.all_connected(2, 240) < 120
        assert (collector.memory() - before) / AGENTS < 64 * 1024 + SERIES * 512
        crowd.stop()
        collector.stop()
        print(crowd.verify(collector.store))
    finally:
        collector.kill()
