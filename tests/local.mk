# tests/: unit tests stand in the rooms' own local.mk; what belongs to no room is here.
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/plugins/local.mk
include tests/e2e/local.mk

# What scripts/test walks.
print-tests:
	@echo $(TESTS)
print-fuzzers:
	@echo $(FUZZERS)
fuzzers: $(BUILT_SOURCES)
	@$(MAKE) $(AM_MAKEFLAGS) $(FUZZERS)
.PHONY: print-tests print-fuzzers fuzzers

# The long forms, by scripts/test: BEADLE_KILLS kills in each of four tests, BEADLE_JOURNALS made by chance, BEADLE_POWER_CUTS power cuts,
# BEADLE_FLIPS flipped bits, BEADLE_AGENTS agents that come back at once, BEADLE_SILENCE s until a peer is dead, TIME seconds a fuzz target.
# The last lines are the promises' table.
TIME = 600
soak:
	@BEADLE_KILLS=$${BEADLE_KILLS:-250} BEADLE_JOURNALS=$${BEADLE_JOURNALS:-1000} BEADLE_POWER_CUTS=$${BEADLE_POWER_CUTS:-200} \
		BEADLE_FLIPS=$${BEADLE_FLIPS:-1000} BEADLE_SILENCE=$${BEADLE_SILENCE:-90} BEADLE_AGENTS=$${BEADLE_AGENTS:-10000} \
		BEADLE_FUZZ_SECONDS=$(TIME) $(srcdir)/scripts/test unit plugins e2e fuzz
fuzz:
	@BEADLE_FUZZ_SECONDS=$(TIME) $(srcdir)/scripts/test fuzz
.PHONY: soak fuzz
