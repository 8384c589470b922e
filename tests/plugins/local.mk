# tests/plugins: pytest, through `beadle check`; see conftest.py.
EXTRA_DIST += tests/plugins/conftest.py tests/plugins/test_disk.py tests/plugins/test_system.py tests/plugins/test_clock.py \
	tests/plugins/test_integrity.py tests/plugins/test_check.py
# Plugins that misbehave: real modules, in a folder of their own (tests/unit/test_host.c).
BAD_CFLAGS = $(PLUGIN_CFLAGS) -O1
BAD_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath /nowhere
check_LTLIBRARIES += tests/plugins/bad/bad.la tests/plugins/bad/bad_abi.la tests/plugins/bad/bad_symbol.la \
	tests/plugins/bad/bad_constructor.la tests/plugins/bad/bad_tables.la tests/plugins/bad/apple.la \
	tests/plugins/bad/watcher.la
tests_plugins_bad_bad_la_SOURCES = tests/plugins/bad/bad.c
tests_plugins_bad_bad_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_la_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_abi_la_SOURCES = tests/plugins/bad/bad_abi.c
tests_plugins_bad_bad_abi_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_abi_la_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_symbol_la_SOURCES = tests/plugins/bad/bad_symbol.c
tests_plugins_bad_bad_symbol_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_symbol_la_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_constructor_la_SOURCES = tests/plugins/bad/bad_constructor.c
tests_plugins_bad_bad_constructor_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_constructor_la_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_tables_la_SOURCES = tests/plugins/bad/bad_tables.c
tests_plugins_bad_bad_tables_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_tables_la_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_apple_la_SOURCES = tests/plugins/bad/apple.c
tests_plugins_bad_apple_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_apple_la_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_watcher_la_SOURCES = tests/plugins/bad/watcher.c
tests_plugins_bad_watcher_la_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_watcher_la_LDFLAGS = $(BAD_LDFLAGS)
