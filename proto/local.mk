# Messages: generated into the build folder, never edited.
PROTO_BUILT = proto/beadle.pb-c.c proto/beadle.pb-c.h proto/host.pb-c.c proto/host.pb-c.h \
	proto/rooms.pb-c.c proto/rooms.pb-c.h
BUILT_SOURCES += $(PROTO_BUILT)
CLEANFILES += $(PROTO_BUILT)
EXTRA_DIST += proto/beadle.proto proto/host.proto proto/rooms.proto

proto/%.pb-c.c proto/%.pb-c.h: $(top_srcdir)/proto/%.proto
	@$(MKDIR_P) proto
	$(AM_V_GEN)$(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=proto $<

noinst_LIBRARIES += proto/libproto.a
nodist_proto_libproto_a_SOURCES = $(PROTO_BUILT)
proto_libproto_a_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) -Wno-error
PROTO_LIBS = proto/libproto.a $(PROTOBUF_C_LIBS)
