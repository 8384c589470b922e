# tests/bench: the issue's figures. `make bench` prints all, one after another; each part can be had alone.
bench:
	@for part in collector return agent integrity judge journal; do echo "== $$part"; $(MAKE) -s --no-print-directory bench-$$part || exit 1; done
.PHONY: bench

# Collector: a, b and c of the issue.
noinst_PROGRAMS += tests/bench/load tests/bench/ledger
tests_bench_load_SOURCES = tests/bench/load.c tests/bench/crowd.h tests/bench/crowd.c tests/bench/crowd_link.c \
	tests/bench/crowd_send.c tests/bench/content.h tests/bench/issue.h tests/bench/issue.c tests/bench/usage.h \
	tests/bench/usage.c
tests_bench_load_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_bench_load_LDADD = $(WIRE_LIBS) $(BASE_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

tests_bench_ledger_SOURCES = tests/bench/ledger.c tests/bench/content.h
tests_bench_ledger_LDADD = $(STORE_LIBS) $(BASE_LIBS)

EXTRA_DIST += tests/bench/collector.sh
bench-collector: collector/beadle-collect tests/bench/load tests/bench/ledger metrics.yaml
	@$(SHELL) $(srcdir)/tests/bench/collector.sh .
.PHONY: bench-collector

noinst_PROGRAMS += tests/bench/handshake
tests_bench_handshake_SOURCES = tests/bench/handshake.c tests/bench/issue.h tests/bench/issue.c
tests_bench_handshake_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_handshake_LDADD = $(SSL_LIBS) $(CRYPTO_LIBS)

EXTRA_DIST += tests/bench/return.py
bench-return: collector/beadle-collect tests/bench/load tests/bench/ledger tests/bench/handshake metrics.yaml
	@BEADLE_BUILD=$(abs_builddir) BEADLE_SOURCE=$(abs_srcdir) /usr/bin/python3 $(srcdir)/tests/bench/return.py
.PHONY: bench-return

EXTRA_DIST += tests/bench/agent.py
bench-agent: agent/core/beadle-core agent/host/beadle-host $(plugin_PROGRAMS)
	@BEADLE_BUILD=$(abs_builddir) BEADLE_SOURCE=$(abs_srcdir) /usr/bin/python3 $(srcdir)/tests/bench/agent.py
.PHONY: bench-agent

noinst_PROGRAMS += tests/bench/journal
tests_bench_journal_SOURCES = tests/bench/journal.c
tests_bench_journal_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_journal_LDADD = $(AUDIT_LIBS)
bench-journal: tests/bench/journal collector/audit/beadle-audit-verify
	@tests/bench/journal collector/audit/beadle-audit-verify
.PHONY: bench-journal
