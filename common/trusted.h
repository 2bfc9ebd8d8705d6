/*
 * trusted: files that count only when nobody else could have touched or read them.
 *
 * The owner is the effective user or root, and none of the mode bits in `forbidden` is set (077 for
 * a secret, 022 for a configuration): VERDICT_LOOSE_PERMISSIONS.  Systemd credentials (0400, owned
 * by the service's user or by root) pass.
 */
#ifndef WEIR_TRUSTED_H
#define WEIR_TRUSTED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads a whole regular file of at most max bytes into *out, with a zero byte behind it that is not
 * counted.  VERDICT_NOT_REGULAR, VERDICT_LOOSE_PERMISSIONS, -EFBIG when larger.  What is checked is
 * what is read: one descriptor serves both.  *out is given back with trusted_free, which wipes it.
 */
int trusted_read(const char *path, mode_t forbidden, size_t max, uint8_t **out, size_t *len);
void trusted_free(uint8_t *data, size_t len);

/* Judges a file that a library opens by its name: 0 and the results of trusted_read. */
int trusted_check(const char *path, mode_t forbidden);

#endif
