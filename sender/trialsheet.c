#include "trialsheet.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

static uint64_t offered(const struct trialsheet *sheet, size_t i)
{
	return trialsend_offered(&sheet->results[i], sheet->steps[i].size);
}

static bool is_reached(const struct trialsheet *sheet, size_t i)
{
	return offered(sheet, i) >= sheet->steps[i].rate_bits_per_s / 100 * TRIALSHEET_REACHED_PERCENT;
}

/* Behind the line of a step, when there is something to say of it. */
static void print_remark(const struct trialsheet *sheet, size_t i, FILE *out)
{
	const struct trialsend_result *r = &sheet->results[i];
	if (r->errors > 0)
		fprintf(out, "       %" PRIu64 " sends failed: %s\n", r->errors, strerror(-r->error));
	if (!is_reached(sheet, i))
		fputs("       this box did not reach the rate\n", out);
	if (r->held_ns >= 1000000)
		fprintf(out, "       held up for %" PRIu64 " ms, which the rate leaves out\n", r->held_ns / 1000000);
}

static void print_steps(const struct trialsheet *sheet, FILE *out)
{
	acceptance_print_heading(out, "What was sent", "傳送內容");
	fprintf(out, " %4s  %-7s %6s  %14s  %14s  %11s\n", "step", "tries", "packet", "wanted", "offered", "datagrams");
	for (size_t i = 0; i < sheet->done; i++) {
		const struct trial_step *s = &sheet->steps[i];
		char wanted[32], went[32], count[32];
		fprintf(out, " %4zu  %-7s %4u B  %14s  %14s  %11s\n", i + 1, s->purpose == TRIAL_RATE ? "rate" : "size", s->size,
			acceptance_rate(wanted, s->rate_bits_per_s), acceptance_rate(went, offered(sheet, i)),
			text_count(count, sizeof(count), sheet->results[i].datagrams));
		print_remark(sheet, i, out);
	}
}

static void print_result(const struct trialsheet *sheet, FILE *out)
{
	char text[32];
	uint64_t best = 0;
	size_t missed = 0;
	for (size_t i = 0; i < sheet->done; i++) {
		best = offered(sheet, i) > best ? offered(sheet, i) : best;
		missed += !is_reached(sheet, i);
	}
	acceptance_print_heading(out, "Result", "結果");
	if (sheet->done < sheet->planned)
		fprintf(out, " Stopped: %zu of %zu steps were sent. 測試中斷\n", sheet->done, sheet->planned);
	else
		fprintf(out, " All %zu steps were sent. 全部步驟已傳送\n", sheet->planned);
	fprintf(out, " At most %s of IP packets were offered to the link.\n", acceptance_rate(text, best));
	if (missed > 0)
		fprintf(out, " In %zu steps this box did not reach the rate that was wanted.\n", missed);
	fputs(" What has arrived only the receiving box knows: its sheet, of the same test id,\n"
	      " says whether the link is accepted. 是否驗收以同一測試編號之接收端紀錄為準\n", out);
}

void trialsheet_print(const struct trialsheet *sheet, FILE *out)
{
	acceptance_print_head(&sheet->acceptance, out);
	print_steps(sheet, out);
	print_result(sheet, out);
	acceptance_print_signatures(out);
}

int trialsheet_print_json(const struct trialsheet *sheet, FILE *out)
{
	struct json *object = json_object_new(), *steps = json_array_new();
	acceptance_set_json(object, &sheet->acceptance);
	json_set_number(object, "planned", sheet->planned);
	for (size_t i = 0; i < sheet->done; i++) {
		const struct trialsend_result *r = &sheet->results[i];
		struct json *step = json_object_new();
		json_set_number(step, "step", i + 1);
		json_set_text(step, "tries", sheet->steps[i].purpose == TRIAL_RATE ? "rate" : "size");
		json_set_number(step, "packet_bytes", sheet->steps[i].size);
		json_set_number(step, "duration_ms", sheet->steps[i].duration_ms);
		json_set_number(step, "rate_bits_per_s", sheet->steps[i].rate_bits_per_s);
		json_set_number(step, "offered_bits_per_s", offered(sheet, i));
		json_set_bool(step, "reached", is_reached(sheet, i));
		json_set_number(step, "datagrams", r->datagrams);
		json_set_number(step, "held_us", r->held_ns / 1000);
		json_set_number(step, "failed_sends", r->errors);
		json_append(steps, step);
	}
	json_set_child(object, "steps", steps);
	int result = json_print(object, out);
	json_free(object);
	return result;
}
