#include "plan.h"

#include "common/datagram.h"
#include "common/resendcode.h"
#include "common/verdict.h"
#include "pace.h"

enum {
	UNNAMED_BYTES = 67108864,     /* that a receiver keeps of what has no name yet */
	PAGE_INTERVAL_NS = 100000000, /* between two first pages while data flow */
};

/* How long these bytes and the headers of so many datagrams take: at most 8.5 MB, so 64 bits hold the product. */
static uint64_t sending_ns(uint64_t bytes, uint64_t datagrams, const struct plan_terms *terms)
{
	return (bytes + datagrams * (DATAGRAM_DATA_BYTES + IP_UDP_BYTES)) * 8 * 1000000000 / terms->rate_bits_per_s;
}

/* The distance at which rows of a block go out, with nothing between them. */
static uint64_t row_ns(const struct geometry *g, const struct plan_terms *terms)
{
	uint32_t symbols = geometry_row_symbols(g), full = datagram_symbols(terms->mtu);
	return sending_ns(g->row_len, (symbols + full - 1) / full, terms);
}

/* What goes in any time may be so much more than the rate makes of it: credit, and one batch.  pace.h */
static uint64_t burst_ns(const struct plan_terms *terms)
{
	uint64_t datagram = sending_ns((uint64_t)datagram_symbols(terms->mtu) * SYMBOL_BYTES, 1, terms);
	return (uint64_t)PACE_CREDIT_NS + (datagram > PACE_BATCH_NS ? datagram : PACE_BATCH_NS);
}

static uint32_t pass_rows(const struct geometry *g)
{
	return (uint32_t)g->source_rows + g->repair_rows;
}

/*
 * An outage that takes the pages which name the bundle: until the first page comes again its data wait in a buffer of the
 * receiver, and what this has no room for is lost, too.  LINK.md 2.
 */
static uint64_t unnamed_ns(const struct plan_terms *terms)
{
	uint64_t held = sending_ns(UNNAMED_BYTES / 1000, 0, terms) * 1000;
	return held < PAGE_INTERVAL_NS ? PAGE_INTERVAL_NS - held : 0;
}

uint32_t plan_late_rows(const struct geometry *g, const struct plan_terms *terms, uint32_t *first_row)
{
	uint64_t outage_ns = (uint64_t)terms->survive_outage_ms * 1000000;
	uint64_t lost = (outage_ns + burst_ns(terms) + unnamed_ns(terms)) / (row_ns(g, terms) + (row_ns(g, terms) == 0)) + 1;
	uint32_t pass = pass_rows(g);
	*first_row = pass;
	if (outage_ns == 0 || lost <= g->repair_rows)
		return 0;
	if (lost > pass)
		lost = pass;
	/* as many as are lost, so that the r rows of the pass are still there for what is lost at random */
	if (lost <= geometry_row_total(g) - pass)
		return (uint32_t)lost;
	*first_row = 0;
	return pass;
}

static void set_whole(struct plan_step *step, const struct geometry *g)
{
	*step = (struct plan_step){
		.block_end = geometry_block_count(g),
		.row_end = (uint8_t)pass_rows(g),
	};
}

bool plan_work(struct plan_step *out, const struct plan *plan, const struct geometry *g,
	       const struct plan_terms *terms)
{
	uint32_t first = 0, late = 0;
	set_whole(out, g);
	if (plan->passes < terms->passes)
		return true;
	if (!plan->has_late)
		late = plan_late_rows(g, terms, &first);
	if (late == 0)
		return false;
	out->first_row = (uint8_t)first;
	out->row_end = (uint8_t)(first + late);
	/* one more, since the end may have been at the end of its millisecond */
	out->not_before_ms = plan->ended_ms + terms->survive_outage_ms + 1;
	return true;
}

void plan_work_ended(struct plan *plan, const struct plan_terms *terms, uint64_t now_ms)
{
	if (plan->passes < terms->passes)
		plan->passes++;
	else
		plan->has_late = true;
	plan->ended_ms = now_ms;
}

/* The further rows of this portion; false when the code has none. */
static bool find_portion(const struct plan *plan, const struct geometry *g, struct plan_step *out)
{
	uint32_t pass = pass_rows(g), further = geometry_row_total(g) - pass;
	uint32_t size = g->repair_rows < further ? g->repair_rows : further;
	if (size == 0)
		return false;
	uint32_t portions = further / size;
	uint32_t first = pass + plan->heals / 2 % portions * size;
	out->first_row = (uint8_t)first;
	out->row_end = (uint8_t)(first + size);
	return true;
}

static bool is_portion(const struct plan *plan)
{
	return plan->heals % 2 == 0;
}

static uint64_t heal_delay_ms(const struct plan *plan)
{
	uint64_t delay = PLAN_HEAL_FIRST_MS;
	for (uint32_t i = 0; i < plan->heals && delay < PLAN_HEAL_LAST_MS; i++)
		delay *= 2;
	return delay < PLAN_HEAL_LAST_MS ? delay : PLAN_HEAL_LAST_MS;
}

void plan_heal(struct plan_step *out, const struct plan *plan, const struct geometry *g)
{
	struct plan_step step;
	set_whole(&step, g);
	if (is_portion(plan))
		(void)find_portion(plan, g, &step);
	/* its blocks follow one another */
	if (plan->block == 0)
		step.not_before_ms = plan->ended_ms + heal_delay_ms(plan);
	step.first_block = plan->block;
	step.block_end = plan->block + 1;
	*out = step;
}

void plan_heal_ended(struct plan *plan, const struct geometry *g, uint64_t now_ms)
{
	struct plan_step unused;
	plan->ended_ms = now_ms;
	plan->block++;
	if (plan->block < geometry_block_count(g))
		return;
	plan->block = 0;
	if ((!is_portion(plan) || !find_portion(plan, g, &unused)) && plan->passes < UINT32_MAX)
		plan->passes++;
	plan->heals++;
}

int plan_resend(struct plan_step *out, const struct plan *plan, const struct geometry *g, uint32_t block, uint8_t rows)
{
	struct plan_step step;
	uint32_t total = geometry_row_total(g), further = total - pass_rows(g);
	if ((block != RESEND_ALL && block >= geometry_block_count(g)) || rows > further)
		return VERDICT_BAD_LIMIT;
	set_whole(&step, g);
	if (block != RESEND_ALL) {
		step.first_block = block;
		step.block_end = block + 1;
	}
	if (rows > 0) {
		uint32_t resent = plan->resent + rows <= further ? plan->resent : 0;
		step.row_end = (uint8_t)(total - resent);
		step.first_row = (uint8_t)(step.row_end - rows);
	}
	*out = step;
	return 0;
}

void plan_resend_ended(struct plan *plan, const struct plan_step *step, const struct geometry *g)
{
	if (step->first_row >= pass_rows(g))
		plan->resent = geometry_row_total(g) - step->first_row;
	else if (step->block_end - step->first_block == geometry_block_count(g) && plan->passes < UINT32_MAX)
		plan->passes++;
}

bool plan_is_before(const struct plan *a, const struct plan *b)
{
	return a->heals != b->heals ? a->heals < b->heals : a->ended_ms < b->ended_ms;
}

uint64_t plan_step_bytes(const struct plan_step *step, const struct geometry *g)
{
	uint64_t whole = 0, last = 0;
	for (uint32_t row = step->first_row; row < step->row_end; row++) {
		whole += geometry_row_sent(g, step->first_block, row);
		last += geometry_row_sent(g, step->block_end - 1, row);
	}
	/* all blocks but the last of the object are alike */
	return ((uint64_t)(step->block_end - step->first_block - 1) * whole + last) * SYMBOL_BYTES;
}
