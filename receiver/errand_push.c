/* Pushing out to the disk what has been written: nobody waits for it, and of what fails the next store is told. */
#include <fcntl.h>
#include <stdlib.h>

#include "common/io.h"
#include "errand.h"

struct push_job {
	struct job job;
	struct reception *reception;
	struct arrival *arrival;
	struct bundle_id id;
	struct unpushed range;
};

static void run_push(struct job *job)
{
	struct push_job *j = (struct push_job *)job;
	int dir_fd = partial_open_dir(&j->reception->site, &j->id);
	if (dir_fd < 0)
		return; /* it was given up */
	int fd = openat(dir_fd, PARTIAL_OBJECT, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)sync_file_range(fd, (off_t)j->range.begin, (off_t)(j->range.end - j->range.begin),
				      SYNC_FILE_RANGE_WRITE);
	io_close(fd);
	io_close(dir_fd);
}

static void done_push(struct job *job)
{
	struct push_job *j = (struct push_job *)job;
	j->arrival->errands--;
	j->arrival->is_pushed_now = false;
	free(j);
}

void errand_note_written(void *reception, void *arrival, uint64_t begin, uint64_t end)
{
	struct reception *r = reception;
	struct arrival *a = arrival;
	struct unpushed *u = &a->unpushed;
	if (a->bundle == NULL)
		return;
	u->begin = u->bytes == 0 || begin < u->begin ? begin : u->begin;
	u->end = u->bytes == 0 || end > u->end ? end : u->end;
	u->bytes += end - begin;
	if (u->bytes < ERRAND_PUSH_BYTES || a->is_pushed_now)
		return;
	struct push_job *j = calloc(1, sizeof(*j));
	if (j == NULL)
		return; /* with the next one */
	*j = (struct push_job){
		.job = {.run = run_push, .done = done_push},
		.reception = r,
		.arrival = a,
		.id = a->id,
		.range = *u,
	};
	*u = (struct unpushed){0, 0, 0};
	a->is_pushed_now = true;
	a->errands++;
	workshop_submit(r->o.workshop, WORKER_CLERK, &j->job);
}
