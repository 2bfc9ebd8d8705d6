#include "service.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "io.h"

int service_socket(const char *name)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names);
	if (count < 0)
		return count;
	int found = -ENOENT;
	for (int i = 0; i < count; i++) {
		if (found < 0 && strcmp(names[i], name) == 0)
			found = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return found;
}

bool service_is_unit(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

/* To systemd, for the life of the process; sd_notify would make a socket for each notice, which a table forbids. */
static int notices = -1;

void service_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (notices >= 0 || name == NULL || (name[0] != '/' && name[0] != '@') || strlen(name) >= sizeof(address.sun_path))
		return;
	size_t len = strlen(name);
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = 0; /* a name that is no file's */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) == 0)
		notices = fd;
	else
		io_close(fd);
}

/* Outside systemd, and when it does not listen, there is nobody to tell and nothing to mend. */
static void tell(const char *state)
{
	if (notices >= 0)
		(void)send(notices, state, strlen(state), MSG_NOSIGNAL);
}

static void tell_with_status(const char *before, const char *status)
{
	char text[512];
	snprintf(text, sizeof(text), "%sSTATUS=%s", before, status);
	tell(text);
}

void service_ready(const char *status)
{
	tell_with_status("READY=1\n", status);
}

void service_status(const char *status)
{
	tell_with_status("", status);
}

void service_stopping(void)
{
	tell("STOPPING=1");
}

void service_alive(void)
{
	tell("WATCHDOG=1");
}

/*
 * One write a line, so that lines of several processes never mix, and no call but write, so that it
 * works behind any table.  "<3>" is how a line tells the journal its priority.
 */
void service_event(int priority, const char *id, const char *format, ...)
{
	char line[1024];
	size_t at = 0;
	if (getenv("JOURNAL_STREAM") != NULL)
		at = (size_t)snprintf(line, sizeof(line), "<%d>", priority & 7);
	at += (size_t)snprintf(line + at, sizeof(line) - at, "%s ", id);
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(line + at, sizeof(line) - at - 1, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	at += (size_t)n < sizeof(line) - at - 1 ? (size_t)n : sizeof(line) - at - 2;
	line[at++] = '\n';
	/* A log that cannot be written is no reason to stop the work. */
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}
