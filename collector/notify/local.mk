# collector/notify: mail and webhooks.
noinst_LIBRARIES += collector/notify/libnotify.a
collector_notify_libnotify_a_SOURCES = collector/notify/beat.h collector/notify/beat.c collector/notify/channels.h collector/notify/channels.c \
	collector/notify/channels_mail.c \
	collector/notify/message.h collector/notify/message.c collector/notify/post.h collector/notify/post.c \
	collector/notify/queue.h collector/notify/queue.c collector/notify/sender.h collector/notify/sender.c \
	collector/notify/walls.h collector/notify/walls.c
collector_notify_libnotify_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(PROTOBUF_C_CFLAGS) $(CRYPTO_CFLAGS)
NOTIFY_LIBS = collector/notify/libnotify.a $(WIRE_LIBS) $(CONF_LIBS) $(CONFINE_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += collector/notify/beadle-notifier
collector_notify_beadle_notifier_SOURCES = collector/notify/main.c
collector_notify_beadle_notifier_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_notify_beadle_notifier_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_notify_beadle_notifier_LDADD = $(NOTIFY_LIBS) $(BASE_LIBS)

check_PROGRAMS += tests/unit/test_notify
TESTS += tests/unit/test_notify
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c
tests_unit_test_notify_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_notify_LDADD = $(NOTIFY_LIBS) $(CHECK_LIBS)
