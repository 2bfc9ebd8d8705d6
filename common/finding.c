#include "finding.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "verdict.h"

struct report {
	struct finding *findings;
	size_t count, size;
	bool is_incomplete;     /* there was no memory */
	struct finding scratch; /* of what could not be added */
};

/* weir-check(7) has the same sentences; a test compares.  Of a layer, layers.c has it. */
static const struct {
	const char *name, *why;
} table[FINDING_END] = {
	[FINDING_CONFIGURATION] = {"configuration", "every program of this box does what this file says"},
	[FINDING_REGISTRY] = {"registry", "it says who may send what to whom; when it has ended, nothing is sent or delivered"},
	[FINDING_REGISTRY_EXPIRY] = {"registry-expiry", "what has ended stops its route, its person or the whole link from that second on"},
	[FINDING_BOX_KEY] = {"box-key", "with it this box proves to the other who it is; without, nothing it says counts"},
	[FINDING_LINK_KEY] = {"link-key", "datagrams that are tagged with another key are dropped by the receiver, all of them"},
	[FINDING_PRE_SHARED_KEY] = {"pre-shared-key", "what is sealed without it or with another one cannot be opened by its recipient"},
	[FINDING_LINK_WATCH] = {"link-watch", "without weir-link nobody sees that a layer is gone, and no daemon of this box works"},
	[FINDING_WRONG_WAY] = {"wrong-way", "a frame that goes against the way of the data is what this link exists to prevent"},
	[FINDING_LAYER + LAYER_NIC] = {"layer-nic", NULL},
	[FINDING_LAYER + LAYER_ROLE] = {"layer-role", NULL},
	[FINDING_LAYER + LAYER_ARP] = {"layer-arp", NULL},
	[FINDING_LAYER + LAYER_MULTICAST] = {"layer-multicast", NULL},
	[FINDING_LAYER + LAYER_IPV6] = {"layer-ipv6", NULL},
	[FINDING_LAYER + LAYER_NEIGHBOUR] = {"layer-neighbour", NULL},
	[FINDING_LAYER + LAYER_ROUTE] = {"layer-route", NULL},
	[FINDING_LAYER + LAYER_FORWARDING] = {"layer-forwarding", NULL},
	[FINDING_LAYER + LAYER_BRIDGE] = {"layer-bridge", NULL},
	[FINDING_LAYER + LAYER_LLDP] = {"layer-lldp", NULL},
	[FINDING_LAYER + LAYER_PAUSE] = {"layer-pause", NULL},
	[FINDING_LAYER + LAYER_NFT] = {"layer-nft", NULL},
	[FINDING_LAYER + LAYER_XDP] = {"layer-xdp", NULL},
	[FINDING_HOLD] = {"hold", "without weir-hold no push is taken and nothing is released"},
	[FINDING_EMIT] = {"emit", "without weir-emit nothing leaves this box"},
	[FINDING_KEEP] = {"keep", "without weir-keep nothing is restored, verified or delivered, and the ring fills up"},
	[FINDING_LINK_DAEMON] = {"link-daemon", "weir-emit alone sends by the link, and weir-catch alone takes from it"},
	[FINDING_PRIORITY] = {"priority", "while other programs have their turn nothing is sent, or what arrives fills the socket's buffer"},
	[FINDING_LOCKED_MEMORY] = {"locked-memory", "who has to fetch a page of itself from a disk while it sends falls behind its rate"},
	[FINDING_EXPECTED] = {"expected", "an export that did not come is noticed by nobody else"},
	[FINDING_OUTAGE] = {"outage", "a receiver that is away for longer loses what was sent meanwhile, until it is sent again"},
	[FINDING_HEALING] = {"healing", "what was lost comes again by itself while nothing new waits, and only then"},
	[FINDING_VIRUS_SCANNER] = {"virus-scanner", "pushes on routes with a virus scan are refused while it does not answer as it must"},
	[FINDING_SCAN_FOLDER] = {"scan-folder", "what clamd unpacks there is plaintext, and would lie on a disk"},
	[FINDING_DISK_SPACE] = {"disk-space", "a disk that is full takes nothing more: pushes are refused, arrivals are lost"},
	[FINDING_DISK_INODES] = {"disk-inodes", "a disk without inodes takes no file, however much room it has"},
	[FINDING_FOLDER_MODE] = {"folder-mode", "who may write there can put another file in the place of ours, and who may read sees names and sizes"},
	[FINDING_DISK_MOUNT] = {"disk-mount", "what was accepted has to be there after a power cut, and at once when it is asked for"},
	[FINDING_DISK_RESERVE] = {"disk-reserve", "room that is not set aside may be gone when the last datagrams of a bundle arrive"},
	[FINDING_DISK_QUEUE] = {"disk-queue", "an order of reads and writes that does not fit the disk makes both slower"},
	[FINDING_DISK_HEALTH] = {"disk-health", "a disk that fails takes with it what only it has"},
	[FINDING_OLDER_VAULT] = {"older-vault", "what was delivered since that copy was made may be missing, and what was destroyed may be here again"},
	[FINDING_SWAP] = {"swap", "plaintext and keys in memory could be written to a disk"},
	[FINDING_DIRTY_MEMORY] = {"dirty-memory", "what waits in memory for the disk is written all at once in the end, and stops whoever writes meanwhile"},
	[FINDING_CLOCK] = {"clock", "by a wrong clock what is valid has ended or not begun, and what the ledger says of a time is wrong"},
	[FINDING_CLOCK_SET] = {"clock-set", "a clock that nobody sets is wrong by minutes after a month, and what two boxes say cannot be put in order"},
	[FINDING_CLOCKS_APART] = {"clocks-apart", "what one box accepts or expects by its clock the other one refuses or misses"},
	[FINDING_CORE_DUMPS] = {"core-dumps", "the memory of a program that crashes is handed to another program, or written to a disk, with what was in it"},
	[FINDING_LINK_NIC] = {"link-nic", "without it nothing crosses, and nothing of it can be looked at"},
	[FINDING_LINK_ROUTE] = {"link-route", "over another NIC the data would leave by a network that has a way back, or never come in"},
	[FINDING_CARRIER] = {"carrier", "without a link no frame leaves or comes in"},
	[FINDING_FAR_END] = {"far-end", "what the driver tells of the other end of the fibre says where to look"},
	[FINDING_MTU] = {"mtu", "datagrams that are longer than the NIC takes are lost, all of them; shorter ones than it could take are slower"},
	[FINDING_SPEED] = {"speed", "what is sent faster than the NIC can send is dropped by it"},
	[FINDING_NEGOTIATION] = {"negotiation", "who negotiates waits for an answer, which on a one-way fibre never comes"},
	[FINDING_OPTICAL_POWER] = {"optical-power", "light that is too weak or too strong is read wrong, and a frame with one wrong bit is lost"},
	[FINDING_NIC_RING] = {"nic-ring", "frames for which the NIC has no room while the kernel is busy are lost, or wait to be sent"},
	[FINDING_OFFLOAD] = {"offload", "datagrams that go through the kernel one by one cost several times the work"},
	[FINDING_NIC_ERRORS] = {"nic-errors", "frames that the NIC could not send or take were lost, and what caused it may go on"},
	[FINDING_LISTENERS] = {"listeners", "who else takes what comes in by the link NIC can be attacked by it, and may answer"},
	[FINDING_CORES] = {"cores", "with a single core whoever seals, scans or verifies stops the link meanwhile"},
	[FINDING_GOVERNOR] = {"governor", "a core that is slowed down while little comes in is too slow when much comes at once"},
	[FINDING_INTERRUPTS] = {"interrupts", "a core that handles the NIC's interrupts and its daemon does one after the other"},
	[FINDING_RPS] = {"rps", "what comes in by one flow is handed to another core for nothing, which costs both of them time"},
	[FINDING_TEMPERATURE] = {"temperature", "a box that is too hot slows down, and then switches itself off"},
	[FINDING_RECEIVE_BUFFER] = {"receive-buffer", "datagrams that find the buffer of the socket full are dropped by the kernel"},
	[FINDING_SEND_BUFFER] = {"send-buffer", "with a small buffer weir-emit waits for the NIC more often than the rate allows"},
	[FINDING_UDP_MEM] = {"udp-mem", "datagrams beyond what all sockets together may hold are dropped by the kernel, whatever the buffer of one"},
	[FINDING_RP_FILTER] = {"rp-filter", "datagrams whose source this box would not answer over the link NIC are dropped by the kernel without a word"},
	[FINDING_BACKLOG] = {"backlog", "frames that wait for a core beyond this number are dropped by the kernel"},
	[FINDING_POLL_BUDGET] = {"poll-budget", "a kernel that takes too few frames in one turn leaves them in the NIC until its ring is full"},
	[FINDING_FRAGMENTS] = {"fragments", "of a datagram in pieces all is lost when one piece is, and putting them together takes time and memory"},
	[FINDING_RING] = {"ring", "what arrives while weir-keep stands still is lost when the ring is full"},
	[FINDING_RING_FILL] = {"ring-fill", "a ring that fills up says that weir-keep or its disk is slower than the link"},
	[FINDING_COUNTERS] = {"counters", "without the counters of the NIC a loss cannot be told from one on the fibre"},
	[FINDING_LOSS] = {"loss", "what repair rows cannot restore is delivered only when it is sent again"},
};

const char *finding_name(enum finding_id id)
{
	return table[id].name;
}

const char *finding_why(enum finding_id id)
{
	return table[id].why != NULL ? table[id].why : layer_why((enum layer)(id - FINDING_LAYER));
}

const char *finding_state_name(enum finding_state state)
{
	static const char *const names[FINDING_STATES] = {"green", "amber", "red"};
	return names[state];
}

/* ---- the report ---- */

int report_new(struct report **out)
{
	struct report *report = calloc(1, sizeof(*report));
	if (report == NULL)
		return -ENOMEM;
	*out = report;
	return 0;
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	free(report->findings);
	free(report);
}

static struct finding *next(struct report *report)
{
	if (report->count == report->size) {
		size_t size = report->size == 0 ? 64 : 2 * report->size;
		struct finding *more = reallocarray(report->findings, size, sizeof(*more));
		if (more == NULL) {
			report->is_incomplete = true;
			return &report->scratch;
		}
		report->findings = more;
		report->size = size;
	}
	return &report->findings[report->count++];
}

__attribute__((format(printf, 5, 0)))
static struct finding *add(struct report *report, enum finding_id id, enum finding_state state, int result,
			   const char *format, va_list arguments)
{
	struct finding *finding = next(report);
	finding->id = id;
	finding->state = state;
	finding->result = result;
	finding->type[0] = 0;
	memset(finding->remedies, 0, sizeof(finding->remedies));
	vsnprintf(finding->what, sizeof(finding->what), format, arguments);
	return finding;
}

struct finding *report_add(struct report *report, enum finding_id id, enum finding_state state, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct finding *finding = add(report, id, state, 0, format, arguments);
	va_end(arguments);
	return finding;
}

struct finding *report_result(struct report *report, enum finding_id id, int result, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct finding *finding = add(report, id, result == 0 ? FINDING_GREEN : FINDING_RED, result, format, arguments);
	va_end(arguments);
	size_t at = strlen(finding->what);
	if (result != 0)
		snprintf(finding->what + at, sizeof(finding->what) - at, "%s%s", at > 0 ? ": " : "",
			 verdict_explain(result));
	return finding;
}

void finding_type(struct finding *finding, const char *format, ...)
{
	va_list arguments;
	if (finding->state == FINDING_GREEN)
		return;
	va_start(arguments, format);
	vsnprintf(finding->type, sizeof(finding->type), format, arguments);
	va_end(arguments);
}

/* As a shell takes it. */
static void command_of(char *out, size_t size, const struct remedy *r)
{
	const char *quote = strchr(r->value, ' ') != NULL ? "'" : "";
	switch (r->kind) {
	case REMEDY_SETTING:
		snprintf(out, size, "sysctl -w %s=%s%s%s", r->name, quote, r->value, quote);
		break;
	case REMEDY_RX_RING:
		snprintf(out, size, "ethtool -G %s rx %s", r->name, r->value);
		break;
	case REMEDY_TX_RING:
		snprintf(out, size, "ethtool -G %s tx %s", r->name, r->value);
		break;
	case REMEDY_PAUSE:
		snprintf(out, size, "ethtool -A %s autoneg off rx off tx off", r->name);
		break;
	case REMEDY_MTU:
		snprintf(out, size, "ip link set dev %s mtu %s", r->name, r->value);
		break;
	case REMEDY_GOVERNOR:
		snprintf(out, size, "echo %s | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor", r->value);
		break;
	case REMEDY_NONE:
		break;
	}
}

void finding_remedy(struct finding *finding, enum remedy_kind kind, const char *name, const char *value_format, ...)
{
	va_list arguments;
	if (finding->state == FINDING_GREEN)
		return;
	struct remedy *r = finding->remedies;
	while (r->kind != REMEDY_NONE)
		r++;
	assert(r < finding->remedies + REMEDIES_MAX);
	r->kind = kind;
	snprintf(r->name, sizeof(r->name), "%s", name);
	va_start(arguments, value_format);
	vsnprintf(r->value, sizeof(r->value), value_format, arguments);
	va_end(arguments);
	size_t at = strlen(finding->type);
	at += (size_t)snprintf(finding->type + at, sizeof(finding->type) - at, at > 0 ? "; " : "");
	command_of(finding->type + at, sizeof(finding->type) - at, r);
}

size_t report_count(const struct report *report, enum finding_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < report->count; i++)
		count += report->findings[i].state == state;
	return count;
}

const struct finding *report_at(const struct report *report, size_t index)
{
	return index < report->count ? &report->findings[index] : NULL;
}

int report_code(const struct report *report)
{
	return report->is_incomplete || report_count(report, FINDING_RED) > 0 ? EXIT_ENVIRONMENT : EXIT_DONE;
}

/* ---- printing ---- */

static void print_one(const struct finding *f, FILE *file, bool has_colour)
{
	static const char *const colours[FINDING_STATES] = {"\033[32m", "\033[33m", "\033[1;31m"};
	fprintf(file, "%s%-5s%s %-16s %s", has_colour ? colours[f->state] : "", finding_state_name(f->state),
		has_colour ? "\033[0m" : "", finding_name(f->id), f->what);
	if (f->result > 0)
		fprintf(file, " [%s]", verdict_name(f->result));
	fputc('\n', file);
	if (f->state == FINDING_GREEN)
		return;
	fprintf(file, "      why:  %s\n", finding_why(f->id));
	fprintf(file, "      type: %s\n", f->type);
	if (f->remedies[0].kind != REMEDY_NONE)
		fprintf(file, "      or:   check --fix\n");
}

static int print_json(const struct report *report, FILE *file, bool is_quiet)
{
	struct json *all = json_object_new(), *list = json_array_new(), *summary = json_object_new();
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *f = &report->findings[i];
		if (is_quiet && f->state == FINDING_GREEN)
			continue;
		struct json *one = json_object_new();
		json_set_text(one, "id", finding_name(f->id));
		json_set_text(one, "state", finding_state_name(f->state));
		json_set_text(one, "what", f->what);
		json_set_text(one, "why", finding_why(f->id));
		json_set_text(one, "type", f->type[0] != 0 ? f->type : NULL);
		json_set_bool(one, "fix", f->remedies[0].kind != REMEDY_NONE);
		json_set_text(one, "verdict", f->result > 0 ? verdict_name(f->result) : NULL);
		json_append(list, one);
	}
	for (int state = FINDING_RED; state >= FINDING_GREEN; state--)
		json_set_number(summary, finding_state_name((enum finding_state)state),
				report_count(report, (enum finding_state)state));
	json_set_child(all, "findings", list);
	json_set_child(all, "summary", summary);
	int result = json_print(all, file);
	json_free(all);
	return result;
}

int report_print(const struct report *report, FILE *file, unsigned int style)
{
	bool is_quiet = (style & REPORT_QUIET) != 0;
	if (report->is_incomplete)
		return -ENOMEM;
	if ((style & REPORT_JSON) != 0)
		return print_json(report, file, is_quiet);
	for (size_t i = 0; i < report->count; i++)
		if (!is_quiet || report->findings[i].state != FINDING_GREEN)
			print_one(&report->findings[i], file, (style & REPORT_COLOUR) != 0);
	fprintf(file, "%zu red, %zu amber, %zu green\n", report_count(report, FINDING_RED),
		report_count(report, FINDING_AMBER), report_count(report, FINDING_GREEN));
	return ferror(file) != 0 ? -EIO : 0;
}
