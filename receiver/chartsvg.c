/* The picture of chart.h.  Only numbers and words of our own come into it, so nothing has to be escaped. */
#include "chart.h"

#include <inttypes.h>

#include "common/acceptance.h"
#include "common/text.h"

enum {
	WIDTH = 840, HEIGHT = 740,
	LEFT = 90, PLOT_WIDTH = 660, /* of both plots */
	LOSS_TOP = 90, LOSS_HEIGHT = 250,
	BURST_TOP = 450, BURST_HEIGHT = 220,
	TICKS = 5,
};
#define LOSS_COLOUR "#b2182b"
#define THROUGH_COLOUR "#2166ac"
#define HELD_COLOUR "#92c5de"
#define GREY "#666666"

/* Where the scales of both curves end: at TICKS steps that are round. */
struct axes {
	double rate_most, loss_most;
	double rate_unit;           /* bits a second */
	const char *rate_name;
};

static bool is_shown(const struct course_step *s)
{
	return s->is_heard && s->plan.purpose == TRIAL_RATE;
}

/* The least of 1, 2, 2.5 and 5 times a power of ten of which TICKS reach so far. */
static double round_end(double most, double least)
{
	static const double steps[] = {1, 2, 2.5, 5};
	enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
	double power = least;
	for (size_t i = 0; steps[i % STEPS] * power * TICKS < most; i++)
		if (i % STEPS == STEPS - 1)
			power *= 10;
	for (size_t i = 0; i < STEPS; i++)
		if (steps[i] * power * TICKS >= most)
			return steps[i] * power * TICKS;
	return most;
}

static struct axes find_axes(const struct course *c)
{
	struct axes a = {0};
	for (size_t i = 0; i < c->steps; i++) {
		const struct course_step *s = &c->step[i];
		if (!is_shown(s))
			continue;
		if ((double)s->plan.rate_bits_per_s > a.rate_most)
			a.rate_most = (double)s->plan.rate_bits_per_s;
		if (tally_loss(&s->tally) > a.loss_most)
			a.loss_most = tally_loss(&s->tally);
	}
	a.loss_most = round_end(a.loss_most, 0.0001);
	a.rate_most = round_end(a.rate_most, 100000);
	a.rate_unit = a.rate_most >= 1e9 ? 1e9 : 1e6;
	a.rate_name = a.rate_most >= 1e9 ? "Gbit/s" : "Mbit/s";
	return a;
}

static double x_of(const struct axes *a, double rate)
{
	return LEFT + rate / a->rate_most * PLOT_WIDTH;
}

static double y_of(double share)
{
	return LOSS_TOP + LOSS_HEIGHT * (1 - share);
}

static void say(FILE *out, double x, double y, const char *anchor, const char *colour, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, anchor, colour, text);
}

static void draw_line(FILE *out, double x1, double y1, double x2, double y2, const char *style)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, style);
}

static void frame(FILE *out, int top, int height)
{
	fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"" GREY "\"/>\n", LEFT, top, PLOT_WIDTH,
		height);
}

static const char *joined(char out[static 64], const char *a, const char *b)
{
	snprintf(out, 64, "%s%s", a, b);
	return out;
}

/* Left: loss in percent; right: what came through; below: the rate. */
static void draw_scales(FILE *out, const struct axes *a)
{
	char text[64];
	for (int i = 0; i <= TICKS; i++) {
		double share = (double)i / TICKS;
		if (i > 0 && i < TICKS)
			draw_line(out, LEFT, y_of(share), LEFT + PLOT_WIDTH, y_of(share), "stroke=\"#dddddd\"");
		snprintf(text, sizeof(text), "%g %%", a->loss_most * share * 100);
		say(out, LEFT - 8, y_of(share) + 4, "end", LOSS_COLOUR, text);
		snprintf(text, sizeof(text), "%g", a->rate_most * share / a->rate_unit);
		say(out, LEFT + PLOT_WIDTH + 8, y_of(share) + 4, "start", THROUGH_COLOUR, text);
		say(out, x_of(a, a->rate_most * share), LOSS_TOP + LOSS_HEIGHT + 18, "middle", "#000000", text);
	}
	say(out, LEFT, LOSS_TOP - 10, "start", LOSS_COLOUR, "loss, % of datagrams");
	say(out, LEFT + PLOT_WIDTH, LOSS_TOP - 10, "end", THROUGH_COLOUR, joined(text, "came through, ", a->rate_name));
	say(out, LEFT + PLOT_WIDTH / 2.0, LOSS_TOP + LOSS_HEIGHT + 38, "middle", "#000000",
	    joined(text, "rate of the step, of IP packets, ", a->rate_name));
}

static void draw_curve(FILE *out, const struct course *c, const struct axes *a, bool is_loss)
{
	const char *colour = is_loss ? LOSS_COLOUR : THROUGH_COLOUR;
	fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < c->steps; i++) {
			const struct course_step *s = &c->step[i];
			if (!is_shown(s))
				continue;
			double through = (double)tally_goodput(&s->tally, s->plan.size) / a->rate_most;
			double x = x_of(a, (double)s->plan.rate_bits_per_s);
			double y = y_of(is_loss ? tally_loss(&s->tally) / a->loss_most : through < 1 ? through : 1);
			if (pass == 0)
				fprintf(out, "%.1f,%.1f ", x, y);
			else
				fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x, y, colour);
		}
		if (pass == 0)
			fputs("\"/>\n", out);
	}
}

static void mark_rate(FILE *out, const struct axes *a, const struct recommendation *r)
{
	char rate[32], text[64];
	double x = x_of(a, (double)r->rate_bits_per_s);
	if (r->rate_bits_per_s == 0)
		return;
	draw_line(out, x, LOSS_TOP, x, LOSS_TOP + LOSS_HEIGHT, "stroke=\"#1a7f37\" stroke-dasharray=\"6 4\"");
	snprintf(text, sizeof(text), "recommended: %s", text_rate(rate, sizeof(rate), r->rate_bits_per_s));
	bool is_right = x > LEFT + PLOT_WIDTH / 2.0;
	say(out, is_right ? x - 6 : x + 6, LOSS_TOP + 16, is_right ? "end" : "start", "#1a7f37", text);
}

static void draw_bursts(FILE *out, const struct chart_bursts *b)
{
	char text[40], class[CHART_CLASS_BYTES];
	unsigned int classes = b->classes > 0 ? b->classes : 1;
	double wide = (double)PLOT_WIDTH / classes, most = b->most > 0 ? (double)b->most : 1;
	frame(out, BURST_TOP, BURST_HEIGHT);
	for (unsigned int i = 0; i < b->classes; i++) {
		const uint64_t counts[] = {b->held[i], b->above[i]};
		for (int k = 0; k < 2; k++) {
			double height = (double)counts[k] / most * BURST_HEIGHT;
			fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
				LEFT + wide * (i + 0.1 + 0.4 * k), BURST_TOP + BURST_HEIGHT - height, wide * 0.38, height,
				k == 0 ? HELD_COLOUR : LOSS_COLOUR);
		}
		say(out, LEFT + wide * (i + 0.5), BURST_TOP + BURST_HEIGHT + 18, "middle", "#000000", chart_class(class, i));
	}
	/* there is no half of a burst */
	for (int i = 0; i <= 2; i += b->most > 0 && b->most % 2 == 0 ? 1 : 2) {
		snprintf(text, sizeof(text), "%.0f", most * i / 2);
		say(out, LEFT - 8, BURST_TOP + BURST_HEIGHT * (1 - i / 2.0) + 4, "end", "#000000", text);
	}
	if (b->classes == 0)
		say(out, LEFT + PLOT_WIDTH / 2.0, BURST_TOP + BURST_HEIGHT / 2.0, "middle", GREY, "nothing was lost");
	say(out, LEFT, BURST_TOP - 10, "start", "#000000", "bursts");
	say(out, LEFT + PLOT_WIDTH, BURST_TOP - 10, "end", "#000000", "light: up to the rate that held; dark: above it");
	say(out, LEFT + PLOT_WIDTH / 2.0, BURST_TOP + BURST_HEIGHT + 38, "middle", "#000000",
	    "length of a burst, datagrams lost one after the other");
}

void chart_print_svg(FILE *out, const struct course *c, const struct recommendation *r)
{
	char id[TEST_ID_BYTES], title[80];
	struct axes axes = find_axes(c);
	struct chart_bursts bursts;
	chart_add_bursts(&bursts, c, r);
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n", WIDTH, HEIGHT, WIDTH, HEIGHT);
	snprintf(title, sizeof(title), "Link test %s", acceptance_test_id(id, c->test_id));
	fprintf(out, "<title>%s</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", title, WIDTH, HEIGHT);
	fprintf(out, "<text x=\"%d\" y=\"36\" font-size=\"20\" fill=\"#000000\">%s</text>\n", LEFT, title);
	draw_scales(out, &axes);
	frame(out, LOSS_TOP, LOSS_HEIGHT);
	draw_curve(out, c, &axes, false);
	draw_curve(out, c, &axes, true);
	mark_rate(out, &axes, r);
	draw_bursts(out, &bursts);
	fputs("</svg>\n", out);
}
