/* SPDX-License-Identifier: MIT */
/*
 * Descriptors come with names in the environment, which is cleared here, for no child is meant by it. One that nobody would listen on is an
 * error and not passed over: its clients would wait for ever.
 */
#include "daemon/activation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

#ifdef HAVE_SYSTEMD
#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

static const char *const names[TFL_SOCKET_COUNT] = {
	[TFL_SOCKET_INFER] = "infer",
	[TFL_SOCKET_ADMIN] = "admin",
};

static void free_names(char ***list)
{
	for (char **name = *list; name && *name; name++)
		free(*name);
	free(*list);
}

static int take_one(struct tfl_activation *activation, int fd, const char *name, struct tfl_error *error)
{
	unsigned which = 0;
	int flags;

	while (which < TFL_SOCKET_COUNT && strcmp(name, names[which]) != 0)
		which++;
	if (which == TFL_SOCKET_COUNT)
		return tfl_error_set(error, -EINVAL, "the service manager hands over a socket called '%s', expected 'infer' or 'admin'; its unit "
				     "should say FileDescriptorName=infer or FileDescriptorName=admin", name);
	if (activation->fds[which] >= 0)
		return tfl_error_set(error, -EINVAL, "the service manager hands over two sockets called '%s', expected one", name);
	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
		return tfl_error_set(error, -EINVAL, "what the service manager hands over as '%s' is no listening Unix stream socket; its unit "
				     "should say ListenStream= with a path", name);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return tfl_error_set(error, -errno, "the socket '%s' cannot be set up: %s", name, strerror(errno));
	activation->fds[which] = fd;
	return 0;
}

static int take_all(struct tfl_activation *activation, struct tfl_error *error)
{
	TFL_CLEANUP(free_names) char **list = NULL;
	int count = sd_listen_fds_with_names(1, &list), result = 0;

	if (count < 0)
		return tfl_error_set(error, count, "the sockets of the service manager cannot be taken over: %s", strerror(-count));
	for (int i = 0; result == 0 && i < count; i++)
		result = take_one(activation, SD_LISTEN_FDS_START + i, list[i], error);
	return result;
}
#else
static int take_all(struct tfl_activation *activation, struct tfl_error *error)
{
	return 0;
}
#endif

int tfl_activation_take(struct tfl_activation *ret_activation, struct tfl_error *error)
{
	struct tfl_activation activation = TFL_ACTIVATION_NONE;
	int result;

	result = take_all(&activation, error);
	if (result < 0)
		tfl_activation_finish(&activation);
	else
		*ret_activation = activation;
	return result;
}

void tfl_activation_finish(struct tfl_activation *activation)
{
	for (unsigned i = 0; i < TFL_SOCKET_COUNT; i++)
		activation->fds[i] = tfl_close(activation->fds[i]);
}
