#include "call.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

static bool ready(int fd, short what, int64_t until)
{
	struct pollfd p = {fd, what, 0};
	int64_t left;
	int r;

	do {
		left = until - clock_boot();
		r = left > 0 ? poll(&p, 1, (int)(left / NS_PER_MS) + 1) : 0;
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

/* A descriptor, or -errno. */
static int reach(const struct addrinfo *a, int64_t until)
{
	CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		if (!ready(fd, POLLOUT, until))
			return -ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error)
			return error ? -error : -errno;
	}
	return TAKE_FD(fd);
}

bool call_split(const char *address, char host[256], char port[8])
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (!n || n >= 256 || strlen(colon + 1) >= 8)
		return false;
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	snprintf(host, 256, "%.*s", (int)n, address);
	snprintf(port, 8, "%s", colon + 1);
	return true;
}

int call_reach(const char *address, int64_t until)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char host[256], port[8];
	int fd = -ENXIO, left = 0;

	if (!call_split(address, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
		return -ENXIO;
	for (const struct addrinfo *a = found; a; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next, left--)
		fd = reach(a, clock_boot() + (until - clock_boot()) / left);
	freeaddrinfo(found);
	return fd;
}

/* After an operation that did not work out: can it be tried again? */
static bool again(SSL *ssl, int result, int64_t until)
{
	int error = SSL_get_error(ssl, result);

	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		return false;
	return ready(SSL_get_fd(ssl), error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, until);
}

bool call_shake_hands(SSL *ssl, int64_t until)
{
	int r;

	ERR_clear_error();
	while ((r = SSL_do_handshake(ssl)) != 1 && again(ssl, r, until))
		ERR_clear_error();
	return r == 1;
}

bool call_write(SSL *ssl, const void *data, size_t n, int64_t until)
{
	const uint8_t *from = data;

	while (n) {
		int r;

		ERR_clear_error();
		r = SSL_write(ssl, from, (int)n);
		if (r > 0) {
			from += r;
			n -= (size_t)r;
		} else if (!again(ssl, r, until))
			return false;
	}
	return true;
}

bool call_read(SSL *ssl, void *to, size_t n, int64_t until)
{
	uint8_t *at = to;

	while (n) {
		int r;

		ERR_clear_error();
		r = SSL_read(ssl, at, (int)n);
		if (r > 0) {
			at += r;
			n -= (size_t)r;
		} else if (!again(ssl, r, until))
			return false;
	}
	return true;
}
