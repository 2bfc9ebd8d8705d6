#include "lookout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "advice.h"
#include "common/text.h"

void lookout_start(struct lookout *l, struct ring *ring, const char *interface, const struct teller *tell)
{
	*l = (struct lookout){.ring = ring, .tell = tell};
	snprintf(l->interface, sizeof(l->interface), "%s", interface);
}

static uint64_t load(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* What a counter has grown by; one that went back has begun again. */
static void follow(uint64_t *sum, uint64_t now, uint64_t then)
{
	*sum += now > then ? now - then : 0;
}

static void tell_of_interface(struct lookout *l, const char *name)
{
	if (l->nic_was_told)
		return;
	l->nic_was_told = true;
	if (name[0] == 0)
		event_tell(l->tell, LOG_NOTICE, "E2068", "keep: no interface has an address of its own to listen at, so "
			   "what the NIC loses counts as lost before this box; say 'interface' in [link]");
	else
		event_tell(l->tell, LOG_NOTICE, "E2068", "keep: the counters of interface '%s' cannot be read, so "
			   "what the NIC loses counts as lost before this box", name);
}

static void read_nic(struct lookout *l)
{
	struct nic_counters now;
	char name[NIC_NAME_BYTES];
	ring_interface(l->ring, name);
	if (l->interface[0] != 0)
		memcpy(name, l->interface, sizeof(name));
	/* it is the other process that wrote it */
	bool is_name = name[0] != 0 && name[0] != '.' && strchr(name, '/') == NULL;
	if (!is_name || nic_read(&now, name) != 0) {
		/* catch may not have come to it yet */
		if (load(&ring_counters(l->ring)->datagrams) > 0)
			tell_of_interface(l, is_name ? name : "");
		l->nic_name[0] = 0;
		return;
	}
	if (strcmp(name, l->nic_name) != 0) {
		memcpy(l->nic_name, name, sizeof(name));
		l->nic_raw = now;
	}
	follow(&l->nic.full, now.full, l->nic_raw.full);
	follow(&l->nic.refused, now.refused, l->nic_raw.refused);
	follow(&l->nic.damaged, now.damaged, l->nic_raw.damaged);
	follow(&l->nic.backlog, now.backlog, l->nic_raw.backlog);
	l->nic_raw = now;
}

/* Drops while no keep ran are a sign, too: the losses they made are seen by this one. */
static struct loss_sample first_sample(const struct lookout *l, struct loss_sample sample)
{
	const struct ring_seen *seen = ring_seen(l->ring);
	sample.link_lost = 0;
	sample.ring_drops = load(&seen->dropped_datagrams);
	sample.socket_drops = load(&seen->kernel_drops);
	sample.bad_tags = load(&seen->bad_tag);
	return sample;
}

static void remember(const struct lookout *l, const struct loss_sample *sample)
{
	struct ring_seen *seen = ring_seen(l->ring);
	atomic_store_explicit(&seen->dropped_datagrams, sample->ring_drops, memory_order_relaxed);
	atomic_store_explicit(&seen->kernel_drops, sample->socket_drops, memory_order_relaxed);
	atomic_store_explicit(&seen->bad_tag, sample->bad_tags, memory_order_relaxed);
}

static void take_sample(struct lookout *l, uint64_t link_lost, uint64_t now_s)
{
	const struct ring_counters *counters = ring_counters(l->ring);
	read_nic(l);
	struct loss_sample sample = {
		.link_lost = link_lost,
		.datagrams = load(&counters->datagrams),
		.trains = load(&counters->trains),
		.ring_drops = load(&counters->dropped_datagrams),
		.socket_drops = load(&counters->kernel_drops),
		.nic_drops = l->nic.full,
		.kernel_drops = l->nic.refused + l->nic.backlog,
		.damaged = l->nic.damaged,
		.bad_tags = load(&counters->bad_tag),
		.caught_up = l->caught_up,
	};
	if (!l->loss.has_last) {
		struct loss_sample first = first_sample(l, sample);
		loss_follow(&l->loss, &first, now_s);
	}
	loss_follow(&l->loss, &sample, now_s);
	remember(l, &sample);
	l->caught_up = false;
}

static void tell_loss(struct lookout *l, uint64_t now_ms)
{
	static const char *const ids[LOSS_PLACES] = {
		[LOSS_BEFORE] = "E2060", [LOSS_RING] = "E2063", [LOSS_SOCKET] = "E2064", [LOSS_NIC] = "E2065",
		[LOSS_DAMAGED] = "E2066", [LOSS_SEVERAL] = "E2067",
	};
	struct loss_counts untold = loss_difference(&l->loss.total, &l->told);
	enum loss_place place = loss_place_of(&untold);
	if (place == LOSS_NOWHERE)
		return;
	uint64_t since_ms = l->told_ms == 0 ? UINT64_MAX : now_ms - l->told_ms;
	if (since_ms < (place == l->told_place ? LOOKOUT_REPEAT_MS : LOOKOUT_PAUSE_MS))
		return;
	char text[ADVICE_BYTES];
	struct way way = lookout_report(l);
	advice_on_loss(text, &untold, &way);
	event_tell(l->tell, LOG_WARNING, ids[place], "keep: %s", text);
	l->told = l->loss.total;
	l->told_place = place;
	l->told_ms = now_ms;
}

static void follow_fill(struct lookout *l, uint64_t now_ms)
{
	uint64_t fill = ring_take_fill(l->ring), size = ring_size(l->ring);
	l->fill = fill > l->fill ? fill : l->fill;
	bool may_tell = l->full_told_ms == 0 || now_ms - l->full_told_ms >= LOOKOUT_REPEAT_MS;
	if (fill > size / 2)
		l->is_full = true;
	if (l->is_full && !l->full_was_told && may_tell) {
		char text[ADVICE_BYTES];
		l->full_was_told = true;
		l->full_told_ms = now_ms;
		event_tell(l->tell, LOG_WARNING, "E2061", "keep: %s", advice_on_fill(text, fill, size));
	}
	if (l->is_full && fill < size / 4) {
		if (l->full_was_told)
			event_tell(l->tell, LOG_NOTICE, "E2062", "keep: the ring is less than a quarter full again");
		l->is_full = false;
		l->full_was_told = false;
	}
}

void lookout_turn(struct lookout *l, uint64_t link_lost, uint64_t now_ms, uint64_t now_s)
{
	if (l->ring == NULL)
		return;
	follow_fill(l, now_ms);
	/* what waits is at most the train that came just now */
	l->caught_up |= ring_fill(l->ring) <= RING_RECORD_MAX + RING_ALIGN;
	if (l->sampled_ms != 0 && now_ms - l->sampled_ms < LOOKOUT_MS)
		return;
	l->sampled_ms = now_ms;
	l->fill_second = l->fill;
	l->fill = 0;
	take_sample(l, link_lost, now_s);
	tell_loss(l, now_ms);
}

void lookout_note_away(struct lookout *l, uint64_t ms)
{
	if (ms > l->away_max_ms)
		l->away_max_ms = ms;
}

struct way lookout_report(const struct lookout *l)
{
	struct way way = {
		.total = l->loss.total,
		.hour = loss_last_hour(&l->loss),
		.nic = l->nic,
		.away_max_ms = l->away_max_ms,
	};
	snprintf(way.interface, sizeof(way.interface), "%s", l->nic_name);
	if (l->ring == NULL)
		return way;
	way.ring_bytes = ring_size(l->ring);
	way.ring_fill = l->fill_second > l->fill ? l->fill_second : l->fill;
	way.ring_fill_max = load(&ring_counters(l->ring)->fill_max);
	way.is_filling = l->is_full;
	return way;
}
