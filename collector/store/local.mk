# collector/store: what is kept.
noinst_LIBRARIES += collector/store/libstore.a
collector_store_libstore_a_SOURCES = collector/batch.h collector/queue.h collector/queue.c collector/message.h collector/message.c collector/standing.h collector/standing.c collector/reckoning.h collector/reckoning.c \
	collector/store/store.h collector/store/store.c collector/store/change.h collector/store/change.c \
	collector/store/chain.c collector/store/copy.h collector/store/copy.c collector/store/change_queue.h collector/store/held.c collector/store/inside.h collector/store/intake.c \
	collector/store/journal.c collector/store/keeper.h collector/store/keeper.c collector/store/registrar.h collector/store/registrar.c \
	collector/store/mend.c collector/store/names.c collector/store/pages.h collector/store/pages.c collector/store/reader.h collector/store/reader.c collector/store/reading.h collector/store/replay.c \
	collector/store/row.h collector/store/row.c collector/store/salvage.h collector/store/salvage.c \
	collector/store/schema.h collector/store/schema.c collector/store/sql.h collector/store/sql.c
collector_store_libstore_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(PROTOBUF_C_CFLAGS) $(CRYPTO_CFLAGS)
STORE_LIBS = collector/store/libstore.a $(AUDIT_LIBS) $(WIRE_LIBS) $(BASE_LIBS) $(SQLITE_LIBS)

check_PROGRAMS += tests/unit/test_damage tests/unit/test_reckoning
TESTS += tests/unit/test_damage tests/unit/test_reckoning
tests_unit_test_reckoning_SOURCES = tests/unit/test_reckoning.c
tests_unit_test_reckoning_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_reckoning_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_damage_SOURCES = tests/unit/test_damage.c
tests_unit_test_damage_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_damage_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

# tests/unit/store_stage.c: a store with results whose values say which they are.
STORE_STAGE = tests/unit/suite.h tests/unit/store_stage.h tests/unit/store_stage.c
check_PROGRAMS += tests/unit/test_store tests/unit/test_store_age tests/unit/test_store_copy tests/unit/test_store_change tests/unit/test_store_steps
TESTS += tests/unit/test_store tests/unit/test_store_age tests/unit/test_store_copy tests/unit/test_store_change tests/unit/test_store_steps
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(STORE_STAGE)
tests_unit_test_store_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_store_age_SOURCES = tests/unit/test_store_age.c $(STORE_STAGE)
tests_unit_test_store_age_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_age_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_store_copy_SOURCES = tests/unit/test_store_copy.c $(STORE_STAGE)
tests_unit_test_store_copy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_copy_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_store_change_SOURCES = tests/unit/test_store_change.c $(STORE_STAGE)
tests_unit_test_store_change_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_change_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_store_steps_SOURCES = tests/unit/test_store_steps.c $(STORE_STAGE)
tests_unit_test_store_steps_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_steps_LDADD = $(STORE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
