# collector/engine: the engine thread.
noinst_LTLIBRARIES += collector/engine/libengine.la
collector_engine_libengine_la_SOURCES = collector/engine/engine.h collector/engine/site.h collector/engine/site.c
collector_engine_libengine_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS) $(EVENT_CFLAGS) $(CRYPT_CFLAGS)
collector_engine_libengine_la_LIBADD = lib/libwire.la lib/libconf.la $(JANSSON_LIBS) $(EVENT_LIBS) $(CRYPT_LIBS)
