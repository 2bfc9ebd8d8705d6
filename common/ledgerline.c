#include "ledgerline.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cursor.h"
#include "io.h"
#include "text.h"
#include "verdict.h"

enum {
	TIME_LEN = 20, /* 2026-11-23T08:00:00Z */
	HASH_LEN = 2 * SUITE_DIGEST_BYTES,
	SIGNED_BYTES = NAME_BYTES + 8 + SUITE_DIGEST_BYTES + 8,
	N_DIGITS = 16, /* as many as LEDGER_N_MAX has */
	FILE_MODE = 0640,
};

/* ---- reading a line ---- */

/* What is left of a line; take_ functions move it on, or say no. */
struct rest {
	const char *at;
	const char *end;
};

static bool take_text(struct rest *r, const char *text)
{
	size_t len = strlen(text);
	if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* len characters into out, with a zero. */
static bool take_copy(struct rest *r, char *out, size_t len)
{
	if ((size_t)(r->end - r->at) < len)
		return false;
	memcpy(out, r->at, len);
	out[len] = 0;
	r->at += len;
	return true;
}

static bool take_number(struct rest *r, uint64_t *out)
{
	uint64_t value = 0;
	const char *start = r->at;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < N_DIGITS)
		value = value * 10 + (uint64_t)(*r->at++ - '0');
	*out = value;
	return r->at > start && *start != '0' && value <= LEDGER_N_MAX;
}

static bool take_hex(struct rest *r, uint8_t *out, size_t len)
{
	char hex[2 * SUITE_SIGNATURE_BYTES + 1];
	assert(2 * len < sizeof(hex));
	return take_copy(r, hex, 2 * len) && text_unhex(out, len, hex) == 0;
}

static bool take_time(struct rest *r, uint64_t *out)
{
	char time[TIME_LEN + 1];
	return take_copy(r, time, TIME_LEN) && time[10] == 'T' && text_parse_time(out, time) == 0;
}

/* a-z, then more of that and digits, '-' and `also`. */
static bool take_word(struct rest *r, const char **out, size_t *len, size_t max, char also)
{
	const char *start = r->at;
	while (r->at < r->end && ((*r->at >= 'a' && *r->at <= 'z') ||
				  (r->at > start && ((*r->at >= '0' && *r->at <= '9') ||
						     *r->at == '-' || *r->at == also))))
		r->at++;
	*out = start;
	*len = (size_t)(r->at - start);
	return *len >= 1 && *len <= max;
}

/* The rest is the caller's fields: their bytes are looked at, the hash answers for their meaning. */
static bool is_sound_end(const struct rest *r)
{
	if (r->at == r->end || r->end[-1] != '}' || (*r->at != ',' && r->end - r->at != 1))
		return false;
	bool is_ascii = true;
	for (const char *p = r->at; p < r->end; p++) {
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			return false;
		is_ascii = is_ascii && (uint8_t)*p < 0x80;
	}
	return is_ascii || text_is_utf8(r->at, (size_t)(r->end - r->at));
}

int ledger_line_parse(struct ledger_line *out, const char *text, size_t len)
{
	struct ledger_line line;
	struct rest r = {.at = text, .end = text + len};
	bool good = len < LEDGER_LINE_MAX && take_text(&r, "{\"n\":") && take_number(&r, &line.n) &&
		    take_text(&r, ",\"at\":\"") && take_time(&r, &line.at) &&
		    take_text(&r, "\",\"before\":\"") &&
		    take_hex(&r, line.before, sizeof(line.before)) &&
		    take_text(&r, "\",\"event\":\"") &&
		    take_word(&r, &line.event, &line.event_len, LEDGER_EVENT_MAX, '.') &&
		    take_text(&r, "\",\"result\":\"") &&
		    take_word(&r, &line.result, &line.result_len, LEDGER_RESULT_MAX, '-') &&
		    take_text(&r, "\"") && is_sound_end(&r);
	if (!good)
		return VERDICT_BAD_ENTRY;
	*out = line;
	return 0;
}

bool ledger_line_is(const struct ledger_line *line, const char *event)
{
	return line->event_len == strlen(event) && memcmp(line->event, event, line->event_len) == 0;
}

void ledger_line_hash(uint8_t out[static SUITE_DIGEST_BYTES], const char *text, size_t len)
{
	suite_hash(out, SUITE_DIGEST_BYTES, LEDGER_DOMAIN, NULL, 0, text, len);
}

/* ---- writing a line ---- */

int ledger_line_compose(char out[static LEDGER_LINE_MAX], size_t *len, const struct ledger_head *before,
			uint64_t at, const char *rest, size_t rest_len)
{
	char time[64], hash[HASH_LEN + 1];
	assert(rest_len > 2 && rest[0] == '{');
	int head = snprintf(out, LEDGER_LINE_MAX, "{\"n\":%llu,\"at\":\"%s\",\"before\":\"%s\",",
			    (unsigned long long)before->n + 1, text_time(time, sizeof(time), at),
			    text_hex(hash, sizeof(hash), before->hash, SUITE_DIGEST_BYTES));
	assert(head > 0 && head < LEDGER_LINE_MAX);
	size_t used = (size_t)head;
	if (rest_len - 1 > LEDGER_LINE_MAX - 1 - used)
		return VERDICT_BAD_LENGTH;
	memcpy(out + used, rest + 1, rest_len - 1);
	used += rest_len - 1;
	out[used++] = '\n';
	*len = used;
	return 0;
}

/* LEDGER.md 3: box, the head that is signed, when. */
static void fill_signed(uint8_t out[static SIGNED_BYTES], const char *box,
			const struct ledger_head *head, uint64_t at)
{
	struct writer w = writer_of(out, SIGNED_BYTES);
	size_t name_len = strnlen(box, NAME_BYTES - 1);
	write_bytes(&w, box, name_len);
	write_zeros(&w, NAME_BYTES - name_len);
	write_u64(&w, head->n);
	write_bytes(&w, head->hash, SUITE_DIGEST_BYTES);
	write_u64(&w, at);
	assert(!w.overrun && w.at == SIGNED_BYTES);
}

static int compose_checkpoint(char out[static LEDGER_LINE_MAX], size_t *len,
			      const struct ledger_head *before, uint64_t at,
			      const struct ledger_checkpoint *c)
{
	char key_id[2 * KEY_ID_BYTES + 1], signature[2 * SUITE_SIGNATURE_BYTES + 1], rest[512];
	int n = snprintf(rest, sizeof(rest),
			 "{\"event\":\"checkpoint\",\"result\":\"ok\",\"box\":\"%s\",\"key\":\"%s\","
			 "\"signature\":\"%s\"}",
			 c->box, text_hex(key_id, sizeof(key_id), c->key_id, KEY_ID_BYTES),
			 text_hex(signature, sizeof(signature), c->signature, SUITE_SIGNATURE_BYTES));
	assert(n > 0 && (size_t)n < sizeof(rest));
	return ledger_line_compose(out, len, before, at, rest, (size_t)n);
}

int ledger_checkpoint_compose(char out[static LEDGER_LINE_MAX], size_t *len,
			      const struct ledger_head *before, uint64_t at, const struct key *box)
{
	struct ledger_checkpoint c;
	uint8_t data[SIGNED_BYTES];
	memcpy(c.box, box->card.name, NAME_BYTES);
	memcpy(c.key_id, box->card.id, KEY_ID_BYTES);
	fill_signed(data, c.box, before, at);
	int result = suite_sign(c.signature, LEDGER_DOMAIN, data, sizeof(data), box->secret);
	return result != 0 ? result : compose_checkpoint(out, len, before, at, &c);
}

static void head_before(struct ledger_head *out, const struct ledger_line *line)
{
	out->n = line->n - 1;
	memcpy(out->hash, line->before, SUITE_DIGEST_BYTES);
}

int ledger_checkpoint_parse(struct ledger_checkpoint *out, const struct ledger_line *line,
			    const char *text, size_t len)
{
	struct ledger_checkpoint c = {.box = ""};
	struct ledger_head head;
	struct rest r = {.at = line->result + line->result_len, .end = text + len};
	const char *box;
	size_t box_len;
	if (!take_text(&r, "\",\"box\":\"") ||
	    !take_word(&r, &box, &box_len, NAME_BYTES - 1, '-') || !take_text(&r, "\",\"key\":\"") ||
	    !take_hex(&r, c.key_id, KEY_ID_BYTES) || !take_text(&r, "\",\"signature\":\"") ||
	    !take_hex(&r, c.signature, SUITE_SIGNATURE_BYTES))
		return VERDICT_BAD_ENTRY;
	memcpy(c.box, box, box_len);
	/* whatever is not signed must have one form only, or somebody could change it */
	char again[LEDGER_LINE_MAX];
	size_t again_len;
	head_before(&head, line);
	int result = compose_checkpoint(again, &again_len, &head, line->at, &c);
	if (result != 0 || again_len != len + 1 || memcmp(again, text, len) != 0)
		return VERDICT_BAD_ENTRY;
	*out = c;
	return 0;
}

bool ledger_line_is_signed(const char *text, size_t len)
{
	static const char label[] = "\"signature\":\"";
	size_t tail = strlen(label) + 2 * (size_t)SUITE_SIGNATURE_BYTES + strlen("\"}");
	return len > tail && memcmp(text + len - tail, label, strlen(label)) == 0;
}

int ledger_checkpoint_check(const struct ledger_checkpoint *checkpoint, const struct ledger_line *line,
			    const struct card *box)
{
	uint8_t data[SIGNED_BYTES];
	struct ledger_head head;
	if (strcmp(checkpoint->box, box->name) != 0 ||
	    memcmp(checkpoint->key_id, box->id, KEY_ID_BYTES) != 0)
		return VERDICT_UNKNOWN_KEY;
	head_before(&head, line);
	fill_signed(data, checkpoint->box, &head, line->at);
	return suite_verify(checkpoint->signature, LEDGER_DOMAIN, data, sizeof(data),
			    box->public_key);
}

/* ---- files ---- */

uint32_t ledger_day(uint64_t time_s)
{
	char text[64];
	text_time(text, sizeof(text), time_s);
	/* 2026-11-23T… */
	return (uint32_t)(strtoul(text, NULL, 10) * 10000 + strtoul(text + 5, NULL, 10) * 100 +
			  strtoul(text + 8, NULL, 10));
}

void ledger_file_name(char out[static LEDGER_FILE_NAME_BYTES], const struct ledger_file *file)
{
	int n = snprintf(out, LEDGER_FILE_NAME_BYTES, "%016llu-%08u.jsonl",
			 (unsigned long long)file->first, file->day);
	assert(n == LEDGER_FILE_NAME_BYTES - 1);
}

bool ledger_file_parse(struct ledger_file *out, const char *name)
{
	char again[LEDGER_FILE_NAME_BYTES];
	if (strlen(name) != LEDGER_FILE_NAME_BYTES - 1 || strspn(name, "0123456789") != N_DIGITS ||
	    strspn(name + N_DIGITS + 1, "0123456789") != 8)
		return false;
	struct ledger_file file = {.first = strtoull(name, NULL, 10),
				   .day = (uint32_t)strtoul(name + N_DIGITS + 1, NULL, 10)};
	if (file.first < 1 || file.first > LEDGER_N_MAX)
		return false;
	ledger_file_name(again, &file);
	if (strcmp(again, name) != 0)
		return false;
	*out = file;
	return true;
}

static int compare_files(const void *a, const void *b)
{
	const struct ledger_file *left = a, *right = b;
	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	return left->day < right->day ? -1 : left->day > right->day;
}

struct file_list {
	struct ledger_file *files;
	size_t count;
	size_t size;
};

static int take_name(int dir_fd, const char *name, void *context)
{
	struct file_list *list = context;
	struct ledger_file file;
	(void)dir_fd;
	if (!ledger_file_parse(&file, name))
		return 0;
	if (list->count == LEDGER_FILES_MAX)
		return VERDICT_BAD_LIMIT;
	if (list->count == list->size) {
		size_t size = list->size == 0 ? 64 : 2 * list->size;
		struct ledger_file *grown = reallocarray(list->files, size, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		list->files = grown;
		list->size = size;
	}
	list->files[list->count++] = file;
	return 0;
}

int ledger_file_list(int dir_fd, struct ledger_file **out, size_t *count)
{
	struct file_list list = {.files = NULL};
	int result = io_each_name(io_open_dir(dir_fd, "."), take_name, &list);
	if (result != 0) {
		free(list.files);
		return result;
	}
	if (list.count > 1)
		qsort(list.files, list.count, sizeof(*list.files), compare_files);
	*out = list.files;
	*count = list.count;
	return 0;
}

int ledger_file_open(int dir_fd, const struct ledger_file *file, int flags)
{
	char name[LEDGER_FILE_NAME_BYTES];
	struct stat st;
	ledger_file_name(name, file);
	/* O_NONBLOCK: a FIFO put in a file's place must not hold the program up */
	int fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
	if (fd < 0)
		return -errno;
	int result = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EINVAL : fd;
	if (result < 0)
		io_close(fd);
	return result;
}
