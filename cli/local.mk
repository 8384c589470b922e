# cli/: beadle, the operator's command.
bin_PROGRAMS += cli/beadle
cli_beadle_SOURCES = cli/main.c cli/command.h cli/client.h cli/client.c cli/screen.h cli/screen.c cli/document.h \
	cli/check.c cli/bound.h cli/bound.c cli/round.h cli/round.c cli/clock.c cli/status.c cli/hosts.c cli/incidents.c cli/identity.c cli/token.c \
	cli/enroll.c cli/answer.h cli/answer.c cli/enrolment.h cli/enrolment.c cli/person.c cli/audit.c cli/authority.c cli/doctor.c cli/processes.h cli/processes.c \
	cli/handed.h cli/handed.c \
	cli/watch.c cli/completion.c cli/asked.h cli/asked.c cli/sealed.h cli/sealed.c cli/archive.h cli/archive.c cli/backup.c \
	cli/layout.h cli/layout.c cli/restore.c
cli_beadle_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
cli_beadle_LDFLAGS = $(PROGRAM_LDFLAGS)
cli_beadle_LDADD = $(TLS_LIBS) $(WIRE_LIBS) $(CONF_LIBS) $(CONFINE_LIBS) $(BASE_LIBS) $(JANSSON_LIBS) $(PROTOBUF_C_LIBS) $(CRYPTO_LIBS)

# The shell learns the commands from the program itself.
completionsdir = $(datadir)/bash-completion/completions
nodist_completions_DATA = cli/completions/beadle
CLEANFILES += $(nodist_completions_DATA)
cli/completions/beadle: cli/beadle$(EXEEXT)
	@$(MKDIR_P) cli/completions
	$(AM_V_GEN)cli/beadle completion bash >$@.new && mv $@.new $@

check_PROGRAMS += tests/unit/test_archive
TESTS += tests/unit/test_archive
tests_unit_test_archive_SOURCES = tests/unit/test_archive.c cli/archive.h cli/archive.c cli/sealed.h cli/sealed.c
tests_unit_test_archive_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_archive_LDADD = $(BASE_LIBS) $(CRYPTO_LIBS) $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_enrolment
tests_fuzz_fuzz_enrolment_SOURCES = tests/fuzz/fuzz_enrolment.c cli/answer.h cli/answer.c
tests_fuzz_fuzz_enrolment_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_enrolment_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_enrolment_LDADD = $(ENROL_LIBS) $(INGEST_LIBS) $(TLS_LIBS) $(WIRE_LIBS) $(BASE_LIBS)

FUZZERS += tests/fuzz/fuzz_backup
tests_fuzz_fuzz_backup_SOURCES = tests/fuzz/fuzz_backup.c cli/archive.h cli/archive.c cli/sealed.h cli/sealed.c
tests_fuzz_fuzz_backup_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_backup_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_backup_LDADD = $(BASE_LIBS) $(CRYPTO_LIBS)
endif
