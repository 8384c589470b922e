# tests/plugins: pytest, through `beadle check`; see conftest.py.
EXTRA_DIST += tests/plugins/conftest.py tests/plugins/container.py tests/plugins/test_antivirus.py tests/plugins/test_check.py \
	tests/plugins/test_clock.py tests/plugins/test_disk.py tests/plugins/test_granted.py tests/plugins/test_handed.py tests/plugins/test_integrity.py tests/plugins/test_patch.py \
	tests/plugins/test_service.py tests/plugins/test_system.py tests/plugins/test_units.py
# Plugins that misbehave: real modules, in a folder of their own (tests/unit/test_host.c).
BAD_CFLAGS = $(AM_CFLAGS) -O1
# Bound when used: a test loads one into a program that is no host.
BAD_LDFLAGS = $(AM_LDFLAGS) -shared -Wl,-z,lazy
check_PROGRAMS += tests/plugins/bad/bad.so tests/plugins/bad/bad_abi.so tests/plugins/bad/bad_symbol.so \
	tests/plugins/bad/bad_constructor.so tests/plugins/bad/bad_tables.so tests/plugins/bad/apple.so \
	tests/plugins/bad/watcher.so tests/plugins/bad/loud.so tests/plugins/bad/thief.so tests/plugins/bad/early.so \
	tests/plugins/bad/holder.so
tests_plugins_bad_bad_so_SOURCES = tests/plugins/bad/bad.c
tests_plugins_bad_bad_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_abi_so_SOURCES = tests/plugins/bad/bad_abi.c
tests_plugins_bad_bad_abi_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_abi_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_symbol_so_SOURCES = tests/plugins/bad/bad_symbol.c
tests_plugins_bad_bad_symbol_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_symbol_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_constructor_so_SOURCES = tests/plugins/bad/bad_constructor.c
tests_plugins_bad_bad_constructor_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_constructor_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_bad_tables_so_SOURCES = tests/plugins/bad/bad_tables.c
tests_plugins_bad_bad_tables_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_bad_tables_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_apple_so_SOURCES = tests/plugins/bad/apple.c
tests_plugins_bad_apple_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_apple_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_watcher_so_SOURCES = tests/plugins/bad/watcher.c
tests_plugins_bad_watcher_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_watcher_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_loud_so_SOURCES = tests/plugins/bad/loud.c
tests_plugins_bad_loud_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_loud_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_thief_so_SOURCES = tests/plugins/bad/thief.c
tests_plugins_bad_thief_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_thief_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_early_so_SOURCES = tests/plugins/bad/early.c
tests_plugins_bad_early_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_early_so_LDFLAGS = $(BAD_LDFLAGS)
tests_plugins_bad_holder_so_SOURCES = tests/plugins/bad/holder.c
tests_plugins_bad_holder_so_CFLAGS = $(BAD_CFLAGS)
tests_plugins_bad_holder_so_LDFLAGS = $(BAD_LDFLAGS)
