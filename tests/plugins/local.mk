# tests/plugins: pytest, through `beadle check`; see conftest.py.
EXTRA_DIST += tests/plugins/conftest.py tests/plugins/test_disk.py tests/plugins/test_system.py \
	tests/plugins/test_integrity.py
