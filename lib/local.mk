# lib/: in five parts, so that each program links only what it needs.
noinst_LIBRARIES += lib/libbase.a lib/libconf.a lib/libwire.a lib/libtls.a lib/libconfine.a

lib_libbase_a_SOURCES = lib/cleanup.h lib/vec.h lib/vec.c lib/log.h lib/log.c lib/clock.h lib/clock.c \
	lib/text.h lib/text.c lib/io.h lib/io.c lib/base64.h lib/base64.c lib/crc32c.h lib/crc32c.c lib/unit.h lib/unit.c \
	lib/grant.h lib/grant.c lib/program.h lib/program.c lib/ready.h lib/ready.c lib/secret.h lib/secret.c \
	lib/launch.h lib/launch.c lib/book.h lib/book.c
BASE_LIBS = lib/libbase.a -lm


lib_libconf_a_SOURCES = lib/problem.h lib/problem.c lib/conf.h lib/conf.c lib/conf_typed.c
lib_libconf_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
CONF_LIBS = lib/libconf.a $(BASE_LIBS) $(YAML_LIBS)

lib_libwire_a_SOURCES = lib/arena.h lib/arena.c lib/frame.h lib/frame.c \
	lib/plughost.h lib/plughost.c lib/needs.h lib/needs.c
lib_libwire_a_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
WIRE_LIBS = lib/libwire.a $(PROTO_LIBS) $(BASE_LIBS) $(PROTOBUF_C_LIBS)

lib_libtls_a_SOURCES = lib/call.h lib/call.c lib/authority.h lib/authority.c lib/pem.h lib/pem.c lib/request.h lib/request.c lib/identity.h lib/identity.c lib/renewal.h lib/renewal.c lib/token.h lib/token.c
lib_libtls_a_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
TLS_LIBS = lib/libtls.a $(BASE_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

lib_libconfine_a_SOURCES = lib/capability.h lib/capability.c lib/confine.h lib/confine.c lib/landlock.h lib/landlock.c \
	lib/landmark.h lib/landmark.c lib/syscalls.h lib/syscalls.c lib/descriptor.h lib/descriptor.c
lib_libconfine_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
CONFINE_LIBS = lib/libconfine.a $(BASE_LIBS) $(SECCOMP_LIBS)
