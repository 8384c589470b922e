# tests/: unit tests stand in the rooms' own local.mk; what belongs to no room is here.
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/plugins/local.mk
