/*
 * service: being started by systemd or by `weir-sender run`, which speak the same protocol, and the
 * only file that includes libsystemd.
 */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include <stdbool.h>

/*
 * The descriptor passed in under this name (FileDescriptorName=, LISTEN_FDNAMES), or -ENOENT.
 * Close-on-exec is set.
 */
int service_socket(const char *name);

/* Whether systemd started this process itself, and not a program that it started. */
bool service_is_unit(void);

/*
 * Opens the way for the notices below, to the socket that systemd names in $NOTIFY_SOCKET.  They take no system call
 * but sendto then, so that no table needs to let a process have a socket.  Called before the table closes; outside
 * systemd, and when there is no such socket, nothing happens here and below.
 */
void service_open(void);

/* READY=1 with a status line. */
void service_ready(const char *status);
void service_status(const char *status);
void service_stopping(void);
/* WATCHDOG=1, when the unit asks for it. */
void service_alive(void);

/*
 * One event, a line on stderr that begins with its stable id: "E1003 spool: 'tax-000123' released".
 * Under systemd stderr is the journal, and the line carries its priority (syslog's).  It takes no
 * system call but write.  At most 1,000 bytes; names in it have been escaped by the caller.
 */
void service_event(int priority, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
