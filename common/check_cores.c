#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "machine.h"
#include "text.h"

#define CORES_FOLDER "/sys/devices/system/cpu"

enum { CORES_MAX = 1024, WORD = 64, LIST_BYTES = 256, INTERRUPTS_BYTES = 262144 };

struct cores {
	uint64_t bits[CORES_MAX / WORD];
};

/* A list as "0-3,8"; what is no number ends it. */
static size_t parse_list(struct cores *out, const char *list)
{
	size_t count = 0;
	*out = (struct cores){{0}};
	for (char *end = NULL; *list >= '0' && *list <= '9'; list = *end == ',' ? end + 1 : end) {
		unsigned long first = strtoul(list, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long i = first; i <= last && i < CORES_MAX; i++, count++)
			out->bits[i / WORD] |= UINT64_C(1) << i % WORD;
	}
	return count;
}

/* A mask as "ffffffff,0000000f": the last word holds the first 32. */
static bool is_zero_mask(const char *mask)
{
	return mask[strspn(mask, "0,")] == 0;
}

static bool is_within(const struct cores *inner, const struct cores *outer)
{
	for (size_t i = 0; i < CORES_MAX / WORD; i++)
		if ((inner->bits[i] & ~outer->bits[i]) != 0)
			return false;
	return true;
}

/* ---- interrupts ---- */

struct placing {
	const struct check *check;
	struct cores pinned;   /* of the daemon that the link waits for */
	unsigned int seen, bad;
	char where[64];        /* the last that is bad */
};

static void take_interrupt(struct placing *p, unsigned long number)
{
	char list[LIST_BYTES];
	struct cores cores;
	if (machine_read(list, sizeof(list), p->check->root, "/proc/irq/%lu/effective_affinity_list", number) <= 0 &&
	    machine_read(list, sizeof(list), p->check->root, "/proc/irq/%lu/smp_affinity_list", number) <= 0)
		return;
	p->seen++;
	if (parse_list(&cores, list) == 0 || !is_within(&cores, &p->pinned))
		return;
	p->bad++;
	snprintf(p->where, sizeof(p->where), "%lu", number);
}

/* " 45:  0  7  PCI-MSI-edge  weir0-TxRx-0": the name of the NIC, and nothing or a dash behind it. */
static bool is_interrupt_of(const char *line, size_t len, const char *nic)
{
	size_t name_len = strlen(nic);
	for (size_t at = 1; at + name_len <= len; at++) {
		char before = line[at - 1], after = at + name_len < len ? line[at + name_len] : 0;
		if (memcmp(line + at, nic, name_len) == 0 && strchr(" \t@-,", before) != NULL &&
		    (after == 0 || strchr(" \t-,:@", after) != NULL))
			return true;
	}
	return false;
}

static void take_number(void *context, const char *name)
{
	take_interrupt(context, strtoul(name, NULL, 10));
}

/* By the device, or the one through which it is reached; else by what each interrupt is for. */
static void read_interrupts(struct placing *p)
{
	static const char *const devices[] = {"device", "device/.."};
	char folder[128];
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		snprintf(folder, sizeof(folder), "/sys/class/net/%s/%s/msi_irqs", p->check->config->interface, devices[i]);
		if (machine_each(p->check->root, folder, take_number, p) == 0)
			return;
	}
	char *text = malloc(INTERRUPTS_BYTES);
	long len = text == NULL ? -1 : machine_read(text, INTERRUPTS_BYTES, p->check->root, "/proc/interrupts");
	for (const char *line = text; len > 0 && *line != 0;) {
		size_t line_len = strcspn(line, "\n");
		char *end = NULL;
		unsigned long number = strtoul(line, &end, 10);
		if (*end == ':' && is_interrupt_of(line, line_len, p->check->config->interface))
			take_interrupt(p, number);
		line += line_len;
		line += *line == '\n';
	}
	free(text);
}

/* A queue that hands what comes in to another core. */
static void take_queue(void *context, const char *name)
{
	struct placing *p = context;
	char mask[LIST_BYTES];
	if (strncmp(name, "rx-", 3) != 0 || machine_read(mask, sizeof(mask), p->check->root, "/sys/class/net/%s/queues/%s/rps_cpus",
							 p->check->config->interface, name) <= 0)
		return;
	p->seen++;
	if (is_zero_mask(mask))
		return;
	p->bad++;
	snprintf(p->where, sizeof(p->where), "%.20s is %.32s", name, mask);
}

/* Where a daemon may run; all cores when nothing holds it to some.  False: it is held to none of its own. */
static bool read_pinned(struct placing *p, long pid)
{
	char list[LIST_BYTES];
	struct cores online;
	if (pid <= 0 || !check_process_field(p->check, pid, "Cpus_allowed_list", list, sizeof(list)) ||
	    parse_list(&p->pinned, list) == 0)
		return false;
	if (machine_read(list, sizeof(list), p->check->root, CORES_FOLDER "/online") <= 0)
		return false;
	parse_list(&online, list);
	return !is_within(&online, &p->pinned);
}

static void check_placement(const struct check *check)
{
	const char *nic = check->config->interface, *name = check_link_daemon(check);
	struct placing irqs = {.check = check}, queues = {.check = check};
	char folder[128];
	if (nic[0] == 0)
		return; /* of which check_nic tells */
	bool is_pinned = read_pinned(&irqs, check_find_process(check, name));
	read_interrupts(&irqs);
	if (irqs.seen == 0)
		report_add(check->report, FINDING_INTERRUPTS, FINDING_GREEN, "this machine does not tell of interrupts of %s", nic);
	else if (!is_pinned)
		report_add(check->report, FINDING_INTERRUPTS, FINDING_GREEN, "%u of %s; %s may run on any core", irqs.seen, nic, name);
	else
		finding_type(report_add(check->report, FINDING_INTERRUPTS, irqs.bad > 0 ? FINDING_AMBER : FINDING_GREEN,
					"%u of the %u of %s come to the core%s that %s is held to", irqs.bad, irqs.seen, nic,
					irqs.bad > 0 ? "" : "s", name),
			     "echo CORE >/proc/irq/%s/smp_affinity_list, of another core", irqs.where);
	snprintf(folder, sizeof(folder), "/sys/class/net/%s/queues", nic);
	(void)machine_each(check->root, folder, take_queue, &queues);
	if (queues.seen == 0)
		report_add(check->report, FINDING_RPS, FINDING_GREEN, "this machine does not tell");
	else
		finding_type(report_add(check->report, FINDING_RPS, queues.bad > 0 ? FINDING_AMBER : FINDING_GREEN,
					queues.bad > 0 ? "on at %s: %s" : "off at %s%s", nic, queues.where),
			     "for q in /sys/class/net/%s/queues/rx-*/rps_cpus; do echo 0 >$q; done", nic);
}

/* ---- cores ---- */

struct governors {
	const struct check *check;
	unsigned int seen, slow;
	char name[64];
};

static void take_core(void *context, const char *name)
{
	struct governors *g = context;
	char governor[32];
	if (strncmp(name, "cpu", 3) != 0 || machine_read(governor, sizeof(governor), g->check->root,
							 CORES_FOLDER "/%s/cpufreq/scaling_governor", name) <= 0)
		return;
	g->seen++;
	if (strcmp(governor, "performance") == 0)
		return;
	g->slow++;
	text_escape_name(g->name, sizeof(g->name), governor);
}

static void check_governor(const struct check *check)
{
	struct governors g = {.check = check};
	(void)machine_each(check->root, CORES_FOLDER, take_core, &g);
	if (g.seen == 0)
		report_add(check->report, FINDING_GOVERNOR, FINDING_GREEN, "this machine does not tell of any");
	else if (g.slow == 0)
		report_add(check->report, FINDING_GOVERNOR, FINDING_GREEN, "performance at all %u cores", g.seen);
	else
		finding_remedy(report_add(check->report, FINDING_GOVERNOR, FINDING_AMBER, "%s at %u of %u cores", g.name, g.slow, g.seen),
			       REMEDY_GOVERNOR, "scaling_governor", "performance");
}

void check_cores(const struct check *check)
{
	char list[LIST_BYTES];
	struct cores online;
	size_t count = machine_read(list, sizeof(list), check->root, CORES_FOLDER "/online") <= 0
			       ? 0 : parse_list(&online, list);
	if (count == 0)
		report_add(check->report, FINDING_CORES, FINDING_GREEN, "this machine does not tell");
	else
		finding_type(report_add(check->report, FINDING_CORES, count >= 2 ? FINDING_GREEN : FINDING_AMBER, "%zu", count),
			     "give the box two cores at least, four where it scans or compresses what is large");
	check_governor(check);
	check_placement(check);
}
