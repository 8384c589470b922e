/* What goes to the core: whole frames, in one system call. Values were encoded as they were reported (report.h). */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "lib/frame.h"
#include "lib/syscalls.h"

enum { FROM_ROUND = 3, FROM_EVENTS = 4 };
enum { ROUND_CHECK = 1, ROUND_RUN = 2, ROUND_OUTCOME = 3, ROUND_ERROR = 8, ROUND_TOOK = 9, ROUND_OUTPUT = 10 };
enum { EVENTS_CHECK = 1 };

static int send_all(int socket, struct iovec *iov, size_t n)
{
	while (n) {
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
		ssize_t k = sendmsg(socket, &m, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		for (; n && (size_t)k >= iov->iov_len; iov++, n--)
			k -= (ssize_t)iov->iov_len;
		if (n) {
			iov->iov_base = (char *)iov->iov_base + k;
			iov->iov_len -= (size_t)k;
		}
	}
	return 0;
}

/* Sends one FromHost whose member `field` is made of the parts; parts[0] is left free for the head. */
static int send_message(int socket, unsigned field, struct iovec *parts, size_t n)
{
	uint8_t room[FRAME_HEAD + 1 + BYTES_VARINT];
	struct bytes head = {.at = room, .n = FRAME_HEAD, .room = sizeof(room)};
	size_t body = 0, frame;

	for (size_t i = 1; i < n; i++)
		body += parts[i].iov_len;
	bytes_head(&head, field, body);
	frame = head.n - FRAME_HEAD + body;
	if (frame > FRAME_MAX)
		return -EMSGSIZE;
	for (int i = 0; i < FRAME_HEAD; i++)
		room[i] = (uint8_t)(frame >> (24 - 8 * i));
	parts[0] = (struct iovec){room, head.n};
	return send_all(socket, parts, n);
}

int send_events(struct beadle_ctx *ctx)
{
	uint8_t room[1 + BYTES_VARINT];
	struct bytes head = {.at = room, .room = sizeof(room)};
	struct iovec parts[3];
	int r;

	if (ctx->report.events.n == 0)
		return 0;
	bytes_number(&head, EVENTS_CHECK, ctx->check);
	parts[1] = (struct iovec){head.at, head.n};
	parts[2] = (struct iovec){ctx->report.events.at, ctx->report.events.n};
	r = send_message(ctx->host->socket, FROM_EVENTS, parts, 3);
	bytes_empty(&ctx->report.events, REPORT_EVENTS * 2);
	return r;
}

/* Takes what the plugin printed since the last time. */
static size_t take_printed(struct host *host, char *to)
{
	off_t n = host->printed < 0 ? 0 : lseek(host->printed, 0, SEEK_CUR);
	ssize_t k;

	if (n <= 0)
		return 0;
	k = pread(host->printed, to, (size_t)n < HOST_PRINTED ? (size_t)n : HOST_PRINTED, 0);
	lseek(host->printed, 0, SEEK_SET);
	return k > 0 ? (size_t)k : 0;
}

/* What its walls have refused since this host began: not to be overlooked, so no round of it counts as well measured. */
static void tell_refused(const struct host *host, const char *error, char *to, size_t room)
{
	char name[32];
	size_t n = (size_t)snprintf(to, room, "%s", error);

	for (size_t i = 0; host->guards && i < GUARD_REFUSED && n < room; i++)
		if (host->guards->refused[i])
			n += (size_t)snprintf(to + n, room - n, "%s%s", i ? ", " : n ? "; system calls refused to the plugin: "
									      : "system calls refused to the plugin: ",
					      syscalls_name(host->guards->refused[i] - 1, name));
}

int send_round(struct beadle_ctx *ctx, uint64_t run, int result, int64_t took_ns)
{
	struct report *report = &ctx->report;
	bool failed = result < 0 || report->broken[0];
	const char *error = report->broken[0] ? report->broken : result < 0 ? strerror(-result) : "";
	char printed[HOST_PRINTED], said[2 * sizeof(report->broken)];
	size_t n_printed;
	uint8_t room[64 + sizeof(said)], output_room[1 + BYTES_VARINT];
	struct bytes head = {.at = room, .room = sizeof(room)},
		     output = {.at = output_room, .room = sizeof(output_room)};
	struct iovec parts[6];
	int r = send_events(ctx);

	tell_refused(ctx->host, error, said, sizeof(said));
	fflush(stdout);
	n_printed = take_printed(ctx->host, printed);
	if (r < 0)
		return r;
	bytes_number(&head, ROUND_CHECK, ctx->check);
	bytes_number(&head, ROUND_RUN, run);
	bytes_number(&head, ROUND_TOOK, (uint64_t)took_ns);
	bytes_number(&head, ROUND_OUTCOME, said[0] ? WIRE__OUTCOME__FAILED : report->n_skips ? WIRE__OUTCOME__PARTIAL
										 : WIRE__OUTCOME__OK);
	if (said[0])
		bytes_put(&head, ROUND_ERROR, said, strlen(said));
	if (n_printed)
		bytes_head(&output, ROUND_OUTPUT, n_printed);
	parts[1] = (struct iovec){head.at, head.n};
	parts[2] = (struct iovec){report->values.at, failed ? 0 : report->values.n};
	parts[3] = (struct iovec){report->skips.at, report->skips.n};
	parts[4] = (struct iovec){output.at, output.n};
	parts[5] = (struct iovec){printed, n_printed};
	return send_message(ctx->host->socket, FROM_ROUND, parts, 6);
}

int send_renew(struct host *host)
{
	Host__FromHost message = HOST__FROM_HOST__INIT;
	Host__Renew renew = HOST__RENEW__INIT;

	message.message_case = HOST__FROM_HOST__MESSAGE_RENEW;
	message.renew = &renew;
	return frame_write(host->socket, &message.base);
}

int send_problem(struct host *host, uint32_t check, const char *file, unsigned line, const char *text)
{
	Host__FromHost message = HOST__FROM_HOST__INIT;
	Host__Problem problem = HOST__PROBLEM__INIT;

	problem.check = check;
	problem.file = (char *)(file ? file : "");
	problem.line = line;
	problem.text = (ProtobufCBinaryData){.data = (uint8_t *)text, .len = strlen(text)};
	message.message_case = HOST__FROM_HOST__MESSAGE_PROBLEM;
	message.problem = &problem;
	return frame_write(host->socket, &message.base);
}
