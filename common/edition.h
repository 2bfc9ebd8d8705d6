/*
 * edition: of which version all is that lies in a spool or a vault.  The file `lock` says it, which whoever writes there opens
 * first: one line, "weir-spool 1" or "weir-vault 1" (VERSIONS.md).  A spool or vault without that line is of version 1.
 */
#ifndef WEIR_EDITION_H
#define WEIR_EDITION_H

#define EDITION_SPOOL "weir-spool"
#define EDITION_VAULT "weir-vault"

/*
 * For who writes there: lock_fd is of the open `lock`, which the caller holds.  Writes the line, durably, where there is none or
 * what a crash left of one.  VERDICT_UNKNOWN_VERSION: another version made it, and nothing may be read or written; -errno.
 */
int edition_keep(int lock_fd, const char *what);
/* For who reads: of the directory.  The same results; 0 also without `lock`, and when `lock` may not be read. */
int edition_look(int dir_fd, const char *what);

#endif
