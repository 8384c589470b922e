/* Queues and budgets between threads, the gate for strangers, numbers, and what a batch is decoded to. */
#include <arpa/inet.h>
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "collector/ingest/credit.h"
#include "collector/ingest/decode.h"
#include "collector/ingest/digest.h"
#include "collector/ingest/gate.h"
#include "collector/ingest/numbers.h"
#include "collector/message.h"
#include "crc32c.h"
#include "frame.h"
#include "proto/host.pb-c.h"
#include "proto/rooms.pb-c.h"

/* ---- queues ---- */

struct item { struct node node; unsigned from, number; };

#define PRODUCERS 4u
#define ITEMS 20000u

static struct queue *queue;

static void *produce(void *arg)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		struct item *it = calloc(1, sizeof(*it));

		it->from = (unsigned)(uintptr_t)arg;
		it->number = i;
		queue_push(queue, &it->node);
	}
	return NULL;
}

/* All arrive, each producer's in order, and the taker never sleeps while something is there. */
START_TEST(queue_keeps_order)
{
	unsigned next[PRODUCERS] = {0}, got = 0;
	pthread_t thread[PRODUCERS];

	queue = queue_new();
	for (uintptr_t i = 0; i < PRODUCERS; i++)
		pthread_create(&thread[i], NULL, produce, (void *)i);
	while (got < PRODUCERS * ITEMS) {
		int64_t begin = clock_boot();
		struct node *n, *after;

		queue_wait(queue, 10000);
		ck_assert_int_lt(clock_boot() - begin, 9 * NS_PER_S);
		for (n = queue_take(queue); n; n = after) {
			struct item *it = (struct item *)n;

			after = n->next;
			ck_assert_uint_eq(it->number, next[it->from]++);
			free(it);
			got++;
		}
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_ptr_null(queue_take(queue));
	queue_free(queue);
}
END_TEST

START_TEST(queue_wakes_once)
{
	struct item a = {0}, b = {0};
	struct pollfd p;

	queue = queue_new();
	p = (struct pollfd){queue_fd(queue), POLLIN, 0};
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	a.node.next = &b.node;
	queue_push_list(queue, &a.node);
	queue_push_list(queue, NULL);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_ptr_eq(queue_take(queue), &a.node);
	ck_assert_ptr_eq(a.node.next, &b.node);
	ck_assert_ptr_null(b.node.next);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	queue_free(queue);
}
END_TEST

static void *give_later(void *budget)
{
	usleep(20000);
	budget_give(budget, 60);
	return NULL;
}

START_TEST(budget)
{
	struct budget *b = budget_new(100);
	pthread_t thread;

	budget_take(b, 99);
	ck_assert(!budget_full(b));
	budget_take(b, 50);	/* may go over */
	ck_assert(budget_full(b));
	pthread_create(&thread, NULL, give_later, b);
	budget_wait(b);
	ck_assert_uint_eq(budget_used(b), 89);
	pthread_join(thread, NULL);
	budget_free(b);
}
END_TEST

/* ---- strangers ---- */

static struct clock_fake fake;
static struct sockaddr_in from(unsigned address)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + address)};
}

static struct visitor *enter(struct gate *g, unsigned address, int fd)
{
	struct sockaddr_in a = from(address);

	return gate_enter(g, (struct sockaddr *)&a, fd);
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(test_n01_one_address)
{
	struct gate *g = gate_new(4, 16);
	struct visitor *v[6];
	int fd = open_socket();

	fake = (struct clock_fake){0, NS_PER_S};
	clock_use(&fake);
	for (int i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(v[i] = enter(g, 1, fd));
	ck_assert_ptr_null(enter(g, 1, fd));		/* all are young: whoever comes waits */
	fake.boot += 2 * NS_PER_S;
	ck_assert_ptr_nonnull(v[4] = enter(g, 1, fd));	/* now the oldest makes room */
	ck_assert(gate_was_put_out(g, v[0]));
	ck_assert(!gate_was_put_out(g, v[1]));
	ck_assert_uint_eq(gate_count(g), 4);
	for (int i = 0; i < 5; i++)
		gate_leave(g, v[i], false);
	ck_assert_uint_eq(gate_count(g), 0);
	clock_use(NULL);
	close(fd);
	gate_free(g);
}
END_TEST

START_TEST(test_n01_all_addresses)
{
	struct gate *g = gate_new(8, 16);
	struct visitor *v[20], *known, *again;
	int fd = open_socket(), n = 0;

	known = enter(g, 99, fd);
	gate_leave(g, known, true);
	for (int i = 0; i < 8; i++)
		v[n++] = enter(g, 1, fd);		/* one that has most */
	for (unsigned i = 0; i < 4; i++)
		v[n++] = enter(g, 2 + i, fd);
	ck_assert_uint_eq(gate_count(g), 12);
	v[n++] = enter(g, 50, fd);			/* a stranger: three quarters are all there is for him */
	ck_assert_uint_eq(gate_count(g), 12);
	ck_assert(gate_was_put_out(g, v[0]));
	ck_assert(!gate_was_put_out(g, v[8]));
	again = enter(g, 99, fd);			/* one of ours: the quarter is his, and nobody is put out */
	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(gate_count(g), 13);
	ck_assert(!gate_was_put_out(g, v[1]));
	gate_leave(g, again, true);
	for (int i = 0; i < n; i++)
		gate_leave(g, v[i], false);
	close(fd);
	gate_free(g);
}
END_TEST

/* Agents that come back all at once, each from its own address: who is at work is let work. */
START_TEST(test_r10_equals_do_not_put_each_other_out)
{
	struct gate *g = gate_new(4, 16);
	struct visitor *v[13];
	int fd = open_socket();

	fake = (struct clock_fake){0, NS_PER_S};
	clock_use(&fake);
	for (unsigned i = 0; i < 12; i++)
		ck_assert_ptr_nonnull(v[i] = enter(g, 1 + i, fd));
	ck_assert_ptr_null(enter(g, 50, fd));
	fake.boot += 2 * NS_PER_S;
	ck_assert_ptr_nonnull(v[12] = enter(g, 50, fd));
	ck_assert(gate_was_put_out(g, v[0]));
	for (int i = 0; i < 13; i++)
		gate_leave(g, v[i], false);
	clock_use(NULL);
	close(fd);
	gate_free(g);
}
END_TEST

START_TEST(test_n01_ipv6_is_counted_by_64_bits)
{
	struct gate *g = gate_new(2, 100);
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};
	struct visitor *v[3];
	int fd = open_socket();

	for (int i = 0; i < 2; i++) {
		inet_pton(AF_INET6, i ? "2001:db8:0:1::1" : "2001:db8:0:1:ffff::2", &a.sin6_addr);
		ck_assert_ptr_nonnull(v[i] = gate_enter(g, (struct sockaddr *)&a, fd));
	}
	inet_pton(AF_INET6, "2001:db8:0:1::3", &a.sin6_addr);
	ck_assert_ptr_null(gate_enter(g, (struct sockaddr *)&a, fd));
	inet_pton(AF_INET6, "2001:db8:0:2::3", &a.sin6_addr);
	ck_assert_ptr_nonnull(v[2] = gate_enter(g, (struct sockaddr *)&a, fd));
	for (int i = 0; i < 3; i++)
		gate_leave(g, v[i], false);
	close(fd);
	gate_free(g);
}
END_TEST

/* ---- numbers ---- */

START_TEST(numbers)
{
	struct numbers t = {0};

	ck_assert_uint_eq(numbers_get(&t, 0), NUMBER_NONE);
	for (uint32_t i = 0; i < 5000; i++)
		ck_assert_int_eq(numbers_put(&t, i * 7, i, 5000), 0);
	for (uint32_t i = 0; i < 5000; i++)
		ck_assert_uint_eq(numbers_get(&t, i * 7), i);
	ck_assert_uint_eq(numbers_get(&t, 1), NUMBER_NONE);
	ck_assert_uint_eq(numbers_get(&t, UINT32_MAX), NUMBER_NONE);
	ck_assert_int_eq(numbers_put(&t, 7, 1, 5000), 0);	/* the same again */
	ck_assert_int_eq(numbers_put(&t, 7, 2, 5000), -EEXIST);
	ck_assert_int_eq(numbers_put(&t, 3, 2, 5000), -EDQUOT);
	numbers_free(&t);
}
END_TEST

/* An agent that picks numbers which fall on one place is refused, and cannot make look-ups slow. */
START_TEST(numbers_that_collide)
{
	const uint32_t inverse = 0xe8b2f51;	/* of the multiplier, modulo 2^32 */
	struct numbers t = {0};
	int r = 0;

	ck_assert_uint_eq((uint32_t)(inverse * 0x9e3779b1u), 1);
	for (uint32_t i = 0; i < 4000 && !r; i++)
		r = numbers_put(&t, inverse * i, i, 50000);
	ck_assert_int_eq(r, -EDQUOT);
	numbers_free(&t);
}
END_TEST

/* ---- batches ---- */

START_TEST(decoded)
{
	struct numbers checks = {0}, series = {0};
	uint32_t ids[] = {5, 6};
	double values[] = {1.5, -2};
	Wire__Record a = WIRE__RECORD__INIT, b = WIRE__RECORD__INIT, *records[] = {&a, &b};
	Wire__Batch w = WIRE__BATCH__INIT;
	Wire__Record *extra;
	struct batch *got;
	const char *why;

	numbers_put(&checks, 1, 71, 10);
	numbers_put(&series, 5, 500, 10);
	numbers_put(&series, 6, 600, 10);
	a.check = b.check = 1;
	a.n_series = a.n_values = 2;
	a.series = ids;
	a.values = values;
	a.round = true;
	a.took_ns = 9;
	b.outcome = WIRE__OUTCOME__FAILED;
	b.error = (ProtobufCBinaryData){4, (uint8_t *)"gone"};
	w.first = 17;
	w.epoch = 3;
	w.n_records = 2;
	w.records = records;
	ck_assert_int_eq(decode_batch(&w, NULL, &checks, &series, &got, &why), 0);
	ck_assert_uint_eq(got->results, 2);
	ck_assert_uint_eq(got->values, 2);
	ck_assert_uint_eq(got->first, 17);
	ck_assert_uint_eq(got->result[0].check, 71);
	ck_assert_uint_eq(got->series[got->result[0].first_value + 1], 600);
	ck_assert_double_eq(got->value[0], 1.5);
	ck_assert_uint_eq(got->result[0].extra_size, 0);
	extra = wire__record__unpack(NULL, got->result[1].extra_size, got->result[1].extra);
	ck_assert_ptr_nonnull(extra);
	ck_assert_mem_eq(extra->error.data, "gone", 4);
	wire__record__free_unpacked(extra, NULL);
	free(got);
	ids[0] = 8;
	ck_assert_int_eq(decode_batch(&w, NULL, &checks, &series, &got, &why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, "not defined"));
	numbers_free(&checks);
	numbers_free(&series);
}
END_TEST

/* As the agent sends them: fields in its order, each record's bytes as they are. */
START_TEST(test_r03_digests)
{
	Wire__Record a = WIRE__RECORD__INIT, b = WIRE__RECORD__INIT, *records[] = {&a, &b};
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Batch w = WIRE__BATCH__INIT;
	struct arena *arena = arena_new(65536);
	uint8_t *frame = NULL, packed[2][64];
	uint64_t epoch = htole64(77);
	uint32_t digest[2], wire[2];
	const uint32_t *got;
	size_t room = 0;
	int64_t n;

	a.check = 1;
	b.took_ns = 300;
	for (int i = 0; i < 2; i++) {
		digest[i] = crc32c(crc32c(0, &epoch, 8), packed[i], wire__record__pack(records[i], packed[i]));
		wire[i] = htole32(digest[i]);
	}
	w.epoch = 77;
	w.first = 1;
	w.n_records = 2;
	w.records = records;
	w.digest = crc32c(0, wire, sizeof(wire));
	e.message_case = WIRE__ENVELOPE__MESSAGE_BATCH;
	e.batch = &w;
	n = frame_pack(&e.base, &frame, &room);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(digest_records(frame, (size_t)n, &w, arena, &got), 0);
	ck_assert_uint_eq(got[0], digest[0]);
	ck_assert_uint_eq(got[1], digest[1]);
	for (int64_t cut = FRAME_HEAD; cut < n; cut++)
		ck_assert_int_eq(digest_records(frame, (size_t)cut, &w, arena, &got), -EBADMSG);
	w.n_records = 1;
	ck_assert_int_eq(digest_records(frame, (size_t)n, &w, arena, &got), -EBADMSG);
	w.n_records = 2;
	w.digest++;
	ck_assert_int_eq(digest_records(frame, (size_t)n, &w, arena, &got), -EBADMSG);
	free(frame);
	arena_free(arena);
}
END_TEST

/* ---- N6: shares of those who send at the same time ---- */

#define BIG (100u * 1024)

static unsigned sends(struct credits *all, struct credit *c, unsigned most, int64_t now)
{
	unsigned n = 0;

	for (; n < most && !credit_over(all, c, now); n++)
		credit_use(all, c, BIG, now);
	return n;
}

START_TEST(test_n06_who_sends_many_times_the_others_waits)
{
	struct credits *all = credits_new();
	struct credit hog = {0}, other[20] = {{0}};
	unsigned sent = 0;

	for (int64_t now = CREDIT_PERIOD * 1000, end = now + 40 * CREDIT_PERIOD; now < end; now += CREDIT_PERIOD) {
		for (int i = 0; i < 20; i++)
			ck_assert_uint_eq(sends(all, &other[i], 1, now), 1);
		sent += sends(all, &hog, 100, now);
	}
	/* The first period knows nobody else yet, and is paid for; then CREDIT_TIMES what an equal sends. */
	ck_assert_uint_ge(sent, 100 + 20 * CREDIT_TIMES);
	ck_assert_uint_le(sent, 100 + 39 * CREDIT_TIMES);
	credits_free(all);
}
END_TEST

START_TEST(test_n06_equals_and_who_is_alone_use_what_there_is)
{
	struct credits *all = credits_new();
	struct credit one[16] = {{0}}, alone = {0};
	int64_t now = CREDIT_PERIOD * 1000;

	for (int k = 0; k < 10; k++, now += CREDIT_PERIOD)
		for (int i = 0; i < 16; i++)
			ck_assert_uint_eq(sends(all, &one[i], 50, now), 50);
	now += 2 * CREDIT_PERIOD;
	for (int k = 0; k < 10; k++, now += CREDIT_PERIOD)
		ck_assert_uint_eq(sends(all, &alone, 1000, now), 1000);
	credits_free(all);
}
END_TEST

/* One frame may be larger than a share: it is paid for over several periods. Whoever only ever sends a little never waits. */
START_TEST(test_n06_what_is_owed_is_paid_back)
{
	struct credits *all = credits_new();
	struct credit hog = {0}, little = {0};
	int64_t now = CREDIT_PERIOD * 1000;
	unsigned frames = 0;

	for (int k = 0; k < 41; k++, now += CREDIT_PERIOD) {
		ck_assert(!credit_over(all, &little, now));
		credit_use(all, &little, 100, now);
		if (k && !credit_over(all, &hog, now)) {
			credit_use(all, &hog, 1024 * 1024, now);
			frames++;
		}
	}
	ck_assert_uint_ge(frames, 40 * CREDIT_FLOOR / (1024 * 1024 + CREDIT_BATCH));
	ck_assert_uint_le(frames, 40 * CREDIT_FLOOR / (1024 * 1024 + CREDIT_BATCH) + 3);
	credits_free(all);
}
END_TEST

START_TEST(test_n03_ceiling)
{
	ck_assert_uint_eq(frame_ceiling(1), 256 * 1024);
	ck_assert_uint_eq(frame_ceiling(100 * 1024), 800 * 1024);
	ck_assert_uint_eq(frame_ceiling(1024 * 1024), 8 * 1024 * 1024);
}
END_TEST

/* ---- N4: no message holds itself, however deep ---- */

static unsigned depth_of(const ProtobufCMessageDescriptor *type, const ProtobufCMessageDescriptor **above, unsigned depth)
{
	unsigned deepest = depth;

	for (unsigned i = 0; i < depth; i++)
		ck_assert_msg(above[i] != type, "%s holds itself", type->name);
	ck_assert_uint_lt(depth, 16);
	above[depth] = type;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE) {
			unsigned d = depth_of(type->fields[i].descriptor, above, depth + 1);

			deepest = d > deepest ? d : deepest;
		}
	return deepest;
}

START_TEST(test_n04_no_message_holds_itself)
{
	const ProtobufCMessageDescriptor *roots[] = {&wire__envelope__descriptor, &host__to_host__descriptor,
		&host__from_host__descriptor, &host__plan__descriptor, &rooms__message__descriptor}, *above[17];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		ck_assert_uint_ge(depth_of(roots[i], above, 0), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ingest");
	TCase *t = tcase_create("ingest");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, queue_keeps_order);
	tcase_add_test(t, queue_wakes_once);
	tcase_add_test(t, budget);
	tcase_add_test(t, test_n01_one_address);
	tcase_add_test(t, test_n01_all_addresses);
	tcase_add_test(t, test_r10_equals_do_not_put_each_other_out);
	tcase_add_test(t, test_n01_ipv6_is_counted_by_64_bits);
	tcase_add_test(t, numbers);
	tcase_add_test(t, numbers_that_collide);
	tcase_add_test(t, decoded);
	tcase_add_test(t, test_r03_digests);
	tcase_add_test(t, test_n06_who_sends_many_times_the_others_waits);
	tcase_add_test(t, test_n06_equals_and_who_is_alone_use_what_there_is);
	tcase_add_test(t, test_n06_what_is_owed_is_paid_back);
	tcase_add_test(t, test_n03_ceiling);
	tcase_add_test(t, test_n04_no_message_holds_itself);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
