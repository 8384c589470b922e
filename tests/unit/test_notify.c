/* collector/notify: mails as they are built, and the queue on disk. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "collector/notify/message.h"
#include "collector/notify/queue.h"
#include "log.h"

static char folder[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/beadle-notify-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	char *argv[] = {"/bin/rm", "-rf", folder, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static Rooms__Notice notice(char *id, char **to)
{
	Rooms__Notice n = ROOMS__NOTICE__INIT;

	n.id = id;
	n.channel = "mail";
	n.to = to;
	n.n_to = 1;
	n.subject = "磁碟";
	n.text = "web1";
	return n;
}

START_TEST(a_mail_reads_as_the_rfcs_say)
{
	char *to[] = {"chen@school.example"}, *mail;
	Rooms__Notice n = notice("7-chen-1-new-mail", to);
	size_t size;

	n.incident = 7;
	mail = message_build(&n, "beadle@school.example", INT64_C(1795485600) * NS_PER_S, &size);
	ck_assert_str_eq(mail,
		"Date: Tue, 24 Nov 2026 02:00:00 +0000\r\n"
		"From: Beadle <beadle@school.example>\r\n"
		"To: <chen@school.example>\r\n"
		"Subject: =?UTF-8?B?56OB56Kf?=\r\n"
		"Message-ID: <beadle.7-chen-1-new-mail@school.example>\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"X-Beadle-Incident: 7\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"\r\n"
		"d2ViMQ==\r\n");
	ck_assert_uint_eq(size, strlen(mail));
	free(mail);
	to[0] = "not an address";
	ck_assert_ptr_null(message_build(&n, "beadle@school.example", 0, &size));
}
END_TEST

/* The queue takes no such id (below); a header stays whole should one come by another way. */
START_TEST(test_m01_an_id_adds_no_header)
{
	char *to[] = {"a@b"}, *mail;
	Rooms__Notice n = notice("1>\r\nBcc: thief@elsewhere.example\r\nX: <", to);
	size_t size;

	mail = message_build(&n, "a@b", 0, &size);
	ck_assert_ptr_nonnull(strstr(mail, "\r\nMessage-ID: <beadle.1_3e_0d_0aBcc_3a_20thief_40elsewhere_2eexample_0d_0aX_3a_20_3c@b>\r\n"));
	free(mail);
}
END_TEST

START_TEST(long_lines_are_folded_and_no_character_is_cut)
{
	char *to[] = {"a@b"}, subject[3 * 200 + 1] = "", *mail, *save = NULL;
	Rooms__Notice n = notice("1", to);
	size_t size;

	for (int i = 0; i < 200; i++)
		strcat(subject, "磁");
	n.subject = subject;
	mail = message_build(&n, "a@b", 0, &size);
	for (char *line = strtok_r(mail, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		const char *word = strstr(line, "?B?");

		ck_assert_uint_le(strlen(line), 78 + 11);
		if (word)	/* 45 bytes are 15 characters of three: 60 of base64, none padded but the last */
			ck_assert_uint_eq(strcspn(word + 3, "?") % 4, 0);
	}
	free(mail);
}
END_TEST

START_TEST(what_waits_survives_a_restart)
{
	char *to[] = {"a@b"};
	Rooms__Notice one = notice("1", to), two = notice("2", to);
	enum queue_taken taken;
	struct queued *q;
	struct queue *queue;

	make_folder();
	ck_assert_int_eq(queue_open(folder, &queue), 0);
	ck_assert_int_eq(queue_take(queue, &one, 0, &taken), 0);
	ck_assert_int_eq(taken, QUEUE_NEW);
	ck_assert_int_eq(queue_take(queue, &one, 0, &taken), 0);
	ck_assert_int_eq(taken, QUEUE_KNOWN);
	ck_assert_int_eq(queue_take(queue, &two, 0, &taken), 0);
	ck_assert_int_eq(queue_tried(queue, queue_first(queue)), 0);
	queue_sent(queue, queue_first(queue)->next);
	queue_close(queue);

	ck_assert_int_eq(queue_open(folder, &queue), 0);
	q = queue_first(queue);
	ck_assert_str_eq(q->notice->id, "1");
	ck_assert_str_eq(q->notice->subject, "磁碟");
	ck_assert_uint_eq(q->tries, 1);
	ck_assert_ptr_null(q->next);
	ck_assert_int_eq(queue_take(queue, &two, 0, &taken), 0);
	ck_assert_int_eq(taken, QUEUE_SENT_BEFORE);
	queue_close(queue);
	remove_folder();
}
END_TEST

/* What was given up stays beside, until the collector hands it over again. */
START_TEST(what_was_given_up_can_be_tried_again)
{
	char *to[] = {"a@b"}, aside[128];
	Rooms__Notice one = notice("1", to);
	enum queue_taken taken;
	struct queue *queue;

	make_folder();
	ck_assert_int_eq(queue_open(folder, &queue), 0);
	ck_assert_int_eq(queue_take(queue, &one, 0, &taken), 0);
	ck_assert_int_eq(queue_tried(queue, queue_first(queue)), 0);
	queue_drop(queue, queue_first(queue));
	snprintf(aside, sizeof(aside), "%s/1.given_up", folder);
	ck_assert_int_eq(access(aside, F_OK), 0);
	ck_assert_int_eq(queue_take(queue, &one, 0, &taken), 0);
	ck_assert_int_eq(taken, QUEUE_NEW);
	ck_assert_uint_eq(queue_first(queue)->tries, 0);
	ck_assert_int_eq(access(aside, F_OK), -1);
	queue_close(queue);
	remove_folder();
}
END_TEST

static void quiet(enum log_level level, const char *line, void *arg)
{
	++*(int *)arg;
}

START_TEST(a_damaged_file_is_set_aside_and_told)
{
	char *to[] = {"a@b"}, path[96], aside[128];
	Rooms__Notice one = notice("1", to), two = notice("2", to);
	enum queue_taken taken;
	struct queue *queue;
	int fd, lines = 0;

	make_folder();
	ck_assert_int_eq(queue_open(folder, &queue), 0);
	ck_assert_int_eq(queue_take(queue, &one, 0, &taken), 0);
	ck_assert_int_eq(queue_take(queue, &two, 0, &taken), 0);
	queue_close(queue);
	snprintf(path, sizeof(path), "%s/1.notice", folder);
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\xff", 1, 20), 1);
	close(fd);
	log_capture(quiet, &lines);
	ck_assert_int_eq(queue_open(folder, &queue), 0);
	log_capture(NULL, NULL);
	ck_assert_int_eq(lines, 1);
	ck_assert_str_eq(queue_first(queue)->notice->id, "2");
	ck_assert_ptr_null(queue_first(queue)->next);
	queue_close(queue);
	snprintf(aside, sizeof(aside), "%s/1.notice.damaged", folder);
	ck_assert_int_eq(access(aside, F_OK), 0);
	remove_folder();
}
END_TEST

START_TEST(an_id_is_never_a_path)
{
	static const char *const ids[] = {"", "../x", "a/b", "..", ".a", "a b", "\xff"};
	Rooms__Notice dotted;
	char *to[] = {"a@b"};
	enum queue_taken taken;
	struct queue *queue;

	make_folder();
	ck_assert_int_eq(queue_open(folder, &queue), 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		Rooms__Notice n = notice((char *)ids[i], to);

		ck_assert_int_eq(queue_take(queue, &n, 0, &taken), -EINVAL);
	}
	ck_assert_ptr_null(queue_first(queue));
	dotted = notice((char *)"1-chen.s-1-new-mail", to);		/* who may be called so in collector.yaml */
	ck_assert_int_eq(queue_take(queue, &dotted, 0, &taken), 0);
	queue_close(queue);
	ck_assert_int_eq(queue_open(folder, &queue), 0);
	ck_assert_str_eq(queue_first(queue)->notice->id, "1-chen.s-1-new-mail");
	queue_close(queue);
	remove_folder();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_mail_reads_as_the_rfcs_say);
	tcase_add_test(t, test_m01_an_id_adds_no_header);
	tcase_add_test(t, long_lines_are_folded_and_no_character_is_cut);
	tcase_add_test(t, what_waits_survives_a_restart);
	tcase_add_test(t, what_was_given_up_can_be_tried_again);
	tcase_add_test(t, a_damaged_file_is_set_aside_and_told);
	tcase_add_test(t, an_id_is_never_a_path);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
