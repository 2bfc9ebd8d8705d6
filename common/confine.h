/*
 * confine: what a process gives up before its first untrusted byte, and the only file that includes
 * libseccomp and libcap-ng.
 */
#ifndef WEIR_CONFINE_H
#define WEIR_CONFINE_H

/*
 * Gives up: every capability (verified), the right to gain privileges, core dumps, ptrace by
 * others.  0, -errno, or -EPERM when a capability is still held.  Call before threads are made.
 */
int confine_privileges(void);

/*
 * Closes the system-call table: the calls named in `allowed` (names as in syscalls(2), ended by
 * NULL) and no others; anything else kills the process.  Applies to all threads (TSYNC).
 * 0 or -errno; -EINVAL for a name the kernel's table lacks.
 * In builds under a sanitizer (WEIR_SANITIZE) what the sanitizer needs is added.
 */
int confine_calls(const char *const *allowed);

#endif
