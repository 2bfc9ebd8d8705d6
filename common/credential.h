/*
 * credential: key files that systemd hands over (LoadCredential=), so that the files themselves can
 * belong to root alone.
 */
#ifndef WEIR_CREDENTIAL_H
#define WEIR_CREDENTIAL_H

#include <stddef.h>

/*
 * When $CREDENTIALS_DIRECTORY has a file of this name, its path replaces the one in path, which has room for
 * size bytes.  -ENAMETOOLONG, and path is as before.  Takes no system call but newfstatat.
 */
int credential_prefer(char *path, size_t size, const char *name);

#endif
