/* The link, and what is true of what has crossed it. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

enum { FLUSH_MS = 200 };

static void count_flight(struct sim *sim, const struct packet *packet, int by)
{
	if (packet->message == NULL && packet->is_first)
		sim->truths[packet->truth].in_flight += (uint32_t)by;
}

static void arrive(struct sim *sim, const struct packet *packet)
{
	/* while keep is down its ring is there, and what it holds is no more than an outage of this length */
	if (sim->receiver.is_up) {
		if (packet->message == NULL)
			truth_crossed(sim, packet);
		receiver_take(sim, packet);
	}
	message_drop(packet->message);
}

/* Takes the place of one of those that wait, which goes on. */
static void disorder(struct sim *sim, const struct packet *packet)
{
	count_flight(sim, packet, 1);
	if (sim->flush_ns == NEVER)
		sim->flush_ns = sim->now_ns + FLUSH_MS * NS_PER_MS;
	if (sim->disorder_count < DISORDER_MAX) {
		sim->disorder[sim->disorder_count++] = *packet;
		return;
	}
	size_t at = (size_t)sim_below(sim, DISORDER_MAX);
	struct packet out = sim->disorder[at];
	sim->disorder[at] = *packet;
	count_flight(sim, &out, -1);
	arrive(sim, &out);
}

/* Three of four go on, in any order; the others wait once more. */
void link_flush(struct sim *sim)
{
	size_t count = sim->disorder_count;
	for (size_t i = count - count / 4; i > 0; i--) {
		size_t at = (size_t)sim_below(sim, sim->disorder_count);
		struct packet out = sim->disorder[at];
		sim->disorder[at] = sim->disorder[--sim->disorder_count];
		count_flight(sim, &out, -1);
		arrive(sim, &out);
	}
	sim->flush_ns = sim->disorder_count == 0 ? NEVER : sim->now_ns + FLUSH_MS * NS_PER_MS;
}

static bool is_lost(struct sim *sim)
{
	const struct sim_link *link = &sim->link;
	if (sim->now_ns < sim->outage_until_ns)
		return true;
	if (link->to_bad > 0 && sim_chance(sim) < (sim->is_bad ? link->to_good : link->to_bad))
		sim->is_bad = !sim->is_bad;
	double loss = sim->is_bad ? link->bad_loss : link->loss;
	/* a damaged one has a wrong tag: as good as lost, LINK.md 1 */
	return (loss > 0 && sim_chance(sim) < loss) || (link->damage > 0 && sim_chance(sim) < link->damage);
}

static void send_copy(struct sim *sim, const struct packet *packet)
{
	sim->report.datagrams++;
	if (is_lost(sim)) {
		sim->report.dropped++;
		message_drop(packet->message);
	} else if (sim->link.disorders) {
		disorder(sim, packet);
	} else {
		arrive(sim, packet);
	}
}

void link_send(struct sim *sim, const struct packet *packet)
{
	while (sim->link.repeat > 0 && sim_chance(sim) < sim->link.repeat) {
		if (packet->message != NULL)
			message_hold(packet->message);
		send_copy(sim, packet);
	}
	send_copy(sim, packet);
}

/* The truth */

static size_t bit_of(const struct truth *truth, size_t block, uint32_t row, uint32_t at)
{
	return (block * truth->rows + row) * truth->columns + at;
}

static bool is_set(const uint8_t *map, size_t bit)
{
	return (map[bit / 8] >> (bit % 8) & 1) != 0;
}

static void add_symbol(struct truth *truth, size_t block, uint32_t row, uint32_t at, uint64_t now_ns)
{
	size_t bit = bit_of(truth, block, row, at);
	if (is_set(truth->crossed, bit))
		return;
	truth->crossed[bit / 8] = (uint8_t)(truth->crossed[bit / 8] | 1U << (bit % 8));
	if (++truth->column[block * truth->columns + at] == truth->g.source_rows && --truth->lacking == 0)
		truth->whole_ns = now_ns;
}

void truth_crossed(struct sim *sim, const struct packet *packet)
{
	const struct span *span = &packet->span;
	for (uint32_t at = span->first; at < (uint32_t)span->first + span->count; at++)
		add_symbol(&sim->truths[packet->truth], span->block, span->row, at, sim->now_ns);
}

void truth_uncross(struct sim *sim, const struct packet *packet, const uint8_t *map)
{
	struct truth *truth = &sim->truths[packet->truth];
	const struct span *span = &packet->span;
	for (uint32_t at = span->first; truth->delivered == 0 && at < (uint32_t)span->first + span->count; at++) {
		size_t bit = bit_of(truth, span->block, span->row, at);
		struct span symbol = {span->block, span->row, (uint16_t)at, 1};
		if (!is_set(truth->crossed, bit) || (map != NULL && plain_map_has(&truth->g, map, &symbol)))
			continue;
		truth->crossed[bit / 8] = (uint8_t)(truth->crossed[bit / 8] & ~(1U << (bit % 8)));
		if (truth->column[span->block * truth->columns + at]-- == truth->g.source_rows && truth->lacking++ == 0)
			truth->whole_ns = 0;
	}
}

/* Symbols behind the object's end are there from the beginning. */
static void add_end(struct truth *truth, uint64_t now_ns)
{
	uint32_t last = geometry_block_count(&truth->g) - 1;
	for (uint32_t row = 0; row < truth->g.source_rows; row++)
		for (uint32_t at = geometry_row_sent(&truth->g, last, row); at < truth->columns; at++)
			add_symbol(truth, last, row, at, now_ns);
}

void truth_reset(struct sim *sim, struct truth *truth, const uint8_t *map)
{
	size_t blocks = geometry_block_count(&truth->g);
	truth->rows = geometry_row_total(&truth->g);
	truth->columns = geometry_row_symbols(&truth->g);
	memset(truth->crossed, 0, blocks * arrivals_map_len(&truth->g));
	memset(truth->column, 0, sizeof(uint16_t) * blocks * truth->columns);
	truth->lacking = (uint64_t)blocks * truth->columns;
	truth->whole_ns = 0;
	add_end(truth, sim->now_ns);
	for (size_t block = 0; map != NULL && block < blocks; block++)
		for (uint32_t row = 0; row < truth->rows; row++)
			for (uint32_t at = 0; at < truth->columns; at++)
				if (plain_map_has(&truth->g, map, &(struct span){(uint16_t)block, (uint8_t)row, (uint16_t)at, 1}))
					add_symbol(truth, block, row, at, sim->now_ns);
}

void truth_heartbeat(struct sim *sim, uint64_t made_ns)
{
	for (uint32_t i = 0; i < sim->truth_count; i++)
		if (sim->truths[i].owed_ns == NEVER && sim->truths[i].accepted_ns < made_ns)
			sim->truths[i].owed_ns = sim->now_ns + SIM_NAMED_S * NS_PER_S;
}

void truth_deaf(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->truth_count; i++)
		sim->truths[i].owed_ns = NEVER;
}

void sim_complain(struct sim *sim, unsigned int *counter, const struct truth *truth, const char *what)
{
	(*counter)++;
	if (sim->report.first[0] != '\0')
		return;
	if (truth == NULL)
		snprintf(sim->report.first, sizeof(sim->report.first), "at %" PRIu64 " ms: %s",
			 sim->now_ns / NS_PER_MS, what);
	else
		snprintf(sim->report.first, sizeof(sim->report.first),
			 "at %" PRIu64 " ms: bundle %" PRIu64 ".%u.%" PRIu64 " (%td) of %" PRIu64 " bytes %s",
			 sim->now_ns / NS_PER_MS, truth->id.epoch, truth->id.route_id, truth->id.number,
			 truth - sim->truths, truth->g.object_len, what);
}

void truth_judge(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		struct truth *truth = &sim->truths[i];
		if (truth->delivered > 0 || truth->is_forgotten)
			continue;
		if (truth->owed_ns < sim->now_ns && !truth->is_unseen && !receiver_names(sim, &truth->id)) {
			truth->is_unseen = true;
			sim_complain(sim, &sim->report.unseen, truth, "is not named");
		}
		if (truth->whole_ns != 0 && !truth->is_overdue && truth->whole_ns + 10 * NS_PER_S < sim->now_ns &&
		    sim->receiver.heard_ns != 0 && sim->receiver.heard_ns + 10 * NS_PER_S < sim->now_ns) {
			truth->is_overdue = true;
			sim_complain(sim, &sim->report.undelivered, truth, "has come whole and is not delivered");
		}
	}
}

void truth_free(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		free(sim->truths[i].crossed);
		free(sim->truths[i].column);
	}
}
