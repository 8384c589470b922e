# collector/enrol: the door for servers that have a token and no certificate yet.
noinst_LIBRARIES += collector/enrol/libenrol.a
collector_enrol_libenrol_a_SOURCES = collector/enrol/enrol.h collector/enrol/door.c collector/enrol/enrol.c \
	collector/enrol/request.h collector/enrol/request.c collector/enrol/visit.h collector/enrol/visit.c
collector_enrol_libenrol_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(PROTOBUF_C_CFLAGS)
ENROL_LIBS = collector/enrol/libenrol.a
