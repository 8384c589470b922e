# collector/authority: the school's authority: how certificates are made, how another takes its place, and what is made before a collector serves.
noinst_LIBRARIES += collector/authority/libauthority.a
collector_authority_libauthority_a_SOURCES = collector/authority/ca.h collector/authority/ca.c collector/authority/roll.h collector/authority/roll.c \
	collector/authority/names.h collector/authority/names.c collector/authority/founding.h collector/authority/founding.c
collector_authority_libauthority_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
AUTHORITY_LIBS = collector/authority/libauthority.a $(TLS_LIBS) $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += collector/authority/beadle-authority
collector_authority_beadle_authority_SOURCES = collector/authority/main.c
collector_authority_beadle_authority_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
collector_authority_beadle_authority_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_authority_beadle_authority_LDADD = $(AUTHORITY_LIBS)
