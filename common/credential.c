#include "credential.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CREDENTIAL_PATH_BYTES = 4096 };

int credential_prefer(char *path, size_t size, const char *name)
{
	char found[CREDENTIAL_PATH_BYTES];
	struct stat st;
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	if (folder == NULL || folder[0] == 0)
		return 0;
	int len = snprintf(found, sizeof(found), "%s/%s", folder, name);
	if (len < 0 || (size_t)len >= sizeof(found))
		return -ENAMETOOLONG;
	if (stat(found, &st) < 0)
		return 0;
	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	memcpy(path, found, (size_t)len + 1);
	return 0;
}
