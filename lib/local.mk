# lib/: in four parts, so that each program links only what it needs.
noinst_LTLIBRARIES += lib/libbase.la lib/libconf.la lib/libwire.la lib/libtls.la

lib_libbase_la_SOURCES = lib/cleanup.h lib/vec.h lib/vec.c lib/log.h lib/log.c lib/clock.h lib/clock.c \
	lib/text.h lib/text.c lib/io.h lib/io.c lib/base64.h lib/base64.c lib/crc32c.h lib/crc32c.c lib/unit.h lib/unit.c \
	lib/grant.h lib/grant.c lib/program.h lib/program.c lib/ready.h lib/ready.c

lib_libbase_la_LIBADD = -lm

lib_libconf_la_SOURCES = lib/problem.h lib/problem.c lib/conf.h lib/conf.c
lib_libconf_la_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
lib_libconf_la_LIBADD = lib/libbase.la $(YAML_LIBS)

lib_libwire_la_SOURCES = lib/arena.h lib/arena.c lib/frame.h lib/frame.c \
	lib/plughost.h lib/plughost.c
lib_libwire_la_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
lib_libwire_la_LIBADD = proto/libproto.la lib/libbase.la $(PROTOBUF_C_LIBS)

lib_libtls_la_SOURCES = lib/identity.h lib/identity.c lib/renewal.h lib/renewal.c
lib_libtls_la_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
lib_libtls_la_LIBADD = lib/libbase.la $(SSL_LIBS) $(CRYPTO_LIBS)
