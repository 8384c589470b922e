# libFuzzer targets: fuzz_NAME.c with its seeds in corpus/NAME and its words in dictionaries/NAME.dict. One block each:
#   FUZZERS += tests/fuzz/fuzz_NAME
#   tests_fuzz_fuzz_NAME_SOURCES = tests/fuzz/fuzz_NAME.c
#   tests_fuzz_fuzz_NAME_CFLAGS = $(AM_CFLAGS) ...
#   tests_fuzz_fuzz_NAME_LDFLAGS = $(FUZZ_LDFLAGS)
#   tests_fuzz_fuzz_NAME_LDADD = ...
if FUZZING
FUZZ_LDFLAGS = $(AM_LDFLAGS) $(LIB_FUZZING_ENGINE)
noinst_PROGRAMS += $(FUZZERS)
FUZZERS += tests/fuzz/fuzz_frame
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c
tests_fuzz_fuzz_frame_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_fuzz_fuzz_frame_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_frame_LDADD = $(WIRE_LIBS) $(BASE_LIBS)

FUZZERS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_conf_LDADD = $(CONF_LIBS) $(BASE_LIBS)

FUZZERS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_config_LDADD = $(CONFIG_LIBS) $(HOST_LIBS)

FUZZERS += tests/fuzz/fuzz_envelope
tests_fuzz_fuzz_envelope_SOURCES = tests/fuzz/fuzz_envelope.c
tests_fuzz_fuzz_envelope_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_fuzz_fuzz_envelope_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_envelope_LDADD = $(INGEST_LIBS) $(STORE_LIBS) $(WIRE_LIBS) $(BASE_LIBS)

FUZZERS += tests/fuzz/fuzz_certificate
tests_fuzz_fuzz_certificate_SOURCES = tests/fuzz/fuzz_certificate.c
tests_fuzz_fuzz_certificate_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_certificate_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_certificate_LDADD = $(TLS_LIBS)

FUZZERS += tests/fuzz/fuzz_segment
tests_fuzz_fuzz_segment_SOURCES = tests/fuzz/fuzz_segment.c
tests_fuzz_fuzz_segment_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_segment_LDADD = $(CORE_LIBS)

FUZZERS += tests/fuzz/fuzz_fromhost
tests_fuzz_fuzz_fromhost_SOURCES = tests/fuzz/fuzz_fromhost.c
tests_fuzz_fuzz_fromhost_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_fuzz_fuzz_fromhost_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_fromhost_LDADD = $(CORE_LIBS)
endif
