#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "suite.h"
#include "verdict.h"

static int judge(const struct stat *st, mode_t forbidden)
{
	if (!S_ISREG(st->st_mode))
		return VERDICT_NOT_REGULAR;
	if ((st->st_uid != geteuid() && st->st_uid != 0) || (st->st_mode & forbidden) != 0)
		return VERDICT_LOOSE_PERMISSIONS;
	return 0;
}

int trusted_check(const char *path, mode_t forbidden)
{
	struct stat st;
	return stat(path, &st) < 0 ? -errno : judge(&st, forbidden);
}

static int check_file(int fd, mode_t forbidden, size_t max, size_t *size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	int result = judge(&st, forbidden);
	if (result != 0)
		return result;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	*size = (size_t)st.st_size;
	return 0;
}

int trusted_read(const char *path, mode_t forbidden, size_t max, uint8_t **out, size_t *len)
{
	uint8_t *data = NULL;
	size_t size = 0;
	/* O_NONBLOCK: a FIFO put in the file's place must not hold the program up */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int result = check_file(fd, forbidden, max, &size);
	if (result != 0)
		goto out;
	data = malloc(size + 1);
	if (data == NULL) {
		result = -ENOMEM;
		goto out;
	}
	ssize_t n = io_read(fd, data, size);
	if (n < 0) {
		result = (int)n;
		goto out;
	}
	data[n] = 0;
	*out = data;
	*len = (size_t)n;
	data = NULL;
out:
	if (data != NULL)
		trusted_free(data, size);
	io_close(fd);
	return result;
}

void trusted_free(uint8_t *data, size_t len)
{
	if (data == NULL)
		return;
	suite_wipe(data, len);
	free(data);
}
