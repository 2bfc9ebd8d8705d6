#include "inspector.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/work.h"

_Static_assert((int)MEMBER_NAME_MAX < (int)INSPECTOR_BATCH_BYTES, "every name fits");

enum what { BEGINS, GOES_ON, ENDS };

struct step {
	enum what what;
	uint32_t len;     /* of its bytes: the name with its zero, or a piece */
	uint32_t columns; /* ENDS: what was found */
};

struct batch {
	int result;       /* of the first step that failed, this batch's or one's before */
	size_t step_count;
	size_t done;      /* steps that went well */
	size_t len;
	size_t most;      /* bytes that ever were in it: what there is to wipe */
	struct step steps[INSPECTOR_STEPS_MAX];
	uint8_t bytes[INSPECTOR_BATCH_BYTES];
};

struct inspector {
	struct inspection *inspection;
	inspector_columns *tell;
	void *context;
	bool looks;       /* at bytes; without it, only at names and ends */
	struct work *work;
	struct batch *batches;
	unsigned int filling;
	uint32_t members_told;
	int result;       /* known to the caller */
	int found;        /* the thread's */
};

static int take_step(struct inspection *inspection, struct step *step, const uint8_t *bytes)
{
	switch (step->what) {
	case BEGINS:
		return inspection_member_begin(inspection, (const char *)bytes);
	case GOES_ON:
		return inspection_add(inspection, bytes, step->len);
	case ENDS:
		return inspection_member_end(inspection, &step->columns);
	}
	return -EINVAL;
}

static void look(void *context, void *job, unsigned int thread)
{
	(void)thread;
	struct inspector *inspector = context;
	struct batch *batch = job;
	const uint8_t *bytes = batch->bytes;
	while (inspector->found == 0 && batch->done < batch->step_count) {
		struct step *step = &batch->steps[batch->done];
		inspector->found = take_step(inspector->inspection, step, bytes);
		bytes += step->len;
		batch->done += inspector->found == 0;
	}
	batch->result = inspector->found;
}

/* The oldest batch has been looked into, or is waited for. */
static void take_batch(struct inspector *inspector)
{
	const struct batch *batch = work_take(inspector->work);
	for (size_t i = 0; i < batch->done; i++)
		if (batch->steps[i].what == ENDS)
			inspector->tell(inspector->context, inspector->members_told++,
					batch->steps[i].columns);
	inspector->result = batch->result;
}

int inspector_push(struct inspector *inspector)
{
	struct batch *batch = &inspector->batches[inspector->filling];
	if (inspector->result != 0 || batch->step_count == 0)
		return inspector->result;
	work_give(inspector->work, batch);
	inspector->filling = (inspector->filling + 1) % INSPECTOR_BATCHES;
	if (work_count(inspector->work) == INSPECTOR_BATCHES)
		take_batch(inspector);
	batch = &inspector->batches[inspector->filling];
	batch->step_count = batch->done = batch->len = 0;
	return inspector->result;
}

int inspector_settle(struct inspector *inspector)
{
	(void)inspector_push(inspector);
	while (work_count(inspector->work) > 0)
		take_batch(inspector);
	return inspector->result;
}

/* As much of the bytes as has room; *taken says how much. */
static int add_step(struct inspector *inspector, enum what what, const void *bytes, size_t len, size_t *taken)
{
	struct batch *batch = &inspector->batches[inspector->filling];
	size_t room = INSPECTOR_BATCH_BYTES - batch->len;
	bool is_full = batch->step_count == INSPECTOR_STEPS_MAX || (what == BEGINS ? room < len : len > 0 && room == 0);
	if (is_full && inspector_push(inspector) != 0)
		return inspector->result;
	batch = &inspector->batches[inspector->filling];
	room = INSPECTOR_BATCH_BYTES - batch->len;
	*taken = len < room ? len : room;
	if (*taken > 0)
		memcpy(batch->bytes + batch->len, bytes, *taken);
	batch->len += *taken;
	batch->most = batch->len > batch->most ? batch->len : batch->most;
	batch->steps[batch->step_count++] = (struct step){.what = what, .len = (uint32_t)*taken};
	return 0;
}

int inspector_member_begin(struct inspector *inspector, const char *name, bool *is_control)
{
	size_t taken;
	int result = inspector->result;
	if (result == 0)
		result = add_step(inspector, BEGINS, name, strlen(name) + 1, &taken);
	if (result != 0)
		return result;
	*is_control = false;
	if (!inspection_has_controls(inspector->inspection))
		return 0;
	result = inspector_settle(inspector);
	if (result == 0)
		*is_control = inspection_is_control(inspector->inspection);
	return result;
}

int inspector_add(struct inspector *inspector, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (inspector->looks && inspector->result == 0 && len > 0) {
		size_t taken = 0;
		(void)add_step(inspector, GOES_ON, p, len, &taken);
		p += taken;
		len -= taken;
	}
	return inspector->result;
}

int inspector_member_end(struct inspector *inspector)
{
	size_t taken;
	return inspector->result != 0 ? inspector->result : add_step(inspector, ENDS, "", 0, &taken);
}

int inspector_new(struct inspector **out, struct inspection *inspection, inspector_columns *tell, void *context)
{
	struct inspector *inspector = calloc(1, sizeof(*inspector));
	if (inspector == NULL)
		return -ENOMEM;
	inspector->inspection = inspection;
	inspector->looks = inspection_looks(inspection);
	inspector->tell = tell;
	inspector->context = context;
	inspector->batches = calloc(INSPECTOR_BATCHES, sizeof(*inspector->batches));
	inspector->work = work_new(1, INSPECTOR_BATCHES, look, inspector);
	if (inspector->batches == NULL || inspector->work == NULL) {
		inspector_free(inspector);
		return -ENOMEM;
	}
	*out = inspector;
	return 0;
}

void inspector_free(struct inspector *inspector)
{
	if (inspector == NULL)
		return;
	work_free(inspector->work); /* the thread uses all that follows */
	for (unsigned int i = 0; inspector->batches != NULL && i < INSPECTOR_BATCHES; i++)
		suite_wipe(inspector->batches[i].bytes, inspector->batches[i].most);
	free(inspector->batches);
	free(inspector);
}
