#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "machine.h"
#include "text.h"

/* Of all sensors that tell where their limit is, the one that is nearest to it, in thousandths of a degree. */
struct warmest {
	const struct check *check;
	const char *folder;  /* of the sensors that are looked at */
	char where[96];
	int64_t value, limit;
	bool is_known;
};

enum { NEAR = 10000, FAULTY = 200000 };

/* Below zero is cold enough. */
static bool read_degrees(int64_t *out, const struct check *check, const char *folder, const char *file)
{
	char text[32];
	uint64_t value = 0;
	if (machine_read(text, sizeof(text), check->root, "%s/%s", folder, file) <= 0)
		return false;
	if (text[0] == '-')
		*out = 0;
	else if (text_parse_u64(&value, text, INT32_MAX) == 0)
		*out = (int64_t)value;
	return text[0] == '-' || text_parse_u64(&value, text, INT32_MAX) == 0;
}

static void take(struct warmest *w, const char *folder, const char *sensor, int64_t value, int64_t limit)
{
	char name[32], shown[4 * 32];
	/* a limit of nothing, or beyond what silicon stands, is none */
	if (limit <= 0 || limit >= FAULTY || value >= FAULTY || (w->is_known && limit - value >= w->limit - w->value))
		return;
	if (machine_read(name, sizeof(name), w->check->root, "%s/name", folder) <= 0 &&
	    machine_read(name, sizeof(name), w->check->root, "%s/type", folder) <= 0)
		snprintf(name, sizeof(name), "sensor");
	snprintf(w->where, sizeof(w->where), "%s %s", text_escape_name(shown, sizeof(shown), name), sensor);
	w->value = value;
	w->limit = limit;
	w->is_known = true;
}

/* temp1_input, and temp1_crit or temp1_max. */
static void take_input(void *context, const char *name)
{
	struct warmest *w = context;
	char file[64], sensor[32];
	int64_t value = 0, limit = 0;
	size_t len = strcspn(name, "_");
	if (strncmp(name, "temp", 4) != 0 || strcmp(name + len, "_input") != 0 || len >= sizeof(sensor))
		return;
	snprintf(sensor, sizeof(sensor), "%.*s", (int)len, name);
	if (!read_degrees(&value, w->check, w->folder, name))
		return;
	snprintf(file, sizeof(file), "%s_crit", sensor);
	if (!read_degrees(&limit, w->check, w->folder, file) || limit == 0) {
		snprintf(file, sizeof(file), "%s_max", sensor);
		if (!read_degrees(&limit, w->check, w->folder, file))
			return;
	}
	take(w, w->folder, sensor, value, limit);
}

static void take_hwmon(void *context, const char *name)
{
	struct warmest *w = context;
	char folder[MACHINE_PATH_BYTES];
	snprintf(folder, sizeof(folder), "/sys/class/hwmon/%s", name);
	w->folder = folder;
	(void)machine_each(w->check->root, folder, take_input, w);
	w->folder = NULL;
}

/* temp, and the trip point whose type is critical. */
static void take_zone(void *context, const char *name)
{
	struct warmest *w = context;
	char folder[MACHINE_PATH_BYTES], type[32], file[64];
	int64_t value = 0, limit = 0;
	snprintf(folder, sizeof(folder), "/sys/class/thermal/%s", name);
	if (strncmp(name, "thermal_zone", 12) != 0 || !read_degrees(&value, w->check, folder, "temp"))
		return;
	for (int i = 0; machine_read(type, sizeof(type), w->check->root, "%s/trip_point_%d_type", folder, i) >= 0; i++) {
		snprintf(file, sizeof(file), "trip_point_%d_temp", i);
		if (strcmp(type, "critical") == 0 && read_degrees(&limit, w->check, folder, file))
			take(w, folder, name, value, limit);
	}
}

void check_temperature(const struct check *check)
{
	struct warmest w = {.check = check};
	(void)machine_each(check->root, "/sys/class/hwmon", take_hwmon, &w);
	(void)machine_each(check->root, "/sys/class/thermal", take_zone, &w);
	if (!w.is_known) {
		report_add(check->report, FINDING_TEMPERATURE, FINDING_GREEN, "this machine does not tell");
		return;
	}
	enum finding_state state = w.value >= w.limit ? FINDING_RED : w.value + NEAR >= w.limit ? FINDING_AMBER : FINDING_GREEN;
	finding_type(report_add(check->report, FINDING_TEMPERATURE, state, "%" PRId64 " degrees at %s, whose limit is %" PRId64,
				w.value / 1000, w.where, w.limit / 1000),
		     "sensors; then look at fans, dust and the air around the box");
}
