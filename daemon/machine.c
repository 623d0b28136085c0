/* SPDX-License-Identifier: MIT */
#include "daemon/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/hmac.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"

/* Never changed: every device would move. */
static const uint8_t own_id[TFL_MACHINE_BYTES] = {
	0x9b, 0x1c, 0x6e, 0x52, 0x2f, 0x0a, 0x4d, 0x8e, 0xb1, 0x37, 0x5c, 0xe4, 0x60, 0xd2, 0x7a, 0x15,
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse(const char *text, uint8_t ret_id[static TFL_MACHINE_BYTES])
{
	uint8_t any = 0;

	for (unsigned i = 0; i < TFL_MACHINE_BYTES; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		ret_id[i] = (uint8_t)(high << 4 | low);
		any |= ret_id[i];
	}
	return any ? 0 : -EINVAL; /* zeros are nobody */
}

int tfl_machine_read(const char *path, uint8_t ret_key[static TFL_MACHINE_BYTES], struct tfl_error *error)
{
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t id[TFL_MACHINE_BYTES], key[TFL_MACHINE_BYTES];
	struct hmac_sha256_ctx hmac;
	char text[2 * TFL_MACHINE_BYTES];

	if (fd < 0)
		return tfl_error_set(error, -errno, "%s cannot be read: %s", path, strerror(errno));
	if (read(fd, text, sizeof(text)) != sizeof(text) || parse(text, id) < 0)
		return tfl_error_set(error, -EINVAL,
				     "%s holds no machine id (see machine-id(5); 'systemd-machine-id-setup' makes one)", path);
	hmac_sha256_set_key(&hmac, sizeof(id), id);
	hmac_sha256_update(&hmac, sizeof(own_id), own_id);
	hmac_sha256_digest(&hmac, sizeof(key), key);
	/* As systemd marks it as a random id of version 4. */
	key[6] = (key[6] & 0x0f) | 0x40;
	key[8] = (key[8] & 0x3f) | 0x80;
	memcpy(ret_key, key, sizeof(key));
	return 0;
}
