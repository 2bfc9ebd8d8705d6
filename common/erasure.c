#include "erasure.h"

#include <assert.h>
#include <errno.h>
#include <isa-l/erasure_code.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * The multiplication tables and one strip of all rows together should stay in a core's second-level
 * cache: ISA-L walks all source rows once for each few output rows.
 */
enum {
	TABLE_BYTES = 32, /* of ISA-L, for one coefficient */
	ROWS_END = 255,
	STRIP_CACHE_BYTES = 524288,
	STRIP_BYTES_MIN = 1024,
};

struct erasure {
	unsigned int source_rows;
	unsigned int repair_rows;
	uint8_t *matrix; /* (k + r) rows of k coefficients, the upper k the identity */
	uint8_t *tables; /* of the repair rows */
};

struct erasure_plan {
	const struct erasure *code;
	bool is_set;
	uint8_t present[ROWS_END];
	unsigned int missing_count;
	uint8_t missing[ROWS_END]; /* source rows to restore */
	uint8_t inputs[ROWS_END];  /* k rows to restore them from: source rows, then repair rows */
	uint8_t *square;           /* e by e coefficients */
	uint8_t *inverse;
	uint8_t *coefficients;     /* e by k, over inputs */
	uint8_t *tables;
};

void erasure_free(struct erasure *code)
{
	if (code == NULL)
		return;
	free(code->matrix);
	free(code->tables);
	free(code);
}

struct erasure *erasure_new(unsigned int source_rows, unsigned int repair_rows)
{
	assert(source_rows >= 1 && repair_rows >= 1 && source_rows + repair_rows <= ROWS_END);
	struct erasure *code = calloc(1, sizeof(*code));
	if (code == NULL)
		return NULL;
	unsigned int rows = source_rows + repair_rows;
	code->source_rows = source_rows;
	code->repair_rows = repair_rows;
	code->matrix = malloc((size_t)rows * source_rows);
	code->tables = malloc((size_t)TABLE_BYTES * source_rows * repair_rows);
	if (code->matrix == NULL || code->tables == NULL) {
		erasure_free(code);
		return NULL;
	}
	gf_gen_cauchy1_matrix(code->matrix, (int)rows, (int)source_rows);
	ec_init_tables((int)source_rows, (int)repair_rows,
		       code->matrix + (size_t)source_rows * source_rows, code->tables);
	return code;
}

static size_t strip_len(unsigned int inputs)
{
	assert(inputs > 0);
	size_t len = (size_t)STRIP_CACHE_BYTES / inputs / 64 * 64;
	return len < STRIP_BYTES_MIN ? STRIP_BYTES_MIN : len;
}

/* ISA-L takes its inputs as pointers to data that may be written, and does not write it. */
static uint8_t *unconst(const uint8_t *p)
{
	return (uint8_t *)(uintptr_t)p;
}

static void combine(uint8_t *tables, unsigned int input_count, uint8_t **inputs,
		    unsigned int output_count, uint8_t **outputs, size_t len)
{
	size_t strip = strip_len(input_count);
	while (len > 0) {
		size_t now = len < strip ? len : strip;
		ec_encode_data((int)now, (int)input_count, (int)output_count, tables, inputs,
			       outputs);
		for (unsigned int i = 0; i < input_count; i++)
			inputs[i] += now;
		for (unsigned int i = 0; i < output_count; i++)
			outputs[i] += now;
		len -= now;
	}
}

void erasure_encode(const struct erasure *code, const uint8_t *const *source,
		    unsigned int first_repair, unsigned int count, uint8_t *const *repair,
		    size_t len)
{
	assert(len % 64 == 0 && first_repair + count <= code->repair_rows);
	if (count == 0)
		return;
	uint8_t *inputs[ROWS_END], *outputs[ROWS_END];
	for (unsigned int i = 0; i < code->source_rows; i++)
		inputs[i] = unconst(source[i]);
	for (unsigned int i = 0; i < count; i++)
		outputs[i] = repair[first_repair + i];
	combine(code->tables + (size_t)TABLE_BYTES * code->source_rows * first_repair,
		code->source_rows, inputs, count, outputs, len);
}

void erasure_plan_free(struct erasure_plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->square);
	free(plan->inverse);
	free(plan->coefficients);
	free(plan->tables);
	free(plan);
}

struct erasure_plan *erasure_plan_new(const struct erasure *code)
{
	struct erasure_plan *plan = calloc(1, sizeof(*plan));
	if (plan == NULL)
		return NULL;
	size_t k = code->source_rows;
	size_t most = k < code->repair_rows ? k : code->repair_rows;
	plan->code = code;
	plan->square = malloc(most * most);
	plan->inverse = malloc(most * most);
	plan->coefficients = malloc(most * k);
	plan->tables = malloc(TABLE_BYTES * most * k);
	if (plan->square == NULL || plan->inverse == NULL || plan->coefficients == NULL ||
	    plan->tables == NULL) {
		erasure_plan_free(plan);
		return NULL;
	}
	return plan;
}

/* Fills missing and inputs; false when too few rows are there. */
static bool choose_rows(struct erasure_plan *plan, const uint8_t *present)
{
	unsigned int k = plan->code->source_rows;
	unsigned int rows = k + plan->code->repair_rows;
	unsigned int missing = 0, inputs = 0;
	for (unsigned int i = 0; i < k; i++)
		if (present[i])
			plan->inputs[inputs++] = (uint8_t)i;
		else
			plan->missing[missing++] = (uint8_t)i;
	for (unsigned int i = k; i < rows && inputs < k; i++)
		if (present[i])
			plan->inputs[inputs++] = (uint8_t)i;
	plan->missing_count = missing;
	return inputs == k;
}

/*
 * With e source rows missing and e repair rows R in their place, R = C_missing S_missing + C_there
 * S_there, so S_missing = inverse(C_missing) R + inverse(C_missing) C_there S_there.  Only the e by
 * e square is inverted.
 */
static void solve(struct erasure_plan *plan)
{
	const uint8_t *matrix = plan->code->matrix;
	unsigned int k = plan->code->source_rows, e = plan->missing_count;
	const uint8_t *repair = plan->inputs + (k - e);
	for (unsigned int i = 0; i < e; i++)
		for (unsigned int j = 0; j < e; j++)
			plan->square[i * e + j] = matrix[(size_t)repair[i] * k + plan->missing[j]];
	/* every square part of a Cauchy matrix has an inverse */
	int singular = gf_invert_matrix(plan->square, plan->inverse, (int)e);
	assert(singular == 0);
	for (unsigned int i = 0; i < e; i++) {
		uint8_t *out = plan->coefficients + (size_t)i * k;
		const uint8_t *inverse = plan->inverse + (size_t)i * e;
		for (unsigned int j = 0; j < k - e; j++) {
			uint8_t sum = 0;
			for (unsigned int m = 0; m < e; m++)
				sum ^= gf_mul(inverse[m],
					      matrix[(size_t)repair[m] * k + plan->inputs[j]]);
			out[j] = sum;
		}
		memcpy(out + (k - e), inverse, e);
	}
	ec_init_tables((int)k, (int)e, plan->coefficients, plan->tables);
}

int erasure_plan_set(struct erasure_plan *plan, const uint8_t *present)
{
	size_t rows = plan->code->source_rows + plan->code->repair_rows;
	if (plan->is_set && memcmp(plan->present, present, rows) == 0)
		return (int)plan->missing_count;
	plan->is_set = false;
	if (!choose_rows(plan, present))
		return -ENODATA;
	if (plan->missing_count > 0)
		solve(plan);
	memcpy(plan->present, present, rows);
	plan->is_set = true;
	return (int)plan->missing_count;
}

void erasure_recover(const struct erasure_plan *plan, uint8_t *const *rows, size_t len)
{
	assert(plan->is_set && len % 64 == 0);
	if (plan->missing_count == 0)
		return;
	uint8_t *inputs[ROWS_END], *outputs[ROWS_END];
	for (unsigned int i = 0; i < plan->code->source_rows; i++)
		inputs[i] = rows[plan->inputs[i]];
	for (unsigned int i = 0; i < plan->missing_count; i++)
		outputs[i] = rows[plan->missing[i]];
	combine(plan->tables, plan->code->source_rows, inputs, plan->missing_count, outputs, len);
}
