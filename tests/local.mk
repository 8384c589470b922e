# tests/: unit tests stand in the rooms' own local.mk; what belongs to no room is here.
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/plugins/local.mk

# What scripts/test walks.
print-tests:
	@echo $(TESTS)
print-fuzzers:
	@echo $(FUZZERS)
.PHONY: print-tests print-fuzzers
