#include "clerk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/expecting.h"
#include "reception.h"
#include "vault.h"

enum file { STATUS, CATALOGUE, HEARD, EXPECTED };

static const char *const names[] = {[STATUS] = "status.json", [CATALOGUE] = "catalogue", [HEARD] = "heard",
				     [EXPECTED] = EXPECTING_FILE};

struct file_job {
	struct job job;
	struct clerk *clerk;
	enum file file;
	uint8_t *bytes;
	size_t len;
	int result;
};

static void run(struct job *job)
{
	struct file_job *j = (struct file_job *)job;
	int vault_fd = j->clerk->vault_fd;
	if (j->file == STATUS)
		j->result = status_store(vault_fd, (const char *)j->bytes, j->len);
	else if (j->file == CATALOGUE)
		j->result = vault_catalogue_store(vault_fd, j->bytes, j->len);
	else if (j->file == HEARD)
		j->result = vault_heard_store(vault_fd, j->bytes, j->len);
	else
		j->result = vault_expected_store(vault_fd, j->bytes, j->len);
}

static void done(struct job *job)
{
	struct file_job *j = (struct file_job *)job;
	struct clerk *clerk = j->clerk;
	int *told = &clerk->failures[j->file];
	if (j->file == STATUS)
		clerk->is_status_under_way = false;
	else if (j->file == CATALOGUE)
		clerk->is_catalogue_owed |= j->result != 0; /* a newer one may be owed as well */
	else if (j->result != 0 && j->file == HEARD)
		clerk->is_heard_owed = true;
	else if (j->result != 0)
		clerk->is_expected_owed = true;
	if (j->result != 0 && j->result != -ECANCELED && j->result != *told)
		event_tell(clerk->tell, LOG_ERR, "E2050", "keep: cannot write %s: %s", names[j->file],
			   strerror(-j->result));
	if (j->result != -ECANCELED)
		*told = j->result;
	free(j->bytes);
	free(j);
}

static bool submit(struct clerk *clerk, enum file file, uint8_t *bytes, size_t len)
{
	struct file_job *j = calloc(1, sizeof(*j));
	if (j == NULL) {
		free(bytes);
		return false;
	}
	*j = (struct file_job){
		.job = {.run = run, .done = done},
		.clerk = clerk,
		.file = file,
		.bytes = bytes,
		.len = len,
		.result = -ECANCELED,
	};
	workshop_submit(clerk->workshop, WORKER_CLERK, &j->job);
	return true;
}

void clerk_store_status(struct clerk *clerk, uint8_t *bytes, size_t len)
{
	clerk->is_status_under_way = submit(clerk, STATUS, bytes, len);
}

void clerk_keep_catalogue(struct clerk *clerk, uint8_t *bytes, size_t len)
{
	free(clerk->catalogue);
	clerk->catalogue = bytes;
	clerk->catalogue_len = len;
	clerk->is_catalogue_owed = true;
}

void clerk_store_catalogue(struct clerk *clerk)
{
	if (clerk->catalogue == NULL)
		return;
	uint8_t *bytes = clerk->catalogue;
	clerk->catalogue = NULL;
	clerk->is_catalogue_owed = !submit(clerk, CATALOGUE, bytes, clerk->catalogue_len);
}

void clerk_store_heard(struct clerk *clerk, uint8_t *bytes, size_t len)
{
	clerk->is_heard_owed = !submit(clerk, HEARD, bytes, len);
}

void clerk_store_expected(struct clerk *clerk, uint8_t *bytes, size_t len)
{
	clerk->is_expected_owed = !submit(clerk, EXPECTED, bytes, len);
}

void clerk_close(struct clerk *clerk)
{
	free(clerk->catalogue);
	clerk->catalogue = NULL;
}
