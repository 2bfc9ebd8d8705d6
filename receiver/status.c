#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"

#define STATUS_FILE "status.json"
#define STATUS_NEW_FILE ".status.json.new"

enum { EVENT_BYTES = 512 };

void event_tell(tell_event *tell, int priority, const char *id, const char *format, ...)
{
	char text[EVENT_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tell(priority, id, text);
}

void status_take_ring(struct status_counters *counters, const struct ring_counters *ring)
{
	counters->datagrams = atomic_load_explicit(&ring->datagrams, memory_order_relaxed);
	counters->bytes = atomic_load_explicit(&ring->bytes, memory_order_relaxed);
	counters->bad_tag = atomic_load_explicit(&ring->bad_tag, memory_order_relaxed);
	counters->kernel_drops = atomic_load_explicit(&ring->kernel_drops, memory_order_relaxed);
	counters->ring_drops = atomic_load_explicit(&ring->dropped_bytes, memory_order_relaxed);
	counters->ring_fill_max = atomic_load_explicit(&ring->fill_max, memory_order_relaxed);
}

void status_complain(const struct status_counters *now, const struct status_counters *told,
		     tell_event *tell)
{
	if (now->ring_drops > told->ring_drops)
		event_tell(tell, LOG_WARNING, "E2030", "keep: %" PRIu64 " bytes were dropped because the "
			   "ring was full: the disk is slower than the link; lower the rate or enlarge "
			   "the ring", now->ring_drops - told->ring_drops);
	if (now->kernel_drops > told->kernel_drops)
		event_tell(tell, LOG_WARNING, "E2031", "keep: the kernel dropped %" PRIu64 " datagrams "
			   "because the socket's buffer was full; raise socket_buffer_mib",
			   now->kernel_drops - told->kernel_drops);
	if (now->bad_tag > told->bad_tag)
		event_tell(tell, LOG_WARNING, "E2032", "keep: %" PRIu64 " datagrams were damaged or not "
			   "of our sender: their tag was wrong", now->bad_tag - told->bad_tag);
	if (now->malformed > told->malformed)
		event_tell(tell, LOG_WARNING, "E2033", "keep: %" PRIu64 " datagrams with a right tag were "
			   "malformed", now->malformed - told->malformed);
}

static void put_counters(FILE *out, const struct status_counters *counters)
{
	const struct {
		const char *key;
		uint64_t value;
	} all[] = {
		{"datagrams", counters->datagrams},
		{"bytes", counters->bytes},
		{"bad_tag", counters->bad_tag},
		{"kernel_drops", counters->kernel_drops},
		{"ring_drops", counters->ring_drops},
		{"ring_fill_max", counters->ring_fill_max},
		{"malformed", counters->malformed},
		{"refused_messages", counters->refused_messages},
		{"unknown", counters->unknown},
		{"unknown_dropped", counters->unknown_dropped},
		{"duplicate", counters->duplicate},
		{"late", counters->late},
		{"no_room", counters->no_room},
		{"link_lost", counters->link_lost},
		{"repaired_symbols", counters->repaired_symbols},
		{"delivered", counters->delivered},
		{"refused", counters->refused},
	};
	fputs("\"counters\":{", out);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", all[i].key, all[i].value);
	fputs("}", out);
}

int status_begin(struct status_text *status, const struct status_head *head)
{
	*status = (struct status_text){0};
	status->stream = open_memstream(&status->text, &status->len);
	if (status->stream == NULL)
		return -errno;
	FILE *out = status->stream;
	const struct known_summary *known = &head->known;
	char epoch[24] = "";
	if (known->epoch != 0)
		snprintf(epoch, sizeof(epoch), "%016" PRIx64, known->epoch);
	uint64_t silent_s = 0;
	if (known->last_heartbeat_s != 0 && head->time_s > known->last_heartbeat_s)
		silent_s = head->time_s - known->last_heartbeat_s;
	fprintf(out, "{\"time\":%" PRIu64 ",\"epoch\":\"%s\",\"last_heartbeat\":%" PRIu64, head->time_s,
		epoch, known->last_heartbeat_s);
	fprintf(out, ",\"silent_s\":%" PRIu64 ",\"generation\":%" PRIu64, silent_s, known->generation);
	fprintf(out, ",\"pages\":%" PRIu32 ",\"pages_held\":%" PRIu32, known->pages,
		known->pages_held);
	fprintf(out, ",\"generation_complete\":%s", known->is_complete ? "true" : "false");
	fprintf(out, ",\"registry_version\":%" PRIu64 ",\"sender_registry_version\":%" PRIu64,
		head->registry_version, known->sender_registry_version);
	fprintf(out, ",\"sender_datagrams\":%" PRIu64 ",\"disk_full\":%s,", known->sender_datagrams,
		head->disk_is_full ? "true" : "false");
	put_counters(out, &head->counters);
	fputs(",\n\"bundles\":[", out);
	return 0;
}

void status_add(struct status_text *status, const struct status_bundle *bundle)
{
	if (status->count >= STATUS_BUNDLES_MAX) {
		status->left_out++;
		return;
	}
	FILE *out = status->stream;
	fprintf(out, "%s\n{\"name\":\"%s\",\"epoch\":\"%016" PRIx64 "\",\"state\":\"%s\"",
		status->count == 0 ? "" : ",", bundle->name, bundle->epoch, bundle->state);
	fprintf(out, ",\"verdict\":\"%s\",\"object_bytes\":%" PRIu64 ",\"held_bytes\":%" PRIu64,
		bundle->verdict, bundle->object_bytes, bundle->held_bytes);
	fprintf(out, ",\"missing_bytes\":%" PRIu64 ",\"skipped_bytes\":%" PRIu64,
		bundle->missing_bytes, bundle->skipped_bytes);
	fprintf(out, ",\"wanted_registry\":%" PRIu64 ",\"since\":%" PRIu64 ",\"last_arrival\":%" PRIu64
		"}", bundle->wanted_registry, bundle->since_s, bundle->last_arrival_s);
	status->count++;
}

int status_end(struct status_text *status, char **text, size_t *len)
{
	fprintf(status->stream, "],\n\"left_out\":%u}\n", status->left_out);
	bool failed = ferror(status->stream) != 0;
	if (fclose(status->stream) != 0 || failed) {
		free(status->text);
		return -ENOMEM;
	}
	*text = status->text;
	*len = status->len;
	return 0;
}

int status_store(int vault_fd, const char *text, size_t len)
{
	if (unlinkat(vault_fd, STATUS_NEW_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(vault_fd, STATUS_NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0640);
	if (fd < 0)
		return -errno;
	int result = io_write(fd, text, len);
	int closed = io_close(fd);
	if (result == 0)
		result = closed;
	if (result == 0 && renameat(vault_fd, STATUS_NEW_FILE, vault_fd, STATUS_FILE) < 0)
		result = -errno;
	if (result != 0)
		unlinkat(vault_fd, STATUS_NEW_FILE, 0);
	return result;
}
