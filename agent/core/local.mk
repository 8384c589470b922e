# agent/core: timers, spool, uplink. loop.c alone knows libevent; link, trust and hello know OpenSSL.
noinst_LIBRARIES += agent/core/libcore.a
agent_core_libcore_a_SOURCES = agent/core/disk.h agent/core/disk.c agent/core/entry.h agent/core/entry.c agent/core/segment.h \
	agent/core/segment.c agent/core/spool.h agent/core/spool_inside.h agent/core/spool.c agent/core/drain.c agent/core/agree.c \
	agent/core/recover.c agent/core/tail.c agent/core/past.c \
	agent/core/dictionary.h agent/core/dictionary.c agent/core/record.h agent/core/record.c agent/core/outbox.h agent/core/outbox.c \
	agent/core/fold.h agent/core/fold.c agent/core/share.h agent/core/share.c \
	agent/core/loop.h agent/core/loop.c agent/core/schedule.h agent/core/schedule.c agent/core/plan.h agent/core/plan.c \
	agent/core/check.h agent/core/check.c agent/core/pipe.h agent/core/pipe.c agent/core/report.h agent/core/report.c \
	agent/core/hosts.h agent/core/hosts_inside.h agent/core/hosts.c agent/core/told.c agent/core/batch.h agent/core/batch.c \
	agent/core/link.h agent/core/link.c agent/core/resolve.h agent/core/resolve.c agent/core/renew.h agent/core/renew.c \
	agent/core/trust.h agent/core/trust.c agent/core/witness.h agent/core/witness.c \
	agent/core/hello.h agent/core/hello.c agent/core/uplink.h agent/core/uplink.c agent/core/core.h agent/core/core.c
agent_core_libcore_a_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
CORE_LIBS = agent/core/libcore.a $(WIRE_LIBS) $(TLS_LIBS) $(CONFINE_LIBS) $(BASE_LIBS) $(EVENT_LIBS)

pkglibexec_PROGRAMS += agent/core/beadle-core
agent_core_beadle_core_SOURCES = agent/core/main.c
agent_core_beadle_core_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
agent_core_beadle_core_LDFLAGS = $(PROGRAM_LDFLAGS)
agent_core_beadle_core_LDADD = $(CORE_LIBS)

# tests/unit/core_stage.c: a folder for what the core keeps, and what it complains of.
CORE_STAGE = tests/unit/suite.h tests/unit/core_stage.h tests/unit/core_stage.c
check_PROGRAMS += tests/unit/test_core_schedule tests/unit/test_core_dictionary tests/unit/test_core_outbox \
	tests/unit/test_core_events tests/unit/test_core_witness
TESTS += tests/unit/test_core_schedule tests/unit/test_core_dictionary tests/unit/test_core_outbox \
	tests/unit/test_core_events tests/unit/test_core_witness
tests_unit_test_core_schedule_SOURCES = tests/unit/test_core_schedule.c $(CORE_STAGE)
tests_unit_test_core_schedule_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_schedule_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_dictionary_SOURCES = tests/unit/test_core_dictionary.c $(CORE_STAGE)
tests_unit_test_core_dictionary_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_dictionary_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_outbox_SOURCES = tests/unit/test_core_outbox.c $(CORE_STAGE)
tests_unit_test_core_outbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_outbox_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_events_SOURCES = tests/unit/test_core_events.c $(CORE_STAGE)
tests_unit_test_core_events_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_events_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_witness_SOURCES = tests/unit/test_core_witness.c $(CORE_STAGE)
tests_unit_test_core_witness_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_witness_LDADD = $(CORE_LIBS) $(CHECK_LIBS)

# tests/unit/spool_stage.c: records whose bytes say who they are, and a disk that fails.
SPOOL_STAGE = $(CORE_STAGE) tests/unit/spool_stage.h tests/unit/spool_stage.c
check_PROGRAMS += tests/unit/test_core_spool tests/unit/test_core_spool_numbers tests/unit/test_core_spool_model \
	tests/unit/test_core_spool_tail tests/unit/test_core_spool_disk
TESTS += tests/unit/test_core_spool tests/unit/test_core_spool_numbers tests/unit/test_core_spool_model \
	tests/unit/test_core_spool_tail tests/unit/test_core_spool_disk
tests_unit_test_core_spool_SOURCES = tests/unit/test_core_spool.c $(SPOOL_STAGE)
tests_unit_test_core_spool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_spool_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_spool_numbers_SOURCES = tests/unit/test_core_spool_numbers.c $(SPOOL_STAGE)
tests_unit_test_core_spool_numbers_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_spool_numbers_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_spool_model_SOURCES = tests/unit/test_core_spool_model.c $(SPOOL_STAGE)
tests_unit_test_core_spool_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_spool_model_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_spool_tail_SOURCES = tests/unit/test_core_spool_tail.c $(SPOOL_STAGE)
tests_unit_test_core_spool_tail_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_spool_tail_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_test_core_spool_disk_SOURCES = tests/unit/test_core_spool_disk.c $(SPOOL_STAGE)
tests_unit_test_core_spool_disk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_core_spool_disk_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
