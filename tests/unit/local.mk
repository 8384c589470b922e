# Unit tests of lib/. Each room brings its own in its local.mk.
CHECK_TEST_LIBS = $(CHECK_LIBS)
