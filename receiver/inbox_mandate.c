#include "inbox_mandate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

int inbox_annals_open(struct inbox_annals *out, const struct inbox *inbox)
{
	struct annals_found found;
	struct custody_found custody_found;
	*out = (struct inbox_annals){NULL, NULL};
	int result = annals_open(&out->annals, inbox->vault, false, &found);
	if (result != 0)
		return command_fail(result, "cannot read the annals of the vault");
	result = custody_open(&out->custody, inbox->vault, false, &custody_found);
	if (result != 0)
		return command_fail(result, "cannot read the holds of the vault");
	if (custody_found.damaged > 0)
		command_say("%zu holds or purges cannot be read, the first is '%s'; weir-keep destroys nothing meanwhile",
			    custody_found.damaged, custody_found.name);
	return EXIT_DONE;
}

void inbox_annals_close(struct inbox_annals *annals)
{
	annals_close(annals->annals);
	custody_close(annals->custody);
}

static bool is_here(const struct annal *annal)
{
	return annal->what == ANNAL_DELIVERED || annal->what == ANNAL_DAMAGED;
}

int chosen_add(struct chosen *c, const struct annal *annal)
{
	if ((c->count & (c->count - 1)) == 0) {
		size_t size = c->count == 0 ? 1 : c->count * 2;
		struct annal *grown = reallocarray(c->all, size, sizeof(*grown));
		if (grown == NULL)
			return command_fail(-ENOMEM, "cannot choose bundles");
		c->all = grown;
	}
	c->all[c->count++] = *annal;
	return EXIT_DONE;
}

/* How many epochs have a bundle of this name here; one of them. */
static size_t find(const struct inbox_annals *a, const char *route, uint64_t number, struct annal *out)
{
	size_t found = 0, count = annals_count(a->annals);
	for (size_t i = 0; i < count; i++) {
		struct annal annal;
		annals_at(a->annals, i, &annal);
		if (annal.id.number != number || !is_here(&annal) || strcmp(annal.route, route) != 0)
			continue;
		*out = annal;
		found++;
	}
	return found;
}

int chosen_add_name(struct chosen *c, const struct inbox_annals *a, const char *name)
{
	char plain[INBOX_NAME_BYTES], shown[SHOWN_BYTES], route[NAME_BYTES];
	uint64_t number;
	struct annal annal;
	size_t found = 0;
	text_escape_name(shown, sizeof(shown), name);
	snprintf(plain, sizeof(plain), "%s", name);
	char *at = strchr(plain, '@');
	if (at != NULL)
		*at++ = 0;
	if (bundle_name_parse(plain, route, &number) != 0)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "'%s'", shown);
	if (at == NULL)
		found = find(a, route, number, &annal);
	else
		found = strlen(at) == 16 && annals_find_name(a->annals, strtoull(at, NULL, 16), route, number, &annal) &&
			is_here(&annal);
	if (found == 0)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "'%s'", shown);
	if (found == 1)
		return chosen_add(c, &annal);
	command_say("'%s': several epochs have a bundle of that name; say '%s@EPOCH', as 'list' shows it", shown, shown);
	return EXIT_REFUSED;
}

static int compare(const void *a, const void *b)
{
	const struct annal *x = a, *y = b;
	return mandate_compare(&x->id, &y->id);
}

static uint64_t size_of(const struct inbox *inbox, const struct annal *annal)
{
	char path[ANNAL_PATH_BYTES], whole[ANNAL_PATH_BYTES + 16];
	struct stat st;
	bool is_damaged = annal->what == ANNAL_DAMAGED;
	if (is_damaged)
		annal_damaged_name(path, annal);
	else
		annal_path(path, annal);
	snprintf(whole, sizeof(whole), "%s/%s", is_damaged ? "damaged" : "bundles", path);
	return fstatat(inbox->vault, whole, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

int chosen_finish(struct chosen *c, const struct inbox *inbox)
{
	size_t kept = 0;
	if (c->count == 0) {
		command_say("there is no such bundle in the vault [%s]", verdict_name(VERDICT_NO_SUCH_BUNDLE));
		return EXIT_REFUSED;
	}
	qsort(c->all, c->count, sizeof(*c->all), compare);
	for (size_t i = 0; i < c->count; i++) {
		if (kept > 0 && compare(&c->all[kept - 1], &c->all[i]) == 0)
			continue;
		c->all[kept++] = c->all[i];
		c->bytes += size_of(inbox, &c->all[kept - 1]);
	}
	c->count = kept;
	return EXIT_DONE;
}

void chosen_free(struct chosen *c)
{
	free(c->all);
	*c = (struct chosen){NULL, 0, 0};
}

void chosen_name(char out[static INBOX_NAME_BYTES], const struct inbox_annals *a, const struct annal *annal)
{
	struct annal other;
	char name[ANNAL_PATH_BYTES];
	if (find(a, annal->route, annal->id.number, &other) > 1) {
		annal_damaged_name(name, annal);
		name[strlen(name) - strlen(".weir")] = 0;
	} else {
		bundle_name(name, annal->route, annal->id.number);
	}
	snprintf(out, INBOX_NAME_BYTES, "%.*s", INBOX_NAME_BYTES - 1, name);
}

/* The box that the vault belongs to, as keep says. */
static int find_box(uint8_t key_id[static KEY_ID_BYTES], const struct inbox *inbox)
{
	struct inbox_status status;
	int result = inbox_status_load(&status, inbox->vault);
	if (result == 0) {
		result = text_unhex(key_id, KEY_ID_BYTES, json_get_text(status.view, "box_key", ""));
		inbox_status_free(&status);
	}
	if (result == 0)
		return EXIT_DONE;
	command_say("which box this is cannot be read from vault/status.json: start weir-keep, and try again");
	return EXIT_ENVIRONMENT;
}

/* One signed part, for the caller to free. */
struct part {
	uint8_t *bytes;
	size_t len;
};

static int sign_part(struct part *out, const struct signer *signer, struct mandate *m)
{
	uint8_t *bytes = malloc(MANDATE_BYTES_MAX);
	int result = bytes == NULL ? -ENOMEM : 0;
	if (result == 0) {
		suite_random(m->id, sizeof(m->id));
		size_t len = mandate_signed(bytes, m);
		result = signer_sign(signer, &m->signature, MANDATE_DOMAIN, bytes, len);
	}
	if (result != 0) {
		free(bytes);
		return command_fail(result, "cannot sign");
	}
	out->len = mandate_encode(bytes, m);
	out->bytes = bytes;
	return EXIT_DONE;
}

static int sign_all(struct part *parts, size_t count, const struct signer *signer, struct mandate *m,
		    const struct chosen *chosen)
{
	struct bundle_id bundles[MANDATE_BUNDLES_MAX];
	int code = EXIT_DONE;
	for (size_t i = 0; code == EXIT_DONE && i < count; i++) {
		size_t first = i * MANDATE_BUNDLES_MAX;
		size_t left = chosen == NULL ? 0 : chosen->count - first;
		m->count = (uint16_t)(left < MANDATE_BUNDLES_MAX ? left : MANDATE_BUNDLES_MAX);
		for (size_t j = 0; j < m->count; j++)
			bundles[j] = chosen->all[first + j].id;
		m->bundles = bundles;
		code = sign_part(&parts[i], signer, m);
	}
	m->bundles = NULL;
	return code;
}

/* Parts that keep has taken stay taken when a later one is refused: which is said. */
static int bring_all(struct inbox *inbox, const struct part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int result = inbox_bring_mandate(inbox, parts[i].bytes, parts[i].len);
		if (result == 0)
			continue;
		int code = inbox_fail_answer(result, "weir-keep does not take the order");
		if (i > 0)
			command_say("the first %zu bundles of it were taken", i * MANDATE_BUNDLES_MAX);
		return code;
	}
	return EXIT_DONE;
}

static int sign_and_bring(struct inbox *inbox, const struct signer *signer, struct mandate *m,
			  const struct chosen *chosen)
{
	const struct card *card = signer_card(signer);
	size_t count = chosen == NULL ? 1 : (chosen->count + MANDATE_BUNDLES_MAX - 1) / MANDATE_BUNDLES_MAX;
	struct part *parts = calloc(count, sizeof(*parts));
	if (parts == NULL)
		return command_fail(-ENOMEM, "cannot sign");
	memcpy(m->person, card->name, NAME_BYTES);
	memcpy(m->person_key, card->id, KEY_ID_BYTES);
	int code = sign_all(parts, count, signer, m, chosen);
	if (code == EXIT_DONE)
		code = inbox_confine(false);
	if (code == EXIT_DONE)
		code = bring_all(inbox, parts, count);
	for (size_t i = 0; i < count; i++)
		free(parts[i].bytes);
	free(parts);
	return code;
}

int inbox_order(struct inbox *inbox, const struct inbox_options *options, enum mandate_kind kind,
		const char *case_name, const struct chosen *chosen)
{
	struct signer *signer = NULL;
	struct mandate m = {.kind = kind, .time = (uint64_t)time(NULL)};
	const char *key = options->key != NULL ? options->key : getenv("WEIR_KEY");
	if (key == NULL)
		return command_usage("whose order is it? Say --key FILE, or WEIR_KEY");
	snprintf(m.name, sizeof(m.name), "%s", case_name);
	int code = find_box(m.box_key, inbox);
	if (code == EXIT_DONE)
		code = signer_open(&signer, KEY_PERSON, key, options->person, options->passphrase_file);
	if (code == EXIT_DONE)
		code = sign_and_bring(inbox, signer, &m, chosen);
	signer_free(signer);
	return code;
}
