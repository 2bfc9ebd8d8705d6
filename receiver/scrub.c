#include "scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "scrubparts.h"

#define STATE_FILE "scrub"

enum { DAY_S = 86400, FILE_MODE = 0640, DIRECTORY_MODE = 0750, STATE_BYTES = 128 };

struct scrub {
	struct scrub_options o;
	uint64_t now_s, began_s, stored_s, wait_s;
	bool is_round; /* one is on */
	bool is_under_way;
	size_t index;  /* of the next */
	struct bundle_id last;
};

struct scrub_job {
	struct job job;
	struct scrub *scrub;
	struct annal annal;
	int vault_fd;
	const atomic_bool *stop;
	char state[STATE_BYTES]; /* to be stored; "": not now */
	int result;
};

/* How far it is: a round that was not finished goes on behind the bundle that was read last. */

static void write_state(char out[static STATE_BYTES], const struct scrub *s)
{
	snprintf(out, STATE_BYTES, "%" PRIu64 " %s %016" PRIx64 " %u %" PRIu64 "\n", s->began_s,
		 s->is_round ? "on" : "done", s->last.epoch, s->last.route_id, s->last.number);
}

static void read_state(struct scrub *s)
{
	uint8_t *text = NULL;
	size_t len = 0;
	char word[8] = "", again[STATE_BYTES];
	if (io_read_file(s->o.vault_fd, STATE_FILE, STATE_BYTES, &text, &len) != 0)
		return;
	struct scrub read = *s;
	/* NOLINTNEXTLINE(cert-err34-c): what is not read as it was written is refused below */
	int count = sscanf((const char *)text, "%" SCNu64 " %7s %" SCNx64 " %" SCNu16 " %" SCNu64, &read.began_s, word,
			   &read.last.epoch, &read.last.route_id, &read.last.number);
	read.is_round = strcmp(word, "on") == 0;
	write_state(again, &read);
	/* anything else begins a round: it costs reading alone */
	if (count == 5 && strlen(again) == len && memcmp(again, text, len) == 0)
		*s = read;
	free(text);
}

int scrub_new(struct scrub **out, const struct scrub_options *options)
{
	struct scrub *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->o = *options;
	read_state(s);
	*out = s;
	return 0;
}

void scrub_free(struct scrub *s)
{
	free(s);
}

/* Setting aside */

static struct ledger_entry *entry_of(const struct annal *annal, bool is_missing)
{
	char name[BUNDLE_NAME_BYTES], epoch[17];
	bundle_name(name, annal->route, annal->id.number);
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, annal->id.epoch);
	struct ledger_entry *e = ledger_entry_new("damaged", 0);
	ledger_set_text(e, "bundle", name);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_number(e, "route_id", annal->id.route_id);
	ledger_set_number(e, "number", annal->id.number);
	ledger_set_hex(e, "push_id", annal->push_id, PUSH_ID_BYTES);
	if (is_missing)
		ledger_set_bool(e, "missing", true);
	return e;
}

/* Somebody may have destroyed it meanwhile. */
static bool is_still_delivered(const struct scrub *s, const struct annal *annal)
{
	struct annal now;
	return annals_find(s->o.annals, &annal->id, &now) && now.what == ANNAL_DELIVERED;
}

static void note_damaged(struct scrub *s, const struct annal *annal)
{
	struct annal damaged = *annal;
	damaged.what = ANNAL_DAMAGED;
	damaged.at = s->now_s;
	int result = annals_write(s->o.annals, &damaged, 1);
	/* then its file is in damaged/, and the next start notes it */
	if (result != 0)
		event_tell(s->o.tell, LOG_ERR, "E2071", "keep: what is damaged cannot be noted in vault/annals: %s",
			   verdict_explain(result));
	s->o.lost(s->o.context, &annal->id);
}

static void run_set_aside(struct job *job)
{
	struct scrub_job *j = (struct scrub_job *)job;
	j->result = scrub_set_aside(j->vault_fd, &j->annal);
}

static void done_set_aside(struct job *job)
{
	struct scrub_job *j = (struct scrub_job *)job;
	struct scrub *s = j->scrub;
	s->is_under_way = false;
	if (j->result == 0 && is_still_delivered(s, &j->annal))
		note_damaged(s, &j->annal);
	else if (j->result != 0 && j->result != -ECANCELED)
		event_tell(s->o.tell, LOG_ERR, "E2075", "keep: what is damaged cannot be set aside: %s",
			   strerror(-j->result));
	free(j);
}

static void set_aside(struct scrub *s, struct scrub_job *j)
{
	char name[BUNDLE_NAME_BYTES];
	bool is_missing = j->result == -ENOENT;
	bundle_name(name, j->annal.route, j->annal.id.number);
	event_tell(s->o.tell, LOG_CRIT, "E2075", "keep: '%s' in the vault %s; it is received again as long as the sender "
		   "offers it", name, is_missing ? "is not there any more" : "is damaged, and is set aside");
	if (diary_write(s->o.diary, entry_of(&j->annal, is_missing)) != 0) {
		/* it is found again when the ledger can be written */
		s->wait_s = s->now_s + SCRUB_RETRY_S;
		s->index--;
		s->is_under_way = false;
		free(j);
		return;
	}
	j->job = (struct job){.run = run_set_aside, .done = done_set_aside};
	j->result = -ECANCELED;
	workshop_submit(s->o.workshop, s->o.worker, &j->job);
}

/* Reading */

static void run_judge(struct job *job)
{
	struct scrub_job *j = (struct scrub_job *)job;
	j->result = scrub_judge(j->vault_fd, &j->annal, j->stop);
	/* what is not stored is read again */
	if (j->state[0] != 0)
		(void)io_write_file(j->vault_fd, STATE_FILE, j->state, strlen(j->state), FILE_MODE);
}

static void done_judge(struct job *job)
{
	struct scrub_job *j = (struct scrub_job *)job;
	struct scrub *s = j->scrub;
	bool is_lost = j->result == VERDICT_DAMAGED || j->result == -ENOENT;
	if (is_lost && is_still_delivered(s, &j->annal)) {
		set_aside(s, j);
		return;
	}
	if (j->result < 0 && j->result != -ENOENT) {
		s->wait_s = s->now_s + SCRUB_RETRY_S;
		s->index--;
	} else {
		s->last = j->annal.id;
	}
	s->is_under_way = false;
	free(j);
}

/* The annals may have forgotten some of those before it. */
static void find_place(struct scrub *s)
{
	struct annal annal;
	size_t count = annals_count(s->o.annals);
	if (s->index > 0 && s->index <= count) {
		annals_at(s->o.annals, s->index - 1, &annal);
		if (mandate_compare(&annal.id, &s->last) == 0)
			return;
	}
	for (s->index = 0; s->index < count; s->index++) {
		annals_at(s->o.annals, s->index, &annal);
		if (mandate_compare(&annal.id, &s->last) == 0)
			break;
	}
	s->index = s->index < count ? s->index + 1 : 0;
}

static bool find_next(struct scrub *s, struct annal *out)
{
	find_place(s);
	for (; s->index < annals_count(s->o.annals); s->index++) {
		annals_at(s->o.annals, s->index, out);
		if (out->what == ANNAL_DELIVERED) {
			s->index++;
			return true;
		}
		s->last = out->id;
	}
	return false;
}

static void end_round(struct scrub *s)
{
	char state[STATE_BYTES];
	s->is_round = false;
	s->index = 0;
	s->last = (struct bundle_id){.number = 0};
	write_state(state, s);
	int result = io_write_file(s->o.vault_fd, STATE_FILE, state, strlen(state), FILE_MODE);
	if (result != 0)
		event_tell(s->o.tell, LOG_WARNING, "E2078", "keep: vault/scrub cannot be written, so the vault is read again "
			   "at the next start: %s", strerror(-result));
}

static void begin_round(struct scrub *s)
{
	s->is_round = true;
	s->began_s = s->now_s;
	s->index = 0;
	s->last = (struct bundle_id){.number = 0};
}

void scrub_turn(struct scrub *s, uint64_t now_s)
{
	struct annal annal;
	s->now_s = now_s;
	if (s->is_under_way || now_s < s->wait_s)
		return;
	bool is_due = now_s >= s->began_s + (uint64_t)s->o.days * DAY_S || now_s < s->began_s;
	if (!s->is_round && !is_due)
		return;
	if (!s->is_round)
		begin_round(s);
	if (!find_next(s, &annal)) {
		end_round(s);
		return;
	}
	struct scrub_job *j = calloc(1, sizeof(*j));
	if (j == NULL) {
		s->wait_s = now_s + SCRUB_RETRY_S;
		return;
	}
	*j = (struct scrub_job){
		.job = {.run = run_judge, .done = done_judge},
		.scrub = s,
		.annal = annal,
		.vault_fd = s->o.vault_fd,
		.stop = workshop_stopping(s->o.workshop),
		.result = -ECANCELED,
	};
	if (now_s - s->stored_s >= SCRUB_STORE_S) {
		s->stored_s = now_s;
		write_state(j->state, s);
	}
	s->is_under_way = true;
	workshop_submit(s->o.workshop, s->o.worker, &j->job);
}

/* What was set aside */

static bool parse_name(const char *name, char plain[static BUNDLE_NAME_BYTES], uint64_t *epoch)
{
	const char *at = strchr(name, '@');
	size_t len = at == NULL ? 0 : (size_t)(at - name);
	if (len == 0 || len >= BUNDLE_NAME_BYTES || strlen(at) != strlen("@0123456789abcdef.weir"))
		return false;
	memcpy(plain, name, len);
	plain[len] = 0;
	*epoch = strtoull(at + 1, NULL, 16);
	return true;
}

static int mend(int dir_fd, const char *name, void *context)
{
	const struct scrub *s = context;
	char plain[BUNDLE_NAME_BYTES], route[NAME_BYTES];
	uint64_t epoch, number;
	struct annal annal;
	if (!parse_name(name, plain, &epoch) || bundle_name_parse(plain, route, &number) != 0 ||
	    !annals_find_name(s->o.annals, epoch, route, number, &annal) || annal.what == ANNAL_DAMAGED)
		return 0;
	if (annal.what == ANNAL_DELIVERED && !annal_has_file(s->o.vault_fd, &annal)) {
		annal.what = ANNAL_DAMAGED;
		return annals_write(s->o.annals, &annal, 1);
	}
	/* it came again, or was destroyed */
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int scrub_mend(struct scrub *s)
{
	int result = io_make_dir(s->o.vault_fd, SCRUB_FOLDER, DIRECTORY_MODE);
	return result == 0 ? io_each_name(io_open_dir(s->o.vault_fd, SCRUB_FOLDER), mend, s) : result;
}
