#include "sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "tests/lib/tap.h"

double sim_chance(struct sim *sim)
{
	return (double)(test_random(&sim->random) >> 11) / 9007199254740992.0;
}

uint64_t sim_below(struct sim *sim, uint64_t end)
{
	return test_random(&sim->random) % end;
}

/* The registry of the vectors, with routes of every urgency. */
static struct registry *shared_registry(void)
{
	static struct registry *registry;
	char problem[PROBLEM_BYTES];
	struct roots *roots = NULL;
	if (registry != NULL)
		return registry;
	int result = roots_load(&roots, "tests/vectors/roots/ok.conf", problem);
	assert(result == 0);
	result = registry_load(&registry, "tests/vectors/registry/ok.conf", roots, problem);
	assert(result == 0 && registry_route_count(registry) >= SIM_ROUTES);
	roots_free(roots);
	for (size_t i = 0; i < SIM_ROUTES; i++)
		((struct route *)(uintptr_t)registry_route_at(registry, i))->priority = (uint8_t)(1 + 2 * i);
	return registry;
}

struct sim *sim_new(const struct sim_terms *terms, const struct sim_link *link, uint64_t seed)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	assert(sim != NULL);
	sim->terms = *terms;
	sim->link = *link;
	sim->seed = sim->random = seed;
	sim->registry = shared_registry();
	sim->flush_ns = NEVER;
	sim->now_ns = NS_PER_S;
	sim->sender.hold_ns = sim->sender.emit_ns = sim->receiver.turn_ns = sim->now_ns;
	memset(sim->box_seed, 7, sizeof(sim->box_seed));
	if (link->disorders)
		sim->disorder = malloc(DISORDER_MAX * sizeof(*sim->disorder));
	assert(!link->disorders || sim->disorder != NULL);
	sender_open(sim);
	receiver_open(sim);
	sim->receiver.is_up = true;
	return sim;
}

void sim_free(struct sim *sim)
{
	for (size_t i = 0; i < sim->disorder_count; i++)
		message_drop(sim->disorder[i].message);
	free(sim->disorder);
	sender_close(sim);
	receiver_close(sim);
	truth_free(sim);
	free(sim);
}

static void add_event(struct sim *sim, const struct event *event)
{
	assert(sim->event_count < EVENTS_MAX);
	size_t at = sim->event_count++;
	while (at > 0 && sim->events[at - 1].at_ns > event->at_ns) {
		sim->events[at] = sim->events[at - 1];
		at--;
	}
	sim->events[at] = *event;
}

void sim_at(struct sim *sim, uint64_t at_ms, enum sim_event event, int64_t value)
{
	int64_t scale = event == SIM_PUSH || event == SIM_SENDER_CLOCK ? 1 : (int64_t)NS_PER_MS;
	add_event(sim, &(struct event){at_ms * NS_PER_MS, event, value * scale});
}

void sim_outage(struct sim *sim, uint64_t at_us, uint64_t us)
{
	add_event(sim, &(struct event){at_us * 1000, SIM_OUTAGE, (int64_t)us * 1000});
}

static void calm(struct sim *sim)
{
	bool disorders = sim->link.disorders; /* its buffer empties by itself */
	sim->link = (struct sim_link){.disorders = disorders};
	sim->is_bad = false;
}

static void happen(struct sim *sim, const struct event *event)
{
	uint64_t until = sim->now_ns + (uint64_t)event->value;
	switch (event->kind) {
	case SIM_PUSH: sender_push(sim, (uint64_t)event->value); break;
	case SIM_OUTAGE:
		if (until > sim->outage_until_ns)
			sim->outage_until_ns = until;
		break;
	case SIM_HOLD_DIES: sender_hold_dies(sim, until); break;
	case SIM_EMIT_DIES: sender_emit_dies(sim, until); break;
	case SIM_KEEP_DIES: receiver_keep_dies(sim, until); break;
	case SIM_SENDER_POWER: sender_power(sim, until); break;
	case SIM_RECEIVER_POWER: receiver_power(sim, until); break;
	case SIM_BACKUP: sender_backup(sim); break;
	case SIM_RESTORE: sender_restore(sim); break;
	case SIM_SENDER_CLOCK: sim->sender.clock_s += event->value; break;
	case SIM_VAULT_FULL: sim->receiver.full_until_ns = until; break;
	case SIM_VAULT_LOST: receiver_vault_lost(sim); break;
	case SIM_SPOOL_FULL: sim->sender.full_until_ns = until; break;
	case SIM_LINK_CALM: calm(sim); break;
	case SIM_EVENTS: assert(false && "no event"); break;
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool has_ended(const struct sim *sim)
{
	if (sim->event_next < sim->event_count || sim->now_ns < sim->outage_until_ns)
		return false;
	for (uint32_t i = 0; i < sim->truth_count; i++)
		if (sim->truths[i].delivered == 0 && !sim->truths[i].was_lost && !sim->truths[i].is_forgotten)
			return false;
	return true;
}

static void run_receiver(struct sim *sim)
{
	if (sim->now_ns < sim->outage_until_ns)
		truth_deaf(sim);
	receiver_run(sim);
	sim->has_ended = has_ended(sim);
}

static void step(struct sim *sim)
{
	const struct event *event = &sim->events[sim->event_next];
	if (sim->event_next < sim->event_count && event->at_ns <= sim->now_ns) {
		sim->event_next++;
		happen(sim, event);
	} else if (sim->receiver.turn_ns <= sim->now_ns) {
		run_receiver(sim);
	} else if (sim->sender.hold_ns <= sim->now_ns) {
		sender_hold_run(sim);
	} else if (sim->flush_ns <= sim->now_ns) {
		link_flush(sim);
	} else {
		emit_run(sim);
	}
}

void sim_run(struct sim *sim, uint64_t until_ms)
{
	uint64_t end = until_ms * NS_PER_MS;
	sim->has_ended = false;
	while (!sim->has_ended) {
		uint64_t next = least(sim->receiver.turn_ns, least(sim->sender.hold_ns, sim->sender.emit_ns));
		next = least(next, sim->flush_ns);
		if (sim->event_next < sim->event_count)
			next = least(next, sim->events[sim->event_next].at_ns);
		if (next > end)
			break;
		if (next > sim->now_ns)
			sim->now_ns = next;
		step(sim);
	}
	sim->report.ended_ms = sim->now_ns / NS_PER_MS;
}

struct sim_report sim_report(struct sim *sim)
{
	sim->report.lost = sim->report.open = sim->report.forgotten = 0;
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		const struct truth *truth = &sim->truths[i];
		if (truth->delivered > 0)
			continue;
		if (truth->was_lost)
			sim->report.lost++;
		else if (truth->is_forgotten)
			sim->report.forgotten++;
		else
			sim->report.open++;
	}
	return sim->report;
}

static const char *const event_names[] = {
	[SIM_PUSH] = "push", [SIM_OUTAGE] = "outage", [SIM_HOLD_DIES] = "hold dies", [SIM_EMIT_DIES] = "emit dies",
	[SIM_KEEP_DIES] = "keep dies", [SIM_SENDER_POWER] = "sender's power", [SIM_RECEIVER_POWER] = "receiver's power",
	[SIM_BACKUP] = "backup", [SIM_RESTORE] = "restore", [SIM_SENDER_CLOCK] = "sender's clock",
	[SIM_VAULT_FULL] = "vault full", [SIM_VAULT_LOST] = "vault lost", [SIM_SPOOL_FULL] = "spool full",
	[SIM_LINK_CALM] = "link calm",
};

void sim_tell(const struct sim *sim)
{
	const struct sim_terms *t = &sim->terms;
	const struct sim_link *l = &sim->link;
	note("rate %" PRIu64 ", MTU %u, passes %u, outage %u ms, heal %u %%, repair %u permille, retention %" PRIu64 " s, heal "
	     "bound %" PRIu64 " ms", t->rate_bits_per_s, t->mtu, t->passes, t->survive_outage_ms, t->heal_percent,
	     t->repair_permille, t->retention_s, sim_heal_bound_ms(sim));
	note("loss %.3f, bad %.4f %.3f %.3f, damage %.3f, repeat %.3f, disorder %d", l->loss, l->to_bad, l->to_good,
	     l->bad_loss, l->damage, l->repeat, l->disorders);
	for (size_t i = 0; i < sim->event_count; i++)
		note("%9.3f s: %s %" PRId64, (double)sim->events[i].at_ns / 1e9, event_names[sim->events[i].kind],
		     sim->events[i].value);
	for (size_t i = 0; i < sim->sender.spool.count; i++) {
		const struct spool_item *item = sim->sender.spool.items[i];
		note("bundle %u: passes %u, heals %u, block %u, last %.3f%s", sim->sender.spool.truth[i], item->plan.passes,
		     item->plan.heals, item->plan.block, (double)item->plan.ended_ms / 1e3,
		     item->is_ordered ? ", ordered" : "");
	}
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		const struct truth *b = &sim->truths[i];
		note("bundle %u: %" PRIu64 ".%u.%" PRIu64 ", %" PRIu64 " bytes, %u+%u rows, accepted %.3f, worked %.3f, whole %.3f,%s%s%s%s%s",
		     i, b->id.epoch, b->id.route_id, b->id.number, b->g.object_len, b->g.source_rows, b->g.repair_rows,
		     (double)b->accepted_ns / 1e9, (double)b->worked_ns / 1e9, (double)b->whole_ns / 1e9,
		     b->is_offered ? " offered" : "", b->delivered > 0 ? " delivered" : "", b->was_missing ? " missing" : "",
		     b->was_lost ? " lost" : "", b->is_forgotten ? " forgotten" : "");
	}
}

unsigned int sim_faults(const struct sim_report *report)
{
	return report->unseen + report->wrong + report->twice + report->strange + report->undelivered +
	       report->crowded;
}

uint64_t sim_first_data_ns(const struct sim *sim)
{
	return sim->first_data_ns;
}

uint64_t sim_work_ended_ns(const struct sim *sim)
{
	uint64_t last = 0;
	for (uint32_t i = 0; i < sim->truth_count; i++)
		if (sim->truths[i].worked_ns > last)
			last = sim->truths[i].worked_ns;
	return last;
}

uint64_t sim_heal_bound_ms(const struct sim *sim)
{
	uint64_t rate = sim->terms.rate_bits_per_s / 800 * sim->terms.heal_percent;
	uint64_t pass_ms = rate == 0 ? 0 : sender_round_bytes(sim) * 1000 / rate;
	return 600000 + 2 * pass_ms;
}
