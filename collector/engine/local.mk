# collector/engine: the engine thread. Its rooms: registry (names), accounts, notices, jobs (what must not stop it), pipe (peers).
noinst_LIBRARIES += collector/engine/libengine.a
collector_engine_libengine_a_SOURCES = collector/engine/engine.h collector/engine/site.h collector/engine/site.c \
	collector/engine/api.h collector/engine/api.c collector/engine/api_act.c collector/engine/api_audit.c collector/engine/api_authority.c \
	collector/engine/api_backup.c collector/engine/api_clock.c collector/engine/api_factor.c collector/engine/api_identity.c collector/engine/api_login.c \
	collector/engine/api_person.c \
	collector/engine/api_read.c collector/engine/api_token.c collector/engine/api_view.c collector/engine/document.c \
	collector/engine/totp.h collector/engine/totp.c collector/engine/factors.h collector/engine/factors.c \
	collector/engine/accounts.h collector/engine/accounts.c collector/engine/assignment.h collector/engine/assignment.c \
	collector/engine/authorise.h collector/engine/authorise.c collector/engine/authority.c collector/engine/rekey.c collector/engine/erasing.c \
	collector/engine/daily.c collector/engine/doors.c collector/engine/doubt.c collector/engine/engine.c collector/engine/enrolments.c collector/engine/expected.c collector/engine/gaps.c collector/engine/init.c collector/engine/intake.c \
	collector/engine/jobs.h collector/engine/jobs.c \
	collector/engine/notices.h collector/engine/notices.c collector/engine/pipe.h collector/engine/pipe.c \
	collector/engine/record.h collector/engine/record.c collector/engine/registry.h collector/engine/registry.c \
	collector/engine/roster.h collector/engine/roster.c collector/engine/probe.c collector/engine/renewals.c \
	collector/engine/signing.c collector/engine/checkpoints.c collector/engine/life.c collector/engine/replies.c \
	collector/engine/restore.c collector/engine/restored.c collector/engine/revoked.c collector/engine/room.h \
	collector/engine/events.c collector/engine/outcome.c collector/engine/telling.c collector/engine/words.h collector/engine/words.c
collector_engine_libengine_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS) $(EVENT_CFLAGS) $(CRYPT_CFLAGS) $(QRENCODE_CFLAGS)
ENGINE_LIBS = collector/engine/libengine.a $(WIRE_LIBS) $(CONF_LIBS) $(JANSSON_LIBS) $(EVENT_LIBS) $(CRYPT_LIBS) $(QRENCODE_LIBS)

check_PROGRAMS += tests/unit/test_engine
TESTS += tests/unit/test_engine
tests_unit_test_engine_SOURCES = tests/unit/test_engine.c tests/unit/test_authorise.c tests/unit/test_factors.c tests/unit/test_jobs.c tests/unit/test_engine.h
tests_unit_test_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_engine_LDADD = $(ENGINE_LIBS) $(ENROL_LIBS) $(JUDGE_LIBS) $(PROCEDURE_LIBS) \
	$(STORE_LIBS) $(TLS_LIBS) $(WIRE_LIBS) $(CONF_LIBS) $(BASE_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) \
	$(CHECK_LIBS)
