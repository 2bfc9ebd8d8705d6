#include "trialreport.h"

#include <inttypes.h>
#include <stdbool.h>

#include "chart.h"
#include "common/text.h"

#define FAILURE_SHOWN 1e-9
enum { BUFFERS = 4 }; /* that a step has to fill */

static const char *purpose_name(enum trial_purpose purpose)
{
	return purpose == TRIAL_RATE ? "rate" : "size";
}

static void print_verdict(const struct trialreport *report, FILE *out)
{
	const struct recommendation *r = report->recommendation;
	char rate[32];
	acceptance_print_heading(out, "Verdict", "判定");
	if (r->is_accepted)
		fprintf(out, " ACCEPTED at %s 驗收合格\n", acceptance_rate(rate, r->rate_bits_per_s));
	else
		fprintf(out, " NOT ACCEPTED 驗收不合格\n %s\n", r->reason);
	fputs(" Counts together with the sending box's sheet of the same test id.\n"
	      " 須與同一測試編號之傳送端紀錄併存\n", out);
}

static void print_step(const struct course_step *s, size_t number, FILE *out)
{
	char rate[32], through[32], lost[32];
	if (!s->is_heard) {
		fprintf(out, " %4zu  missed: nothing of it was heard\n", number);
		return;
	}
	fprintf(out, " %4zu  %-5s %4u B %15s %15s %10s %7.2f %%%s%s\n", number, purpose_name(s->plan.purpose), s->plan.size,
		acceptance_rate(rate, s->plan.rate_bits_per_s),
		acceptance_rate(through, tally_goodput(&s->tally, s->plan.size)),
		text_count(lost, sizeof(lost), tally_lost(&s->tally)), tally_loss(&s->tally) * 100,
		tally_lost(&s->tally) > 0 ? "  " : "", tally_lost(&s->tally) > 0 ? course_place(s) : "");
	if (!s->tally.is_end_heard)
		fputs("       its end was not heard: what was lost there is not counted\n", out);
	uint64_t offered = tally_offered(&s->tally, s->plan.size);
	if (offered != 0 && offered < s->plan.rate_bits_per_s / 100 * 95)
		fprintf(out, "       of which only %s was offered: the sending box could not do more\n",
			acceptance_rate(rate, offered));
}

static void print_steps(const struct trialreport *report, FILE *out)
{
	const struct course *c = report->course;
	acceptance_print_heading(out, "What came of each step", "各步驟結果");
	fprintf(out, " %4s  %-5s %6s %15s %15s %10s %9s  %s\n", "step", "tries", "packet", "rate", "came through", "lost", "", "where");
	for (size_t i = 0; i < c->steps; i++)
		print_step(&c->step[i], i + 1, out);
	fputs(" where: in the buffer of the socket, in the NIC or its queue, or before this box\n", out);
}

static void print_strays(const struct trialreport *report, FILE *out)
{
	const struct course *c = report->course;
	uint64_t reordered = 0, duplicates = 0, late = 0;
	for (size_t i = 0; i < c->steps; i++) {
		reordered += c->step[i].tally.reordered;
		duplicates += c->step[i].tally.duplicates;
		late += c->step[i].tally.late;
	}
	const struct {
		uint64_t count;
		const char *what;
	} lines[] = {
		{reordered, "datagrams came in another order"},
		{duplicates, "datagrams came twice"},
		{late + c->past, "datagrams came too late to count"},
		{report->strays.bad_tag, "datagrams had a wrong tag: damaged, forged, or of another link key"},
		{report->strays.malformed, "datagrams were no link test's"},
		{c->other_test, "datagrams were of another test"},
		{c->contradicting, "datagrams contradicted the plan"},
	};
	char count[32];
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].count > 0)
			fprintf(out, " %s %s\n", text_count(count, sizeof(count), lines[i].count), lines[i].what);
}

static void print_curves(const struct trialreport *report, unsigned int cells, FILE *out)
{
	acceptance_print_heading(out, "Loss over rate, and burst lengths", "遺失率與連續遺失長度");
	chart_print(out, cells, report->course, report->recommendation);
	print_strays(report, out);
}

/* The socket's buffer lets more through than the box can go on taking, until it is full. */
static bool may_be_buffer(const struct trialreport *report)
{
	size_t clean = report->recommendation->clean_step;
	const struct course_step *s = &report->course->step[clean > 0 ? clean - 1 : 0];
	return clean > 0 && s->tally.sent * s->plan.size < BUFFERS * report->socket_buffer;
}

static void print_findings(const struct trialreport *report, FILE *out)
{
	const struct recommendation *r = report->recommendation;
	char a[32], b[32];
	acceptance_print_heading(out, "Findings", "量測結論");
	fprintf(out, " Carried cleanly: %s, in step %zu, with %.3f %% lost at most.\n",
		acceptance_rate(a, r->clean_bits_per_s), r->clean_step, r->held_loss * 100);
	if (r->capacity_bits_per_s != 0)
		fprintf(out, " Capacity: %s came through, whatever more was offered.\n",
			acceptance_rate(b, r->capacity_bits_per_s));
	else
		fprintf(out, " Capacity: more than was offered, or nothing to be sure of.\n");
	fprintf(out, " Longest burst while it held: %.3f ms.\n", (double)r->burst_ns / 1e6);
	fprintf(out, " When twice the loss is lost, a pass of 64 GiB with this share of repair fails\n"
		" with a probability of %s%.0e.\n", r->failure < FAILURE_SHOWN ? "less than " : "",
		r->failure < FAILURE_SHOWN ? FAILURE_SHOWN : r->failure);
	if (may_be_buffer(report))
		fprintf(out, " The socket buffer of %s could hold much of a step: take longer ones, to\n"
			" be sure that this box goes on at this rate.\n", text_size(a, sizeof(a), report->socket_buffer));
}

/* Lines for the configurations. */
static void print_lines(const struct recommendation *r, FILE *out)
{
	char rate[32];
	acceptance_rate(rate, r->rate_bits_per_s);
	acceptance_print_heading(out, "Recommended", "建議設定");
	fprintf(out, " ; sender.conf, [link]\n rate = %s\n mtu = %" PRIu32 "\n repair_percent = %" PRIu32 ".%" PRIu32
		"\n survive_outage_ms = %" PRIu32 "\n ; receiver.conf, [link]\n rate = %s\n mtu = %" PRIu32 "\n",
		rate, r->mtu, r->repair_permille / 10, r->repair_permille % 10, r->survive_outage_ms, rate, r->mtu);
	if (r->mtu != r->size)
		fprintf(out, " The rate was found with packets of %u bytes; with the new mtu, test again.\n", r->size);
}

void trialreport_print(const struct trialreport *report, unsigned int cells, FILE *out)
{
	const struct recommendation *r = report->recommendation;
	acceptance_print_head(&report->acceptance, out);
	print_verdict(report, out);
	print_steps(report, out);
	print_curves(report, cells, out);
	if (r->clean_bits_per_s > 0)
		print_findings(report, out);
	if (r->is_accepted)
		print_lines(r, out);
	acceptance_print_signatures(out);
}

static void set_bursts(struct json *object, const struct tally_bursts *b)
{
	struct json *lengths = json_array_new(), *times = json_array_new();
	for (unsigned int i = 0; i < TALLY_LENGTHS; i++)
		json_append_number(lengths, b->of_length[i]);
	for (unsigned int i = 0; i < TALLY_TIMES; i++)
		json_append_number(times, b->of_time[i]);
	json_set_child(object, "bursts_by_length", lengths);
	json_set_child(object, "bursts_by_time", times);
	json_set_number(object, "longest_burst", b->longest);
	json_set_number(object, "longest_burst_us", b->longest_ns / 1000);
}

static struct json *step_json(const struct course_step *s, size_t number)
{
	struct json *step = json_object_new();
	json_set_number(step, "step", number);
	json_set_bool(step, "heard", s->is_heard);
	if (!s->is_heard)
		return step;
	json_set_text(step, "tries", purpose_name(s->plan.purpose));
	json_set_number(step, "packet_bytes", s->plan.size);
	json_set_number(step, "duration_ms", s->plan.duration_ms);
	json_set_number(step, "rate_bits_per_s", s->plan.rate_bits_per_s);
	json_set_number(step, "offered_bits_per_s", tally_offered(&s->tally, s->plan.size));
	json_set_number(step, "goodput_bits_per_s", tally_goodput(&s->tally, s->plan.size));
	json_set_number(step, "sent", s->tally.sent);
	json_set_number(step, "received", s->tally.received);
	json_set_number(step, "lost", tally_lost(&s->tally));
	json_set_number(step, "lost_per_million", (uint64_t)(tally_loss(&s->tally) * 1e6 + 0.5));
	json_set_text(step, "where", course_place(s));
	json_set_bool(step, "end_heard", s->tally.is_end_heard);
	json_set_number(step, "reordered", s->tally.reordered);
	json_set_number(step, "duplicates", s->tally.duplicates);
	json_set_number(step, "late", s->tally.late);
	json_set_number(step, "socket_drops", s->drops.socket);
	json_set_number(step, "nic_full", s->drops.nic.full);
	json_set_number(step, "nic_refused", s->drops.nic.refused);
	json_set_number(step, "nic_damaged", s->drops.nic.damaged);
	json_set_number(step, "backlog_drops", s->drops.nic.backlog);
	set_bursts(step, &s->tally.bursts);
	return step;
}

static void set_findings(struct json *object, const struct recommendation *r)
{
	json_set_number(object, "clean_step", r->clean_step);
	json_set_number(object, "clean_bits_per_s", r->clean_bits_per_s);
	json_set_number(object, "capacity_bits_per_s", r->capacity_bits_per_s);
	json_set_number(object, "knee_bits_per_s", r->knee_bits_per_s);
	json_set_number(object, "loss_per_million", (uint64_t)(r->held_loss * 1e6 + 0.5));
	json_set_number(object, "longest_burst_us", r->burst_ns / 1000);
	if (!r->is_accepted)
		return;
	struct json *settings = json_object_new();
	json_set_number(settings, "rate_bits_per_s", r->rate_bits_per_s);
	json_set_number(settings, "mtu", r->mtu);
	json_set_number(settings, "repair_permille", r->repair_permille);
	json_set_number(settings, "survive_outage_ms", r->survive_outage_ms);
	json_set_child(object, "recommended", settings);
}

int trialreport_print_json(const struct trialreport *report, FILE *out)
{
	const struct course *c = report->course;
	struct json *object = json_object_new(), *steps = json_array_new(), *strays = json_object_new();
	acceptance_set_json(object, &report->acceptance);
	json_set_bool(object, "accepted", report->recommendation->is_accepted);
	json_set_text(object, "reason", report->recommendation->reason);
	json_set_number(object, "missed_steps", course_missed(c));
	json_set_number(object, "socket_buffer_bytes", report->socket_buffer);
	set_findings(object, report->recommendation);
	json_set_number(strays, "bad_tag", report->strays.bad_tag);
	json_set_number(strays, "malformed", report->strays.malformed);
	json_set_number(strays, "other_test", c->other_test);
	json_set_number(strays, "contradicting", c->contradicting);
	json_set_number(strays, "past", c->past);
	json_set_child(object, "not_counted", strays);
	for (size_t i = 0; i < c->steps; i++)
		json_append(steps, step_json(&c->step[i], i + 1));
	json_set_child(object, "steps", steps);
	int result = json_print(object, out);
	json_free(object);
	return result;
}
