#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "machine.h"
#include "text.h"

#define MIB UINT64_C(1048576)

enum {
	TEXT_BYTES = 128,
	BACKLOG_LEAST = 1000,       /* what a kernel has by itself */
	BACKLOG_PER_S = 100,        /* a hundredth of a second at `rate` */
	BUDGET_LEAST = 300,         /* frames, and microseconds, that a kernel has by itself */
	BUDGET_US_LEAST = 2000,
};

/* A setting that is not seen from here is green: a network namespace other than the first has few of them. */
static bool read_setting(const struct check *check, enum finding_id id, const char *name, char out[static TEXT_BYTES])
{
	char path[MACHINE_PATH_BYTES];
	long result = machine_read(out, TEXT_BYTES, check->root, "%s", machine_setting(path, name));
	if (result == -ENOENT)
		report_add(check->report, id, FINDING_GREEN, "%s cannot be seen from here", name);
	else if (result < 0)
		finding_type(report_result(check->report, id, (int)result, "%s", name), "sysctl %s", name);
	return result >= 0;
}

static bool read_number(const struct check *check, enum finding_id id, const char *name, uint64_t *out)
{
	char text[TEXT_BYTES], shown[4 * TEXT_BYTES];
	if (!read_setting(check, id, name, text))
		return false;
	if (text_parse_u64(out, text, UINT64_MAX) == 0)
		return true;
	finding_type(report_add(check->report, id, FINDING_AMBER, "%s is no number: %s", name,
				text_escape_name(shown, sizeof(shown), text)), "sysctl %s", name);
	return false;
}

/*
 * UDP knows no pressure, so what is beyond the first of the three numbers is refused: the others are there for the form
 * (Linux, ip-sysctl.rst).  The kernel lets a socket hold twice its buffer.
 */
static void check_udp_mem(const struct check *check, uint64_t buffer)
{
	static const char name[] = "net.ipv4.udp_mem";
	char text[TEXT_BYTES], have[32], want[32], *end = NULL;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), pages[3] = {0}, wanted = (2 * buffer + page - 1) / page;
	if (!read_setting(check, FINDING_UDP_MEM, name, text))
		return;
	const char *at = text;
	for (size_t i = 0; i < 3; i++, at = end)
		pages[i] = strtoull(at, &end, 10);
	struct finding *f = report_add(check->report, FINDING_UDP_MEM, pages[0] >= wanted ? FINDING_GREEN : FINDING_RED,
				       "%s wanted, %s allowed for all sockets", text_size(want, sizeof(want), wanted * page),
				       text_size(have, sizeof(have), pages[0] * page));
	finding_remedy(f, REMEDY_SETTING, name, "%" PRIu64 " %" PRIu64 " %" PRIu64, wanted,
		       pages[1] > wanted ? pages[1] : wanted, pages[2] > wanted ? pages[2] : wanted);
}

/* ---- what comes in ---- */

/* The name of one of the NIC's settings; a dot in the NIC's name is written as a slash. */
static void filter_name(char out[static REMEDY_BYTES], const char *interface)
{
	snprintf(out, REMEDY_BYTES, "net.ipv4.conf.%s.rp_filter", interface);
	for (char *at = out + strlen("net.ipv4.conf."); *at != 0 && strcmp(at, ".rp_filter") != 0; at++)
		*at = *at == '.' ? '/' : *at;
}

/* The larger of both counts. */
static void check_rp_filter(const struct check *check)
{
	static const char *const words[] = {"off", "strict", "loose"};
	static const char all_name[] = "net.ipv4.conf.all.rp_filter";
	char name[REMEDY_BYTES];
	uint64_t all = 0, own = 0;
	if (check->config->interface[0] == 0)
		return;
	filter_name(name, check->config->interface);
	if (!read_number(check, FINDING_RP_FILTER, all_name, &all) || !read_number(check, FINDING_RP_FILTER, name, &own))
		return;
	uint64_t value = all > own ? all : own;
	struct finding *f = report_add(check->report, FINDING_RP_FILTER,
				       value == 0 ? FINDING_GREEN : value == 1 ? FINDING_RED : FINDING_AMBER,
				       "%s at %s", value < 3 ? words[value] : "unknown", check->config->interface);
	if (all > 0)
		finding_remedy(f, REMEDY_SETTING, all_name, "0");
	if (own > 0)
		finding_remedy(f, REMEDY_SETTING, name, "0");
}

static void check_backlog(const struct check *check)
{
	static const char name[] = "net.core.netdev_max_backlog";
	uint64_t have = 0, wanted = check->config->rate_bits_per_s / 8 / check->config->mtu / BACKLOG_PER_S;
	wanted = wanted > BACKLOG_LEAST ? wanted : BACKLOG_LEAST;
	if (!read_number(check, FINDING_BACKLOG, name, &have))
		return;
	struct finding *f = report_add(check->report, FINDING_BACKLOG, have >= wanted ? FINDING_GREEN : FINDING_AMBER,
				       "%" PRIu64 " frames wanted, %" PRIu64 " allowed", wanted, have);
	finding_remedy(f, REMEDY_SETTING, name, "%" PRIu64, wanted);
}

static void check_poll_budget(const struct check *check)
{
	static const char frames_name[] = "net.core.netdev_budget", us_name[] = "net.core.netdev_budget_usecs";
	uint64_t frames = 0, us = 0;
	if (!read_number(check, FINDING_POLL_BUDGET, frames_name, &frames) ||
	    !read_number(check, FINDING_POLL_BUDGET, us_name, &us))
		return;
	bool is_enough = frames >= BUDGET_LEAST && us >= BUDGET_US_LEAST;
	struct finding *f = report_add(check->report, FINDING_POLL_BUDGET, is_enough ? FINDING_GREEN : FINDING_AMBER,
				       "%" PRIu64 " frames or %" PRIu64 " microseconds a turn", frames, us);
	if (frames < BUDGET_LEAST)
		finding_remedy(f, REMEDY_SETTING, frames_name, "%d", BUDGET_LEAST);
	if (us < BUDGET_US_LEAST)
		finding_remedy(f, REMEDY_SETTING, us_name, "%d", BUDGET_US_LEAST);
}

/* ---- pieces ---- */

/* "Ip: NAME NAME…" and below it "Ip: NUMBER NUMBER…".  -1 where there is no such number. */
static int64_t ip_counter(const char *text, const char *name)
{
	const char *numbers = strstr(text, "\nIp: ");
	size_t len = strlen(name), column = 0;
	if (strncmp(text, "Ip: ", 4) != 0 || numbers == NULL)
		return -1;
	const char *at = text;
	for (; at < numbers; at++, column++) {
		size_t word = strcspn(at, " \n");
		if (word == len && strncmp(at, name, len) == 0)
			break;
		at += word;
	}
	if (at >= numbers)
		return -1;
	for (numbers++; column > 0; column--) {
		numbers += strcspn(numbers, " \n");
		numbers += *numbers == ' ';
	}
	return strtoll(numbers, NULL, 10);
}

static void check_fragments(const struct check *check)
{
	bool is_sender = check->config->side == CONFIG_SENDER;
	char text[2048];
	long len = machine_read(text, sizeof(text), check->root, "/proc/net/snmp");
	int64_t count = len < 0 ? -1 : ip_counter(text, is_sender ? "FragCreates" : "ReasmReqds");
	if (count < 0) {
		report_add(check->report, FINDING_FRAGMENTS, FINDING_GREEN, "this machine does not tell");
		return;
	}
	struct finding *f = report_add(check->report, FINDING_FRAGMENTS, count == 0 ? FINDING_GREEN : FINDING_AMBER,
				       "%" PRId64 " piece%s of datagrams were %s since this box started, at any interface", count,
				       count == 1 ? "" : "s", is_sender ? "sent" : "received");
	finding_type(f, "nstat -az 'Ip*Frag*' 'IpReasm*'; give both boxes and what lies between the same MTU");
}

/* ---- memory ---- */

/* vm.NAME_bytes, else vm.NAME_ratio of the memory; UINT64_MAX where neither is told. */
static uint64_t dirty_bytes(const struct check *check, const char *name, uint64_t memory)
{
	uint64_t value = 0;
	if (machine_number(&value, check->root, "/proc/sys/vm/%s_bytes", name) == 0 && value > 0)
		return value;
	if (memory > 0 && machine_number(&value, check->root, "/proc/sys/vm/%s_ratio", name) == 0)
		return memory / 100 * value;
	return UINT64_MAX;
}

static uint64_t memory_total(const struct check *check)
{
	char text[TEXT_BYTES];
	static const char label[] = "MemTotal:";
	long len = machine_read(text, sizeof(text), check->root, "/proc/meminfo");
	return len < 0 || strncmp(text, label, strlen(label)) != 0 ? 0 : strtoull(text + strlen(label), NULL, 10) * 1024;
}

static void check_dirty(const struct check *check)
{
	const uint64_t most = 1024 * MIB, background_most = 256 * MIB;
	uint64_t memory = memory_total(check), all = dirty_bytes(check, "dirty", memory);
	uint64_t background = dirty_bytes(check, "dirty_background", memory);
	char have[32], early[32];
	if (all == UINT64_MAX || background == UINT64_MAX) {
		report_add(check->report, FINDING_DIRTY_MEMORY, FINDING_GREEN, "this machine does not tell");
		return;
	}
	bool is_fine = all <= most && background <= background_most;
	struct finding *f = report_add(check->report, FINDING_DIRTY_MEMORY, is_fine ? FINDING_GREEN : FINDING_AMBER,
				       "writing begins at %s, and all writers wait at %s",
				       text_size(early, sizeof(early), background), text_size(have, sizeof(have), all));
	if (background > background_most)
		finding_remedy(f, REMEDY_SETTING, "vm.dirty_background_bytes", "%" PRIu64, background_most);
	if (all > most)
		finding_remedy(f, REMEDY_SETTING, "vm.dirty_bytes", "%" PRIu64, most);
}

/* Our programs leave none; others of this box hold plaintext as well, such as clamd and who makes the export. */
static void check_core_dumps(const struct check *check)
{
	static const char name[] = "kernel.core_pattern", suid_name[] = "fs.suid_dumpable";
	char text[TEXT_BYTES], shown[4 * TEXT_BYTES];
	uint64_t suid = 0;
	if (!read_setting(check, FINDING_CORE_DUMPS, name, text) ||
	    !read_number(check, FINDING_CORE_DUMPS, suid_name, &suid))
		return;
	bool is_piped = text[0] == '|';
	struct finding *f = report_add(check->report, FINDING_CORE_DUMPS,
				       is_piped || suid != 0 ? FINDING_AMBER : FINDING_GREEN, "cores go to %s%s",
				       text_escape_name(shown, sizeof(shown), text),
				       suid != 0 ? ", also those of programs that change their user" : "");
	if (is_piped)
		finding_remedy(f, REMEDY_SETTING, name, "core");
	if (suid != 0)
		finding_remedy(f, REMEDY_SETTING, suid_name, "0");
}

void check_kernel(const struct check *check)
{
	const struct config *config = check->config;
	if (config->side == CONFIG_RECEIVER) {
		check_udp_mem(check, config->socket_buffer_bytes);
		check_rp_filter(check);
		check_backlog(check);
		check_poll_budget(check);
	} else {
		check_udp_mem(check, CHECK_SEND_BUFFER_BYTES);
	}
	check_fragments(check);
	check_dirty(check);
	check_core_dumps(check);
}
