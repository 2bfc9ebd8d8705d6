#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credential.h"
#include "ini.h"
#include "layers.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

enum {
	CONFIG_FILE_BYTES_MAX = 65536,
	MTU_MIN = 1500,
	MTU_MAX = 9000,
	MIB = 1048576,
	RING_MIB_DEFAULT = 256,
	RING_MIB_MIN = 16,
	RING_MIB_MAX = 32768,
	SOCKET_MIB_DEFAULT = 256,
	SOCKET_MIB_MAX = 2047, /* the kernel's SO_RCVBUF is an int */
	STALL_MS_MAX = 60000,
	STALL_MS_DEFAULT = 2000,
	SCAN_TIMEOUT_S_MAX = 3600,
	SCAN_MIB_DEFAULT = 25, /* Debian's MaxFileSize */
	SCAN_MIB_MIN = 2,      /* more than two windows overlap */
	SCAN_MIB_MAX = 1024,   /* clamd takes less than 2 GiB */
};
#define RATE_MIN UINT64_C(1000000)
#define RATE_MAX UINT64_C(100000000000)

enum side_bit { SENDER = 1 << CONFIG_SENDER, RECEIVER = 1 << CONFIG_RECEIVER };

struct reading {
	struct config *config;
	const char *folder; /* of the file, with its slash; "" for the current one */
	uint64_t seen;      /* one bit a key of the table */
	char wrong[PROBLEM_BYTES - 16];
};

struct field {
	const char *section;
	const char *key;
	unsigned int sides;     /* that have this key */
	unsigned int mandatory; /* on these sides */
	const char *(*take)(struct reading *r, const struct field *f, const char *value);
	size_t offset; /* in struct config */
	uint64_t min;
	uint64_t max;
};

__attribute__((format(printf, 2, 3))) static const char *complain(struct reading *r,
								   const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(r->wrong, sizeof(r->wrong), format, arguments);
	va_end(arguments);
	return r->wrong;
}

static void *target(struct reading *r, const struct field *f)
{
	return (uint8_t *)r->config + f->offset;
}

static const char *take_path(struct reading *r, const struct field *f, const char *value)
{
	char *out = target(r, f);
	int n = snprintf(out, CONFIG_PATH_BYTES, "%s%s", value[0] == '/' ? "" : r->folder, value);
	if (n < 0 || n >= CONFIG_PATH_BYTES)
		return "the path is too long";
	return NULL;
}

static const char *take_address(struct reading *r, const struct field *f, const char *value)
{
	struct in_addr address;
	if (inet_pton(AF_INET, value, &address) != 1)
		return "an address reads 192.0.2.1";
	snprintf(target(r, f), ADDRESS_BYTES, "%s", value);
	return NULL;
}

static const char *take_u64(struct reading *r, const struct field *f, uint64_t *out,
			    const char *value)
{
	if (text_parse_u64(out, value, f->max) != 0 || *out < f->min)
		return complain(r, "'%s' is a whole number from %llu to %llu", f->key,
				(unsigned long long)f->min, (unsigned long long)f->max);
	return NULL;
}

static const char *take_u32(struct reading *r, const struct field *f, const char *value)
{
	uint64_t number = 0;
	const char *wrong = take_u64(r, f, &number, value);
	if (wrong == NULL)
		*(uint32_t *)target(r, f) = (uint32_t)number;
	return wrong;
}

static const char *take_u16(struct reading *r, const struct field *f, const char *value)
{
	uint64_t number = 0;
	const char *wrong = take_u64(r, f, &number, value);
	if (wrong == NULL)
		*(uint16_t *)target(r, f) = (uint16_t)number;
	return wrong;
}

static const char *take_mib(struct reading *r, const struct field *f, const char *value)
{
	uint64_t number = 0;
	const char *wrong = take_u64(r, f, &number, value);
	if (wrong == NULL)
		*(uint64_t *)target(r, f) = number * MIB;
	return wrong;
}

/* It becomes part of a path below /sys. */
static const char *take_interface(struct reading *r, const struct field *f, const char *value)
{
	size_t len = strlen(value);
	if (len == 0 || len >= INTERFACE_BYTES || value[0] == '.' ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") != len)
		return "an interface is named as 'ip link' shows it, of at most 15 characters";
	snprintf(target(r, f), INTERFACE_BYTES, "%s", value);
	return NULL;
}

static const char *take_layer(struct reading *r, const char *name, size_t len)
{
	int layer = layer_from_name(name, len);
	if (layer < LAYER_ARP)
		return complain(r, "there is no layer '%.*s' that may be absent; weir-link(8) names them",
				(int)(len < LINK_NAME_BYTES ? len : LINK_NAME_BYTES), name);
	if (!layer_is_of((enum layer)layer, r->config->side))
		return complain(r, "'%s' is no layer of a receiver", layer_name((enum layer)layer));
	if (layer_is_absent((enum layer)layer, r->config))
		return complain(r, "layer '%s' stands twice", layer_name((enum layer)layer));
	r->config->absent |= 1U << layer;
	return NULL;
}

/* Names with blanks between, or "all". */
static const char *take_absent(struct reading *r, const struct field *f, const char *value)
{
	static const char blanks[] = " \t";
	const char *wrong = NULL;
	(void)f;
	r->config->is_unwatched = strcmp(value, "all") == 0;
	if (r->config->is_unwatched)
		return NULL;
	for (const char *at = value; wrong == NULL && *at != 0; at += strspn(at, blanks)) {
		size_t len = strcspn(at, blanks);
		wrong = take_layer(r, at, len);
		at += len;
	}
	return wrong;
}

/* "12" or "12.5" in tenths; max is in tenths, too. */
static const char *take_tenths(struct reading *r, const struct field *f, const char *value)
{
	char whole[16];
	uint64_t number = 0, tenth = 0;
	size_t len = strcspn(value, ".");
	snprintf(whole, sizeof(whole), "%.*s", (int)(len < sizeof(whole) ? len : 0), value);
	bool good = text_parse_u64(&number, whole, f->max) == 0;
	if (good && value[len] == '.')
		good = value[len + 1] != 0 && value[len + 2] == 0 &&
		       text_parse_u64(&tenth, value + len + 1, 9) == 0;
	number = number * 10 + tenth;
	if (!good || number < f->min || number > f->max)
		return complain(r,
				"'%s' is a number from %llu to %llu with at most one decimal place",
				f->key, (unsigned long long)(f->min / 10),
				(unsigned long long)(f->max / 10));
	*(uint32_t *)target(r, f) = (uint32_t)number;
	return NULL;
}

static const char *take_rate(struct reading *r, const struct field *f, const char *value)
{
	uint64_t rate = 0;
	if (text_parse_rate(&rate, value, f->max) != 0 || rate < f->min)
		return "a rate reads '1 Gbit/s' or '500 Mbit/s', from 1 Mbit/s to 100 Gbit/s";
	*(uint64_t *)target(r, f) = rate;
	return NULL;
}

#define AT(member) offsetof(struct config, member)
/* Every key of both files. */
static const struct field fields[] = {
	{"paths", "registry", SENDER | RECEIVER, SENDER | RECEIVER, take_path, AT(registry), 0, 0},
	{"paths", "roots", SENDER | RECEIVER, SENDER | RECEIVER, take_path, AT(roots), 0, 0},
	{"paths", "runtime", SENDER | RECEIVER, 0, take_path, AT(runtime), 0, 0},
	{"paths", "spool", SENDER, SENDER, take_path, AT(spool), 0, 0},
	{"paths", "vault", RECEIVER, RECEIVER, take_path, AT(vault), 0, 0},
	{"paths", "witness", SENDER | RECEIVER, 0, take_path, AT(witness), 0, 0},
	{"keys", "box", SENDER | RECEIVER, SENDER | RECEIVER, take_path, AT(box_key), 0, 0},
	{"keys", "link", SENDER | RECEIVER, SENDER | RECEIVER, take_path, AT(link_key), 0, 0},
	{"keys", "psks", SENDER, SENDER, take_path, AT(psk_dir), 0, 0},
	{"link", "address", SENDER | RECEIVER, SENDER, take_address, AT(address), 0, 0},
	{"link", "source", SENDER, 0, take_address, AT(source), 0, 0},
	{"link", "port", SENDER | RECEIVER, 0, take_u16, AT(port), 1, UINT16_MAX},
	{"link", "mtu", SENDER | RECEIVER, 0, take_u32, AT(mtu), MTU_MIN, MTU_MAX},
	{"link", "rate", SENDER | RECEIVER, SENDER, take_rate, AT(rate_bits_per_s), RATE_MIN,
	 RATE_MAX},
	{"link", "repair_percent", SENDER, 0, take_tenths, AT(repair_permille), 0, 1000},
	{"link", "interface", SENDER | RECEIVER, SENDER | RECEIVER, take_interface, AT(interface), 0, 0},
	{"link", "absent", SENDER | RECEIVER, 0, take_absent, 0, 0, 0},
	{"link", "ride_out_stall_ms", RECEIVER, 0, take_u32, AT(ride_out_stall_ms), 1, STALL_MS_MAX},
	{"link", "ring_mib", RECEIVER, 0, take_mib, AT(ring_bytes), RING_MIB_MIN, RING_MIB_MAX},
	{"link", "socket_buffer_mib", RECEIVER, 0, take_mib, AT(socket_buffer_bytes), 1,
	 SOCKET_MIB_MAX},
	{"limits", "disk_full_percent", SENDER | RECEIVER, 0, take_u32, AT(disk_full_percent), 1,
	 99},
	{"limits", "scrub_days", RECEIVER, 0, take_u32, AT(scrub_days), 1, 365},
	{"limits", "seal_threads", SENDER, 0, take_u32, AT(seal_threads), 0, 256},
	{"link", "heal_percent", SENDER, 0, take_u32, AT(heal_percent), 0, 100},
	{"link", "survive_outage_ms", SENDER, 0, take_u32, AT(survive_outage_ms), 0, 600000},
	{"limits", "unfinished_days", RECEIVER, 0, take_u32, AT(unfinished_days), 1, 1825},
	{"limits", "retention_days", SENDER, 0, take_u32, AT(retention_days), 1, 1825},
	{"limits", "passes", SENDER, 0, take_u32, AT(pass_repeat), 1, 100},
	{"scan", "socket", SENDER, 0, take_path, AT(scan_socket), 0, 0},
	{"scan", "temporary", SENDER, 0, take_path, AT(scan_temporary), 0, 0},
	{"scan", "timeout_s", SENDER, 0, take_u32, AT(scan_timeout_s), 1, SCAN_TIMEOUT_S_MAX},
	{"scan", "max_mib", SENDER, 0, take_mib, AT(scan_max_bytes), SCAN_MIB_MIN, SCAN_MIB_MAX},
};
#undef AT
enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };
_Static_assert(FIELD_COUNT <= 64, "one bit a key in `seen`");

static bool is_seen(const struct reading *r, const char *key)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strcmp(fields[i].key, key) == 0)
			return (r->seen >> i & 1) != 0;
	return false;
}

static bool is_section(const char *section)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strcmp(fields[i].section, section) == 0)
			return true;
	return false;
}

static const char *take_line(void *context, const char *section, const char *key, const char *value,
			     int line)
{
	struct reading *r = context;
	(void)line;
	if (key == NULL) {
		r->config->has_scan |= strcmp(section, "scan") == 0;
		return is_section(section)
			       ? NULL
			       : complain(r, "section '%s' is not known here", section);
	}
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct field *f = &fields[i];
		if (strcmp(f->section, section) != 0 || strcmp(f->key, key) != 0)
			continue;
		if ((f->sides & (1U << r->config->side)) == 0)
			return complain(r, "'%s' belongs into %s.conf", key,
					r->config->side == CONFIG_SENDER ? "receiver" : "sender");
		if ((r->seen >> i & 1) != 0)
			return complain(r, "'%s' stands twice", key);
		r->seen |= UINT64_C(1) << i;
		return f->take(r, f, value);
	}
	return complain(r, "key '%s' is not known in [%s]", key, section);
}

static void set_defaults(struct config *config, enum config_side side)
{
	*config = (struct config){
		.side = side,
		.port = CONFIG_PORT,
		.mtu = 1500,
		.repair_permille = 125,
		.heal_percent = 25,
		.ring_bytes = (uint64_t)RING_MIB_DEFAULT * MIB,
		.socket_buffer_bytes = (uint64_t)SOCKET_MIB_DEFAULT * MIB,
		.disk_full_percent = 90,
		.scrub_days = 7,
		.retention_days = 5,
		.unfinished_days = 30,
		.pass_repeat = 1,
		.scan_socket = "/run/clamav/clamd.ctl",
		.scan_temporary = "/tmp",
		.scan_timeout_s = 60,
		.scan_max_bytes = (uint64_t)SCAN_MIB_DEFAULT * MIB,
	};
	snprintf(config->runtime, sizeof(config->runtime), "/run/weir-%s",
		 side == CONFIG_SENDER ? "sender" : "receiver");
	if (side == CONFIG_RECEIVER)
		snprintf(config->address, sizeof(config->address), "0.0.0.0");
}

/* All that is missing in one sentence, so that nobody has to ask key by key; NULL when nothing is. */
static const char *name_missing(struct reading *r)
{
	size_t used = 0;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct field *f = &fields[i];
		if ((f->mandatory & (1U << r->config->side)) == 0 || (r->seen >> i & 1) != 0)
			continue;
		if (r->config->is_unwatched && strcmp(f->key, "interface") == 0)
			continue;
		int n = snprintf(r->wrong + used, sizeof(r->wrong) - used, "%s'%s' in [%s]",
				 used == 0 ? "missing: " : ", ", f->key, f->section);
		used += n > 0 ? (size_t)n : 0;
		if (used >= sizeof(r->wrong))
			break;
	}
	return used == 0 ? NULL : r->wrong;
}

/*
 * The ring is sized by a stall when the rate is known and nobody says how large it is (the receiver's
 * ringroom.h knows how large that makes it), and else by ring_mib.
 */
static const char *size_ring(struct reading *r)
{
	struct config *config = r->config;
	bool has_stall = is_seen(r, "ride_out_stall_ms"), has_rate = is_seen(r, "rate");
	if (config->side != CONFIG_RECEIVER)
		return NULL;
	if (has_stall && is_seen(r, "ring_mib"))
		return "'ring_mib' and 'ride_out_stall_ms' say the same thing; keep one";
	if (has_stall && !has_rate)
		return "'ride_out_stall_ms' needs 'rate', the rate of the sender";
	if (!has_rate || is_seen(r, "ring_mib"))
		return NULL;
	if (!has_stall)
		config->ride_out_stall_ms = STALL_MS_DEFAULT;
	if (config->rate_bits_per_s / 8000 * config->ride_out_stall_ms / MIB >= RING_MIB_MAX)
		return "'ride_out_stall_ms' at this rate takes more than 32 GiB of memory";
	config->ring_bytes = (uint64_t)RING_MIB_MIN * MIB;
	return NULL;
}

/* Beside spool or vault, where it sees one that is put back alone. */
static const char *place_witness(struct config *config)
{
	const char *folder = config->side == CONFIG_RECEIVER ? config->vault : config->spool;
	if (config->witness[0] != 0)
		return NULL;
	size_t len = strlen(folder);
	while (len > 1 && folder[len - 1] == '/')
		len--;
	int n = snprintf(config->witness, sizeof(config->witness), "%.*s.witness", (int)len, folder);
	return n < CONFIG_PATH_BYTES ? NULL : "the path of spool or vault is too long";
}

int config_parse(struct config *out, enum config_side side, const char *folder, const uint8_t *text,
		 size_t len, char problem[static PROBLEM_BYTES])
{
	struct config config;
	set_defaults(&config, side);
	struct reading r = {.config = &config, .folder = folder};
	int result = ini_read(text, len, VERDICT_BAD_CONFIGURATION, take_line, &r, problem);
	if (result != 0)
		return result;
	const char *wrong = name_missing(&r);
	if (wrong == NULL)
		wrong = size_ring(&r);
	if (wrong == NULL)
		wrong = place_witness(&config);
	if (wrong != NULL) {
		snprintf(problem, PROBLEM_BYTES, "%d: %s", ini_count_lines(text, len), wrong);
		return VERDICT_BAD_CONFIGURATION;
	}
	*out = config;
	return 0;
}

static const char *note_side(void *context, const char *section, const char *key, const char *value, int line)
{
	int *side = context;
	(void)value;
	(void)line;
	if (key == NULL || strcmp(section, "paths") != 0)
		return NULL;
	if (strcmp(key, "spool") == 0)
		*side = CONFIG_SENDER;
	else if (strcmp(key, "vault") == 0)
		*side = CONFIG_RECEIVER;
	return NULL;
}

/* A file that names neither is refused for what a sender's lacks. */
static enum config_side find_side(const uint8_t *text, size_t len)
{
	char problem[PROBLEM_BYTES];
	int side = CONFIG_SENDER;
	(void)ini_read(text, len, VERDICT_BAD_CONFIGURATION, note_side, &side, problem);
	return (enum config_side)side;
}

/* side NULL: that of the file. */
static int load(struct config *out, const enum config_side *side, const char *path,
		char problem[static PROBLEM_BYTES])
{
	uint8_t *text;
	size_t len;
	char folder[CONFIG_PATH_BYTES];
	const char *slash = strrchr(path, '/');
	problem[0] = 0;
	int n = snprintf(folder, sizeof(folder), "%.*s",
			 slash == NULL ? 0 : (int)(slash - path) + 1, path);
	if (n < 0 || (size_t)n >= sizeof(folder))
		return -ENAMETOOLONG;
	int result = trusted_read(path, 022, CONFIG_FILE_BYTES_MAX, &text, &len);
	if (result != 0)
		return result;
	struct config config;
	result = config_parse(&config, side != NULL ? *side : find_side(text, len), folder, text, len, problem);
	trusted_free(text, len);
	if (result == 0)
		result = credential_prefer(config.box_key, sizeof(config.box_key), "box.key");
	if (result == 0)
		result = credential_prefer(config.link_key, sizeof(config.link_key), "link.key");
	if (result == 0)
		*out = config;
	return result;
}

int config_load(struct config *out, enum config_side side, const char *path, char problem[static PROBLEM_BYTES])
{
	return load(out, &side, path, problem);
}

int config_load_any(struct config *out, const char *path, char problem[static PROBLEM_BYTES])
{
	return load(out, NULL, path, problem);
}
