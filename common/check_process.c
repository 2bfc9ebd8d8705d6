#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "machine.h"

enum { STATUS_BYTES = 8192, STAT_BYTES = 1024, COMMAND_BYTES = 4096, FIFO = 1, ROUND_ROBIN = 2, NICE_ENOUGH = -5 };

const char *check_link_daemon(const struct check *check)
{
	return check->config->side == CONFIG_SENDER ? "weir-emit" : "weir-catch";
}

/* ---- finding one ---- */

struct search {
	const struct check *check;
	const char *name;
	long pid;
};

/* Whether what a process has as its configuration is ours; it may have begun in another folder. */
static bool is_same(const struct check *check, const char *pid, const char *argument)
{
	char path[MACHINE_PATH_BYTES];
	struct stat ours, theirs;
	if (argument[0] == '/')
		snprintf(path, sizeof(path), "%s", argument);
	else
		snprintf(path, sizeof(path), "%s/proc/%s/cwd/%s", check->root, pid, argument);
	if (stat(path, &theirs) < 0)
		return errno == EACCES; /* nobody but root knows that folder */
	return stat(check->config_path, &ours) == 0 && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* Not of another box of this machine, and neither one that only shows its help nor one that has ended. */
static bool is_ours(const struct check *check, const char *pid)
{
	char command[COMMAND_BYTES];
	if (check->config_path == NULL)
		return true;
	long len = machine_read(command, sizeof(command), check->root, "/proc/%s/cmdline", pid);
	for (const char *at = command; at < command + len; at += strlen(at) + 1)
		if (strcmp(at, "--config") == 0 && at + sizeof("--config") < command + len)
			return is_same(check, pid, at + sizeof("--config"));
	return false;
}

static void take_process(void *context, const char *name)
{
	struct search *s = context;
	char command[32];
	if (s->pid != 0 || name[0] < '1' || name[0] > '9' ||
	    machine_read(command, sizeof(command), s->check->root, "/proc/%s/comm", name) <= 0)
		return;
	if (strcmp(command, s->name) == 0 && is_ours(s->check, name))
		s->pid = strtol(name, NULL, 10);
}

long check_find_process(const struct check *check, const char *name)
{
	struct search s = {.check = check, .name = name};
	char command[32];
	/* who may not see the first process may not see others */
	if (machine_read(command, sizeof(command), check->root, "/proc/1/comm") <= 0)
		return -1;
	(void)machine_each(check->root, "/proc", take_process, &s);
	return s.pid;
}

bool check_process_field(const struct check *check, long pid, const char *field, char *out, size_t size)
{
	char text[STATUS_BYTES], label[64];
	if (machine_read(text, sizeof(text), check->root, "/proc/%ld/status", pid) <= 0)
		return false;
	snprintf(label, sizeof(label), "\n%s:", field);
	const char *at = strstr(text, label);
	if (at == NULL)
		return false;
	at += strlen(label);
	at += strspn(at, " \t");
	snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

/* ---- what is thought of it ---- */

/* The number at this place of /proc/PID/stat, counted from 1, behind the name, which may hold anything. */
static int64_t stat_field(const char *text, unsigned int number)
{
	const char *at = strrchr(text, ')');
	for (unsigned int i = 2; at != NULL && i < number; i++) {
		at = strchr(at, ' ');
		at = at == NULL ? NULL : at + 1;
	}
	return at == NULL ? INT64_MAX : strtoll(at, NULL, 10);
}

static void check_priority(const struct check *check, long pid)
{
	const char *name = check_link_daemon(check);
	char text[STAT_BYTES];
	if (machine_read(text, sizeof(text), check->root, "/proc/%ld/stat", pid) <= 0) {
		report_add(check->report, FINDING_PRIORITY, FINDING_GREEN, "this machine does not tell that of %s", name);
		return;
	}
	int64_t policy = stat_field(text, 41), nice = stat_field(text, 19);
	bool is_real_time = policy == FIFO || policy == ROUND_ROBIN;
	struct finding *f = report_add(check->report, FINDING_PRIORITY,
				       is_real_time || (check->config->side == CONFIG_RECEIVER && nice <= NICE_ENOUGH)
					       ? FINDING_GREEN : FINDING_AMBER,
				       is_real_time ? "%s is before all that is not real-time, nice %" PRId64
						    : "%s has its turn with all others, nice %" PRId64, name, nice);
	finding_type(f, "start it by its unit, %s.service, which asks for it; now: %s %ld", name,
		     check->config->side == CONFIG_SENDER ? "chrt -f -p 10" : "renice -n -10 -p", pid);
}

static void check_locked(const struct check *check, long pid)
{
	char text[64];
	if (!check_process_field(check, pid, "VmLck", text, sizeof(text))) {
		report_add(check->report, FINDING_LOCKED_MEMORY, FINDING_GREEN, "this machine does not tell");
		return;
	}
	bool is_locked = strtoull(text, NULL, 10) > 0;
	finding_type(report_add(check->report, FINDING_LOCKED_MEMORY, is_locked ? FINDING_GREEN : FINDING_AMBER,
				"%s of weir-emit are locked in memory", text),
		     "start it by its unit, weir-emit.service, which says LimitMEMLOCK=512M");
}

void check_link_process(const struct check *check)
{
	const char *name = check_link_daemon(check);
	bool is_sender = check->config->side == CONFIG_SENDER;
	long pid = check_find_process(check, name);
	if (pid < 0) {
		report_add(check->report, FINDING_LINK_DAEMON, FINDING_GREEN, "processes of others cannot be seen from here");
		return;
	}
	if (pid == 0) {
		finding_type(report_add(check->report, FINDING_LINK_DAEMON, FINDING_RED, "%s does not run", name),
			     "systemctl start weir-%s.target; journalctl -u %s says why it does not run",
			     is_sender ? "sender" : "receiver", name);
		return;
	}
	report_add(check->report, FINDING_LINK_DAEMON, FINDING_GREEN, "%s runs as process %ld", name, pid);
	check_priority(check, pid);
	if (is_sender)
		check_locked(check, pid);
}
