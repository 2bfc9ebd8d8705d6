#include "chart.h"

#include <inttypes.h>
#include <string.h>

#include "common/acceptance.h"
#include "common/text.h"

enum { EIGHTHS = 8, RATE_CELLS = 16, LOSS_CELLS = 10, GOODPUT_CELLS = 16 };

void chart_add_bursts(struct chart_bursts *out, const struct course *c, const struct recommendation *r)
{
	*out = (struct chart_bursts){.most = 0};
	for (size_t i = 0; i < c->steps; i++) {
		const struct course_step *s = &c->step[i];
		if (!s->is_heard || s->plan.purpose != TRIAL_RATE)
			continue;
		uint64_t *sums = i < r->clean_step ? out->held : out->above;
		for (unsigned int k = 0; k < TALLY_LENGTHS; k++) {
			sums[k] += s->tally.bursts.of_length[k];
			if (sums[k] > 0 && k >= out->classes)
				out->classes = k + 1;
			if (sums[k] > out->most)
				out->most = sums[k];
		}
	}
}

char *chart_class(char out[static CHART_CLASS_BYTES], unsigned int class)
{
	uint64_t first = UINT64_C(1) << class;
	if (class == 0)
		snprintf(out, CHART_CLASS_BYTES, "1");
	else if (class == TALLY_LENGTHS - 1)
		snprintf(out, CHART_CLASS_BYTES, "%" PRIu64 "+", first);
	else
		snprintf(out, CHART_CLASS_BYTES, "%" PRIu64 "-%" PRIu64, first, 2 * first - 1);
	return out;
}

/* What is there is seen: never no cell at all. */
static void bar(FILE *out, double share, unsigned int cells)
{
	if (share > 0)
		fputs("  ", out);
	static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	unsigned int eighths = (unsigned int)(share * cells * EIGHTHS + 0.5);
	if (share > 0 && eighths == 0)
		eighths = 1;
	for (unsigned int i = 0; i < eighths / EIGHTHS; i++)
		fputs("█", out);
	fputs(parts[eighths % EIGHTHS], out);
	putc('\n', out);
}

static void print_losses(FILE *out, unsigned int cells, const struct course *c)
{
	unsigned int left = cells - RATE_CELLS - LOSS_CELLS - GOODPUT_CELLS - 4;
	double most = 0;
	for (size_t i = 0; i < c->steps; i++)
		if (c->step[i].is_heard && c->step[i].plan.purpose == TRIAL_RATE && tally_loss(&c->step[i].tally) > most)
			most = tally_loss(&c->step[i].tally);
	fprintf(out, " %*s %*s %*s  loss, the longest bar is %.2f %%\n", RATE_CELLS - 1, "rate", GOODPUT_CELLS - 1, "came through",
		LOSS_CELLS - 1, "lost", most * 100);
	for (size_t i = 0; i < c->steps; i++) {
		const struct course_step *s = &c->step[i];
		char rate[32], through[32];
		if (!s->is_heard || s->plan.purpose != TRIAL_RATE)
			continue;
		double loss = tally_loss(&s->tally);
		fprintf(out, " %*s %*s %*.2f %%", RATE_CELLS - 1, acceptance_rate(rate, s->plan.rate_bits_per_s),
			GOODPUT_CELLS - 1, acceptance_rate(through, tally_goodput(&s->tally, s->plan.size)),
			LOSS_CELLS - 3, loss * 100);
		bar(out, most > 0 ? loss / most : 0, left);
	}
}

static void print_bursts(FILE *out, unsigned int cells, const struct chart_bursts *bursts)
{
	char class[CHART_CLASS_BYTES], count[32];
	fprintf(out, "\n %*s %*s  bursts of so many datagrams in a row\n", RATE_CELLS - 1, "datagrams", GOODPUT_CELLS - 1,
		"bursts");
	if (bursts->classes == 0)
		fprintf(out, " %*s %*s  nothing was lost\n", RATE_CELLS - 1, "-", GOODPUT_CELLS - 1, "0");
	for (unsigned int i = 0; i < bursts->classes; i++) {
		uint64_t sum = bursts->held[i] + bursts->above[i];
		fprintf(out, " %*s %*s", RATE_CELLS - 1, chart_class(class, i), GOODPUT_CELLS - 1,
			text_count(count, sizeof(count), sum));
		bar(out, (double)sum / (2 * (double)bursts->most), cells - RATE_CELLS - GOODPUT_CELLS - 3);
	}
}

/* The same bursts by how long they lasted. */
static void print_times(FILE *out, const struct course *c)
{
	static const char *const names[TALLY_TIMES] = {"below 0.1 ms", "0.1 to 1 ms", "1 to 10 ms", "10 to 100 ms", "0.1 to 1 s",
		"longer"};
	char count[32];
	uint64_t sums[TALLY_TIMES] = {0};
	for (size_t i = 0; i < c->steps; i++)
		for (unsigned int k = 0; k < TALLY_TIMES && c->step[i].plan.purpose == TRIAL_RATE; k++)
			sums[k] += c->step[i].tally.bursts.of_time[k];
	putc('\n', out);
	for (unsigned int k = 0; k < TALLY_TIMES; k++)
		if (sums[k] > 0)
			fprintf(out, " %*s %*s\n", RATE_CELLS - 1, names[k], GOODPUT_CELLS - 1, text_count(count, sizeof(count), sums[k]));
}

void chart_print(FILE *out, unsigned int cells, const struct course *c, const struct recommendation *r)
{
	struct chart_bursts bursts;
	unsigned int fit = cells < CHART_CELLS_MIN ? CHART_CELLS_MIN : cells > CHART_CELLS_MAX ? CHART_CELLS_MAX : cells;
	chart_add_bursts(&bursts, c, r);
	print_losses(out, fit, c);
	print_bursts(out, fit, &bursts);
	print_times(out, c);
}
