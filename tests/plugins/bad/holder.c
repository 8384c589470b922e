/*
 * holder.c - a plugin that is handed what takes privilege only to open (SECURITY 5.6): it tells what it got, uses it, and with
 * `misdeed` tries to get more out of it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/filter.h>

#include <beadle/watch.h>

#define COOKIE "beadle"
#define WAIT_MS 2000

struct holder {
	struct beadle_list *folders;
	const char *watched, *misdeed;
	int64_t wait, rest, created;
	int fd;
};

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct holder, folders, "", "what is watched"),
	BEADLE_OPTION(struct holder, watched, "fanotify", "or fanotify_filesystem"),
	BEADLE_OPTION(struct holder, misdeed, "none", "what to try with it"),
	BEADLE_OPTION(struct holder, wait, "0", "for something to happen, in a round, ms"),
	BEADLE_OPTION(struct holder, rest, "0", "and so long for more of it, ms"),
	{0}
};
static const struct beadle_need needs[] = {
	{BEADLE_NEED_SERVICE, "fanotify", "to see what changes"},
	{BEADLE_NEED_SERVICE, "fanotify_filesystem", "to see what changes anywhere"},
	{BEADLE_NEED_SERVICE, "icmp", "to see who answers"},
	{BEADLE_NEED_SERVICE, "icmp6", "to see who answers"},
	{BEADLE_NEED_SERVICE, "crystal_ball", "to see what will be"},
	{BEADLE_NEED_READ, "option:folders", "what is watched"},
	{0}
};
static const struct beadle_metric error = {"holder_errno", "count", "0: it has this descriptor", BEADLE_GAUGE};
static const struct beadle_metric answers = {"holder_answers", "count", "echo replies to a request that was sent", BEADLE_GAUGE};
static const struct beadle_metric others = {"holder_others", "count", "other messages, such as the request itself", BEADLE_GAUGE};
static const struct beadle_metric created = {"holder_created", "count", "files since it was opened", BEADLE_GAUGE};
static const struct beadle_metric tried = {"holder_tried", "count", "errno of the misdeed, 0: it was possible", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {&error, &answers, &others, &created, &tried, NULL};

static int get(struct beadle_ctx *ctx, const char *service)
{
	int fd = beadle_descriptor(ctx, service);

	beadle_put(ctx, &error, fd < 0 ? -fd : 0, {"service", service});
	return fd;
}

/* ---- fanotify ---- */

static void tell(struct beadle_ctx *ctx, struct holder *h, const struct fanotify_event_metadata *m, const char *rest)
{
	static const struct { uint64_t bit; const char *name; } words[] = {
		{FAN_CREATE, "created"}, {FAN_DELETE, "deleted"}, {FAN_CLOSE_WRITE, "written"}, {FAN_MOVED_TO, "moved"}, {FAN_ATTRIB, "changed"}};
	const struct fanotify_event_info_fid *fid = (const void *)rest;
	const struct file_handle *handle = (const void *)fid->handle;

	if (m->event_len < sizeof(*m) + sizeof(*fid) || fid->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME || m->fd != FAN_NOFD)
		return beadle_event(ctx, "odd", {"what", "an event with a descriptor, or without a name"});
	h->created += (m->mask & FAN_CREATE) != 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (m->mask & words[i].bit)
			beadle_event(ctx, words[i].name, {"name", (const char *)handle->f_handle + handle->handle_bytes});
}

static int listen_to(struct beadle_ctx *ctx, struct holder *h)
{
	char buf[8192] __attribute__((aligned(8)));
	struct fanotify_event_metadata m;
	ssize_t k;

	/* One begins where the last one ends, which is at no multiple of eight. */
	while ((k = read(h->fd, buf, sizeof(buf))) > 0)
		for (const char *at = buf; at + sizeof(m) <= buf + k; at += m.event_len) {
			memcpy(&m, at, sizeof(m));
			tell(ctx, h, &m, at + sizeof(m));
		}
	return k < 0 && errno != EAGAIN ? -errno : 0;
}

/* ---- ICMP ---- */

static uint16_t checksum(const void *data, size_t n)
{
	const uint16_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < n / 2; i++)
		sum += p[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~(sum + (sum >> 16));
}

struct echo { uint8_t type, code; uint16_t sum, id, sequence; char cookie[8]; };

static bool is_ours(const struct echo *e, uint8_t type)
{
	return e->type == type && e->id == (uint16_t)getpid() && memcmp(e->cookie, COOKIE, sizeof(COOKIE)) == 0;
}

/* All that comes until the answer, or for the whole time when there is none. */
static void hear(struct beadle_ctx *ctx, int fd, const char *service, bool has_header, uint8_t reply)
{
	size_t found = 0, other = 0;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		char buf[512] __attribute__((aligned(4)));
		size_t head;
		ssize_t k;

		if (poll(&pfd, 1, found ? 50 : WAIT_MS) <= 0 || (k = recv(fd, buf, sizeof(buf), 0)) <= 0)
			break;
		head = has_header ? (size_t)((struct iphdr *)(void *)buf)->ihl * 4 : 0;
		if ((size_t)k >= head + sizeof(struct echo) && is_ours((struct echo *)(void *)(buf + head), reply))
			found++;
		else if (buf[head] == ICMP_ECHO || (uint8_t)buf[head] == ICMP6_ECHO_REQUEST)
			other++;
	}
	beadle_put(ctx, &answers, (double)found, {"service", service});
	beadle_put(ctx, &others, (double)other, {"service", service});
}

static void ping(struct beadle_ctx *ctx, int fd)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct echo e = {.type = ICMP_ECHO, .id = (uint16_t)getpid(), .cookie = COOKIE};

	e.sum = checksum(&e, sizeof(e));
	if (sendto(fd, &e, sizeof(e), 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return beadle_skip(ctx, errno, "an echo request");
	hear(ctx, fd, "icmp", true, ICMP_ECHOREPLY);
}

static void ping6(struct beadle_ctx *ctx, int fd)
{
	const struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct echo e = {.type = ICMP6_ECHO_REQUEST, .id = (uint16_t)getpid(), .cookie = COOKIE};

	if (sendto(fd, &e, sizeof(e), 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return beadle_skip(ctx, errno, "an echo request (IPv6)");
	hear(ctx, fd, "icmp6", false, ICMP6_ECHO_REPLY);
}

/* ---- more than was given ---- */

static int unlock(const struct holder *h, int icmp, int icmp6)
{
	return setsockopt(icmp, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int));
}

static int other_filter(const struct holder *h, int icmp, int icmp6)
{
	struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
	const struct sock_fprog program = {1, all};

	return setsockopt(icmp6, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* A sender's address of its own choice. */
static int header(const struct holder *h, int icmp, int icmp6)
{
	return setsockopt(icmp, IPPROTO_IP, IP_HDRINCL, &(int){1}, sizeof(int));
}

static int header6(const struct holder *h, int icmp, int icmp6)
{
	return setsockopt(icmp6, IPPROTO_IPV6, IPV6_HDRINCL, &(int){1}, sizeof(int));
}

static int header_raw(const struct holder *h, int icmp, int icmp6)
{
	return setsockopt(icmp6, IPPROTO_RAW, IPV6_HDRINCL, &(int){1}, sizeof(int));
}

/* The kernel looks at half of the register alone. */
static int header_high(const struct holder *h, int icmp, int icmp6)
{
	return (int)syscall(SYS_setsockopt, icmp, IPPROTO_IP | (1ul << 32), IP_HDRINCL | (1ul << 32), &(int){1}, sizeof(int));
}

static int mark(const struct holder *h, int icmp, int icmp6)
{
	return fanotify_mark(h->fd, FAN_MARK_ADD, FAN_CREATE | FAN_ONDIR, AT_FDCWD, "/etc");
}

static int another(const struct holder *h, int icmp, int icmp6)
{
	return fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, 0);
}

static int a_socket(const struct holder *h, int icmp, int icmp6)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static const struct { const char *name; int (*fn)(const struct holder *, int icmp, int icmp6); } misdeeds[] = {
	{"unlock", unlock}, {"other_filter", other_filter}, {"header", header}, {"header6", header6}, {"header_raw", header_raw},
	{"header_high", header_high},
	{"mark", mark}, {"another", another}, {"socket", a_socket},
};

static int collect(struct beadle_ctx *ctx, void *state)
{
	struct holder *h = state;
	int r = 0, icmp = get(ctx, "icmp"), icmp6 = get(ctx, "icmp6");

	h->fd = get(ctx, h->watched);
	get(ctx, "crystal_ball");
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(*misdeeds); i++)
		if (strcmp(misdeeds[i].name, h->misdeed) == 0)
			beadle_put(ctx, &tried, misdeeds[i].fn(h, icmp, icmp6) < 0 ? errno : 0);
	if (icmp >= 0)
		ping(ctx, icmp);
	if (icmp6 >= 0)
		ping6(ctx, icmp6);
	if (h->fd >= 0 && h->wait && poll(&(struct pollfd){.fd = h->fd, .events = POLLIN}, 1, (int)h->wait) > 0)
		poll(NULL, 0, (int)h->rest);
	if (h->fd >= 0) {
		r = listen_to(ctx, h);
		beadle_put(ctx, &created, (double)h->created);
	}
	return r;
}

static int fd_of(void *state)
{
	return ((struct holder *)state)->fd;
}

static int ready(struct beadle_ctx *ctx, void *state)
{
	return listen_to(ctx, state);
}

static const struct beadle_watch watch = {.fd = fd_of, .ready = ready};

BEADLE_PLUGIN(holder, .version = "1", .help = "Uses what it was handed", .state_size = sizeof(struct holder), .options = options,
	      .metrics = metrics, .needs = needs, .collect = collect, .watch = &watch);
