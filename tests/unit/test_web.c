/* collector/web: heads, routes, the stream's memory, the little JSON. What needs sockets is in tests/e2e/test_web.py. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/web/head.h"
#include "collector/web/json.h"
#include "collector/web/routes.h"
#include "collector/web/stream.h"

static int parse_n(const char *text, size_t n, struct head *h)
{
	const char *why = NULL;
	int r = head_parse(text, n, h, &why);

	ck_assert(r >= 0 || why);
	return r;
}

static int parse(const char *text)
{
	struct head h;

	return parse_n(text, strlen(text), &h);
}

#define HOST "Host: beadle.example:8443\r\n"

START_TEST(test_w6_a_right_head_passes)
{
	static const char text[] = "POST /api/v1/incident/ack?x=%20y HTTP/1.1\r\nhOST:beadle.example:8443 \t\r\nContent-Length: 12\r\n"
				   "Accept: */*\r\nX-Beadle: 1\r\nCookie: __Host-beadle=abc\r\n\r\n{\"id\":123456}";
	struct head h;
	int n = parse_n(text, sizeof(text) - 1, &h);

	ck_assert_int_eq(n, sizeof(text) - 1 - 13);
	ck_assert_int_eq(h.method, HEAD_POST);
	ck_assert_uint_eq(h.body, 12);
	ck_assert_uint_eq(h.target.n, strlen("/api/v1/incident/ack?x=%20y"));
	ck_assert(h.field[HEAD_HOST].n == strlen("beadle.example:8443"));
	/* at every byte before the end it is not all there, and never wrong */
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(parse_n(text, (size_t)i, &h), 0);
}
END_TEST

START_TEST(test_w6_what_is_written_anew_has_only_what_we_know)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nX-Forwarded-For: 10.0.0.1\r\nUpgrade: h2c\r\n\r\n";
	char out[HEAD_WRITTEN];
	struct head h;

	ck_assert_int_gt(parse_n(text, sizeof(text) - 1, &h), 0);
	out[head_write(&h, out)] = 0;
	ck_assert_str_eq(out, "GET / HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n");
}
END_TEST

/* A browser sends those of all sites on this host; libmicrohttpd would run out of room for them. */
START_TEST(test_w6_of_cookies_only_our_own_goes_on)
{
	static const struct { const char *sent, *kept; } cookies[] = {
		{"__Host-beadle=abc", "__Host-beadle=abc"}, {"a=b; __Host-beadle=abc; c=d", "__Host-beadle=abc"},
		{"a=b;__Host-beadle=abc;c=d", "__Host-beadle=abc"}, {"a=__Host-beadle=abc", NULL}, {"a; ; =;;__Host-beadle=x", "__Host-beadle=x"},
		{"__Host-beadlex=abc", NULL}, {"x__Host-beadle=abc", NULL}, {"", NULL}, {";", NULL}, {"__Host-beadle=", "__Host-beadle="},
	};

	for (size_t i = 0; i < sizeof(cookies) / sizeof(*cookies); i++) {
		char text[256], out[HEAD_WRITTEN], want[256];
		struct head h;

		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "Cookie: %s\r\n\r\n", cookies[i].sent);
		ck_assert_int_gt(parse_n(text, strlen(text), &h), 0);
		out[head_write(&h, out)] = 0;
		snprintf(want, sizeof(want), "GET / HTTP/1.1\r\nConnection: close\r\n" HOST "%s%s%s\r\n", cookies[i].kept ? "Cookie: " : "",
			 cookies[i].kept ? cookies[i].kept : "", cookies[i].kept ? "\r\n" : "");
		ck_assert_str_eq(out, want);
	}
}
END_TEST

START_TEST(test_w6_arguments_are_few)
{
	char text[256] = "GET /?a";
	struct head h;

	for (int i = 1; i < HEAD_ARGUMENTS; i++)
		strcat(text, "&a");
	strcat(text, " HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_int_gt(parse_n(text, strlen(text), &h), 0);
	memmove(strstr(text, "&a") + 2, strstr(text, "&a"), strlen(strstr(text, "&a")) + 1);
	ck_assert_int_eq(parse_n(text, strlen(text), &h), -400);
}
END_TEST

static const struct { const char *text; int status; } wrong[] = {
	{"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET / HTTP/1.1\n" HOST "\r\n", 400},				/* bare LF */
	{"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},		/* bare CR */
	{"GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},		/* folded */
	{"GET / HTTP/1.1\r\n" HOST "\tX: a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},			/* a blank before the colon */
	{"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
	{"GET / HTTP/1.1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 400},	/* a body where none belongs */
	{"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400},
	{"POST / HTTP/1.1\r\n" HOST "\r\n", 411},
	{"POST / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 413},
	{"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n", 413},
	{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
	{"POST / HTTP/1.1\r\n" HOST "transfer-encoding: identity\r\nContent-Length: 1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417},
	{"GET / HTTP/1.0\r\n" HOST "\r\n", 505},
	{"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
	{"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
	{"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET\t/\tHTTP/1.1\r\n" HOST "\r\n", 400},
	{"get / HTTP/1.1\r\n" HOST "\r\n", 405},
	{"DELETE / HTTP/1.1\r\n" HOST "\r\n", 405},
	{"CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 405},
	{" / HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET //a/ HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /%2e%2e/etc/passwd HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%00 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a?b=%00 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a?b=%0 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a?b=%zz HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "Cookie: a\r\nCookie: b\r\n\r\n", 400},
};

START_TEST(test_w6_a_wrong_head_is_refused)
{
	ck_assert_msg(parse(wrong[_i].text) == -wrong[_i].status, "%s: %d, not %d", wrong[_i].text, parse(wrong[_i].text),
		      -wrong[_i].status);
}
END_TEST

START_TEST(test_w6_a_nul_is_refused)
{
	static const char text[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n", value[] = "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
	struct head h;

	ck_assert_int_eq(parse_n(text, sizeof(text) - 1, &h), -400);
	ck_assert_int_eq(parse_n(value, sizeof(value) - 1, &h), -400);
}
END_TEST

START_TEST(test_n7_a_head_has_a_size)
{
	static char text[2 * HEAD_MAX];
	struct head h;
	size_t n;

	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	ck_assert_int_eq(parse_n(text, HEAD_MAX - 1, &h), 0);
	ck_assert_int_eq(parse_n(text, HEAD_MAX, &h), -431);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 70; i++)
		n += (size_t)sprintf(text + n, "X-%d: a\r\n", i);
	ck_assert_int_eq(parse_n(text, n, &h), -431);
	n = (size_t)sprintf(text, "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", HEAD_TARGET, 0);
	ck_assert_int_eq(parse_n(text, n, &h), -414);
}
END_TEST

START_TEST(test_w1_every_change_is_a_post_of_our_page)
{
	static const char *const changes[] = {"/api/v1/login", "/api/v1/logout", "/api/v1/password", "/api/v1/incident/ack",
		"/api/v1/incident/handle", "/api/v1/incident/close"};
	static const char *const reads[] = {"/api/v1/whoami", "/api/v1/status", "/api/v1/hosts", "/api/v1/host", "/api/v1/checks",
		"/api/v1/incidents", "/api/v1/incident", "/api/v1/history", "/api/v1/procedure", "/api/v1/stream"};
	static const char *const none[] = {"/api/v1/", "/api/v1/hosts/", "/api/v1/identity.new", "/api/v1/doctor", "/api/v2/hosts", ""};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		ck_assert(route_find(changes[i]) && route_posts(route_find(changes[i])));
	for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++)
		ck_assert(route_find(reads[i]) && !route_posts(route_find(reads[i])));
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		ck_assert_ptr_null(route_find(none[i]));
}
END_TEST

static int woken;
static void on_wake(void *arg) { woken++; }

static void take(struct reader *r, char *buf, size_t room)
{
	long n = reader_take(r, buf, room - 1);

	ck_assert_int_ge(n, 0);
	buf[n] = 0;
}

START_TEST(a_reader_that_comes_back_gets_what_it_missed)
{
	struct stream *s = stream_new();
	struct reader *r = reader_new(s, NULL, 5, on_wake, NULL);
	char text[65536], id[64];

	take(r, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "event: hello\ndata: {\"now_at\":5}\n\n"));
	ck_assert_int_eq(sscanf(text, "id: %63s", id), 1);
	take(r, text, sizeof(text));
	ck_assert_str_eq(text, "");
	woken = 0;
	stream_push(s, "host", "{\"id\":1}", 8);
	stream_push(s, "host", "{\n}", 3);		/* would be two events: left out */
	ck_assert_int_eq(woken, 1);
	take(r, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "event: host\ndata: {\"id\":1}\n\n"));
	reader_free(r);
	stream_push(s, "check", "{\"id\":2}", 8);

	r = reader_new(s, id, 6, on_wake, NULL);
	take(r, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "{\"id\":1}"));
	ck_assert_ptr_nonnull(strstr(text, "{\"id\":2}"));
	ck_assert_ptr_null(strstr(text, "reset"));
	reader_free(r);
	for (int i = 0; i < STREAM_KEPT + 1; i++)
		stream_push(s, "check", "{}", 2);
	const char *strange[] = {id, "00000000.1", "x", "", "1.2.3"};
	for (int i = 0; i < 5; i++) {
		r = reader_new(s, strange[i], 6, on_wake, NULL);
		take(r, text, sizeof(text));
		ck_assert_ptr_eq(strstr(text, "event: reset"), text);
		reader_free(r);
	}
	stream_free(s);
}
END_TEST

START_TEST(test_n7_a_slow_reader_is_let_go)
{
	struct stream *s = stream_new();
	struct reader *r = reader_new(s, NULL, 5, on_wake, NULL), *many[STREAM_READERS];
	static char big[100000], text[1000];

	memset(big, 'a', sizeof(big));
	for (int i = 0; i < 10; i++)
		stream_push(s, "host", big, sizeof(big));
	ck_assert_int_eq(reader_take(r, text, sizeof(text)), -1);
	for (int i = 0; i < STREAM_READERS - 1; i++)
		ck_assert_ptr_nonnull(many[i] = reader_new(s, NULL, 5, on_wake, NULL));
	ck_assert_ptr_null(reader_new(s, NULL, 5, on_wake, NULL));
	for (int i = 0; i < STREAM_READERS - 1; i++)
		reader_free(many[i]);
	reader_free(r);
	stream_free(s);
}
END_TEST

START_TEST(arguments_become_typed_json)
{
	struct json *j = json_open();
	char *text, *session, *rest;

	json_add(j, "host", "12");
	json_add(j, "open", "false");
	json_add(j, "name", "\"<x>");
	json_add(j, "far", "99999999999999999999");
	json_add(j, "zero", "007");
	text = json_close(j);
	ck_assert_str_eq(text, "{\"host\":12,\"open\":false,\"name\":\"\\\"<x>\",\"far\":\"99999999999999999999\",\"zero\":\"007\"}");
	free(text);
	j = json_open();
	ck_assert(!json_add(j, "name", "\xff"));
	ck_assert_ptr_null(json_close(j));
	rest = json_take_session("{\"session\":\"abc\",\"name\":\"x\"}", 28, &session);
	ck_assert_str_eq(rest, "{\"name\":\"x\"}");
	ck_assert_str_eq(session, "abc");
	free(rest);
	free(session);
	ck_assert_ptr_null(json_take_session("[1]", 3, &session));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web");
	TCase *t = tcase_create("web");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_w6_a_right_head_passes);
	tcase_add_test(t, test_w6_what_is_written_anew_has_only_what_we_know);
	tcase_add_test(t, test_w6_of_cookies_only_our_own_goes_on);
	tcase_add_test(t, test_w6_arguments_are_few);
	tcase_add_loop_test(t, test_w6_a_wrong_head_is_refused, 0, sizeof(wrong) / sizeof(*wrong));
	tcase_add_test(t, test_w6_a_nul_is_refused);
	tcase_add_test(t, test_n7_a_head_has_a_size);
	tcase_add_test(t, test_w1_every_change_is_a_post_of_our_page);
	tcase_add_test(t, a_reader_that_comes_back_gets_what_it_missed);
	tcase_add_test(t, test_n7_a_slow_reader_is_let_go);
	tcase_add_test(t, arguments_become_typed_json);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
