#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"

#define STATUS_FILE "status.json"
#define STATUS_NEW_FILE ".status.json.new"

enum { EVENT_BYTES = 512 };

void event_tell(const struct teller *teller, int priority, const char *id, const char *format, ...)
{
	char text[EVENT_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	teller->tell(teller->context, priority, id, text);
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

bool status_complain(const struct status_counters *now, const struct status_counters *told,
		     const struct teller *teller)
{
	if (now->ring_drops > told->ring_drops)
		event_tell(teller, LOG_WARNING, "E2030", "keep: %" PRIu64 " bytes were dropped because the "
			   "ring was full: the disk is slower than the link; lower the rate or enlarge "
			   "the ring", now->ring_drops - told->ring_drops);
	if (now->kernel_drops > told->kernel_drops)
		event_tell(teller, LOG_WARNING, "E2031", "keep: the kernel dropped %" PRIu64 " datagrams "
			   "because the socket's buffer was full; raise socket_buffer_mib",
			   now->kernel_drops - told->kernel_drops);
	if (now->bad_tag > told->bad_tag)
		event_tell(teller, LOG_WARNING, "E2032", "keep: %" PRIu64 " datagrams were damaged or not "
			   "of our sender: their tag was wrong", now->bad_tag - told->bad_tag);
	if (now->malformed > told->malformed)
		event_tell(teller, LOG_WARNING, "E2033", "keep: %" PRIu64 " datagrams with a right tag were "
			   "malformed", now->malformed - told->malformed);
	return now->ring_drops > told->ring_drops || now->kernel_drops > told->kernel_drops ||
	       now->bad_tag > told->bad_tag || now->malformed > told->malformed;
}

/* JSON readers take numbers for signed; some of these come from a signed message of the sender. */
static void put_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value < INT64_MAX ? value : (uint64_t)INT64_MAX);
}

static void put_epoch(FILE *out, const char *key, uint64_t epoch)
{
	if (epoch != 0)
		fprintf(out, "\"%s\":\"%016" PRIx64 "\"", key, epoch);
	else
		fprintf(out, "\"%s\":\"\"", key);
}

static void put_counters(FILE *out, const struct status_counters *counters)
{
	/* the first key has no comma before it */
	fprintf(out, ",\"counters\":{\"datagrams\":%" PRIu64,
		counters->datagrams < INT64_MAX ? counters->datagrams : (uint64_t)INT64_MAX);
	put_number(out, "bytes", counters->bytes);
	put_number(out, "bad_tag", counters->bad_tag);
	put_number(out, "kernel_drops", counters->kernel_drops);
	put_number(out, "ring_drops", counters->ring_drops);
	put_number(out, "ring_fill_max", counters->ring_fill_max);
	put_number(out, "malformed", counters->malformed);
	put_number(out, "refused_messages", counters->refused_messages);
	put_number(out, "unknown", counters->unknown);
	put_number(out, "unknown_dropped", counters->unknown_dropped);
	put_number(out, "duplicate", counters->duplicate);
	put_number(out, "late", counters->late);
	put_number(out, "no_room", counters->no_room);
	put_number(out, "link_lost", counters->link_lost);
	put_number(out, "repaired_symbols", counters->repaired_symbols);
	put_number(out, "delivered", counters->delivered);
	put_number(out, "refused", counters->refused);
	fputs("}", out);
}

static void put_places(FILE *out, const char *key, const struct loss_counts *counts)
{
	uint64_t sum = loss_sum(counts);
	fprintf(out, ",\"%s\":{\"place\":\"%s\"", key, loss_place_name(loss_place_of(counts)));
	put_number(out, "datagrams", sum);
	for (int i = LOSS_NOWHERE + 1; i < LOSS_PLACES; i++)
		put_number(out, loss_place_name((enum loss_place)i), counts->at[i]);
	fputs("}", out);
}

static void put_way(FILE *out, const struct way *way)
{
	put_places(out, "lost", &way->total);
	put_places(out, "lost_in_hour", &way->hour);
	fprintf(out, ",\"nic\":{\"interface\":\"%s\"", way->interface);
	put_number(out, "full", way->nic.full);
	put_number(out, "refused", way->nic.refused);
	put_number(out, "backlog", way->nic.backlog);
	put_number(out, "damaged", way->nic.damaged);
	fprintf(out, "},\"ring\":{\"bytes\":%" PRIu64, way->ring_bytes);
	put_number(out, "fill", way->ring_fill);
	put_number(out, "fill_max", way->ring_fill_max);
	fprintf(out, ",\"is_filling\":%s", way->is_filling ? "true" : "false");
	put_number(out, "away_max_ms", way->away_max_ms);
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
	uint64_t silent_s = 0;
	if (known->last_heartbeat_s != 0 && head->time_s > known->last_heartbeat_s)
		silent_s = head->time_s - known->last_heartbeat_s;
	fputs("{", out);
	put_epoch(out, "epoch", known->epoch);
	fputs(",", out);
	put_epoch(out, "epoch_before", known->epoch_before);
	fputs(",", out);
	put_epoch(out, "epoch_returned", known->epoch_returned);
	fprintf(out, ",\"sender_went_back\":%s", known->went_back ? "true" : "false");
	put_number(out, "time", head->time_s);
	put_number(out, "last_heartbeat", known->last_heartbeat_s);
	put_number(out, "last_heartbeat_sent", known->link.sent_s);
	put_number(out, "silent_s", silent_s);
	put_number(out, "generation", known->generation);
	put_number(out, "pages", known->pages);
	put_number(out, "pages_held", known->pages_held);
	fprintf(out, ",\"generation_complete\":%s", known->is_complete ? "true" : "false");
	put_number(out, "registry_version", head->registry_version);
	put_number(out, "sender_registry_version", known->sender_registry_version);
	put_number(out, "sender_datagrams", known->sender_datagrams);
	put_number(out, "caught_up", head->caught_up_s);
	put_number(out, "heard_since", known->link.heard_since_s);
	put_number(out, "waiting_bytes", known->link.waiting);
	put_number(out, "busy", known->link.busy_s);
	put_number(out, "heal_rate", known->link.heal_rate);
	put_number(out, "heal_round_bytes", known->link.heal_round);
	put_number(out, "last_data", known->link.data_s);
	fprintf(out, ",\"disk_full\":%s", head->disk_is_full ? "true" : "false");
	if (head->box_key != NULL) {
		char hex[2 * KEY_ID_BYTES + 1];
		text_hex(hex, sizeof(hex), head->box_key, KEY_ID_BYTES);
		fprintf(out, ",\"box_key\":\"%s\"", hex);
	}
	put_counters(out, &head->counters);
	put_way(out, &head->way);
	fprintf(out, ",\"link\":{\"absent\":\"%s\"", head->absent != NULL ? head->absent : "");
	put_number(out, "frames", head->frames);
	fputs("}", out);
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
	fprintf(out, ",\"verdict\":\"%s\"", bundle->verdict);
	put_number(out, "route_id", bundle->route_id);
	put_number(out, "number", bundle->number);
	put_number(out, "object_bytes", bundle->object_bytes);
	put_number(out, "held_bytes", bundle->held_bytes);
	put_number(out, "missing_bytes", bundle->missing_bytes);
	put_number(out, "skipped_bytes", bundle->skipped_bytes);
	put_number(out, "worst_rows", bundle->lack.worst_rows);
	put_number(out, "blocks_missing", bundle->lack.blocks_missing);
	put_number(out, "first_missing_block", bundle->lack.first_missing_block);
	put_number(out, "wanted_registry", bundle->wanted_registry);
	put_number(out, "since", bundle->since_s);
	put_number(out, "passed", bundle->passed_s);
	put_number(out, "last_arrival", bundle->last_arrival_s);
	fprintf(out, ",\"kind\":\"%s\",\"lacks_tail\":%s", bundle->kind, bundle->lacks_tail ? "true" : "false");
	fputs("}", out);
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
