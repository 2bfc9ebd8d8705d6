/* Every vector in tests/vectors comes to the verdict in its name, and what is refused releases nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/catalogue.h"
#include "common/datagram.h"
#include "common/io.h"
#include "common/judgement.h"
#include "common/passphrase.h"
#include "common/text.h"
#include "common/trial.h"
#include "common/verdict.h"
#include "receiver/unpack.h"
#include "tests/lib/tap.h"

#define VECTORS "tests/vectors/"
#define PASSPHRASE "correct horse battery staple"

enum { VECTOR_BYTES_MAX = 8 << 20, PATH_BYTES = 512 };

struct bytes {
	uint8_t *data;
	size_t len;
};

/* What the vectors are judged by: their README names it. */
struct world {
	struct roots *roots;
	struct registry *registry;
	struct tagger *tagger;
	struct key recipients[3];
	struct key psks[3];
	bool seen[VERDICT_COUNT_END];
};

typedef int judge(struct world *w, const char *name, const struct bytes *vector);

static struct bytes read_all(const char *path)
{
	struct bytes b = {0};
	int result = io_read_file(AT_FDCWD, path, VECTOR_BYTES_MAX, &b.data, &b.len);
	if (result != 0) {
		printf("Bail out! %s: %s\n", path, verdict_explain(result));
		exit(1);
	}
	return b;
}

static struct bytes read_vector(const char *name)
{
	char path[sizeof(VECTORS) + PATH_BYTES];
	snprintf(path, sizeof(path), VECTORS "%s", name);
	return read_all(path);
}

static void put_bytes(struct bytes *b, size_t at, const void *data, size_t len)
{
	if (at + len > b->len) {
		b->data = realloc(b->data, at + len + 1);
		memset(b->data + b->len, 0, at + len - b->len);
		b->len = at + len;
	}
	memcpy(b->data + at, data, len);
}

/* One line of a recipe: see tests/vectors/README.md. */
static bool apply(struct bytes *b, char *line)
{
	char *value = strchr(line, ' ');
	if (value == NULL)
		return false;
	*value++ = '\0';
	if (strcmp(line, "base") == 0) {
		*b = read_vector(value);
	} else if (strcmp(line, "append") == 0) {
		struct bytes more = read_vector(value);
		put_bytes(b, b->len, more.data, more.len);
		free(more.data);
	} else if (strcmp(line, "length") == 0) {
		b->len = strtoul(value, NULL, 10);
	} else {
		uint8_t raw[256];
		size_t len = strlen(value) / 2;
		if (len > sizeof(raw) || text_unhex(raw, len, value) != 0)
			return false;
		put_bytes(b, strtoul(line, NULL, 10), raw, len);
	}
	return true;
}

static struct bytes read_recipe(const char *name)
{
	struct bytes recipe = read_vector(name), b = {0};
	char *rest = (char *)recipe.data;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0' && !apply(&b, line))
			ok(false, "%s is a recipe", name);
	free(recipe.data);
	return b;
}

/* The vector with zeros behind it up to a whole segment. */
static void fill_segment(uint8_t out[static SEGMENT_BYTES], const struct bytes *vector)
{
	memset(out, 0, SEGMENT_BYTES);
	memcpy(out, vector->data, vector->len < SEGMENT_BYTES ? vector->len : SEGMENT_BYTES);
}

static int judge_key(struct world *w, const char *name, const struct bytes *v)
{
	(void)w, (void)name;
	struct key *key = NULL;
	int result = key_decode(&key, v->data, v->len, PASSPHRASE);
	ok((key != NULL) == (result == 0), "%s: a key comes out when it is good, and only then", name);
	key_free(key);
	return result;
}

static int judge_roots(struct world *w, const char *name, const struct bytes *v)
{
	(void)w, (void)name;
	struct roots *roots = NULL;
	char problem[PROBLEM_BYTES];
	int result = roots_parse(&roots, v->data, v->len, problem);
	roots_free(roots);
	return result;
}

static int judge_registry(struct world *w, const char *name, const struct bytes *v)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "";
	int result = registry_parse(&registry, v->data, v->len, w->roots, problem);
	ok((registry != NULL) == (result == 0), "%s: a registry comes out when it is good, and only then", name);
	note("%s", problem);
	registry_free(registry);
	return result;
}

static int judge_statement(struct world *w, const char *name, const struct bytes *v)
{
	(void)w;
	struct statement s;
	uint8_t again[STATEMENT_BYTES];
	int result = statement_decode(&s, v->data);
	if (result == 0) {
		statement_encode(again, &s);
		is_bytes(again, v->data, sizeof(again), "%s is encoded again as it was", name);
	}
	return result;
}

static int judge_release(struct world *w, const char *name, const struct bytes *v)
{
	uint8_t segment[SEGMENT_BYTES], again[SEGMENT_BYTES];
	fill_segment(segment, v);
	struct release r;
	struct endorsements endorsements;
	int result = release_segment_decode(&r, &endorsements, segment);
	if (result != 0)
		return result;
	/* but for the box's signature, whose key is not here */
	static const uint8_t seed[SUITE_KEY_BYTES];
	is_number(release_segment_encode(again, &r, &endorsements, seed), 0, "%s can be encoded", name);
	is_bytes(again, segment, BOX_SIGNATURE_AT, "%s is encoded again as it was", name);
	return release_check(w->registry, segment, &r, &endorsements);
}

/* The push statement that the heads belong to names the route "tax". */
static int judge_head(struct world *w, const char *name, const struct bytes *v)
{
	(void)w;
	static struct head h;
	uint8_t segment[SEGMENT_BYTES], again[SEGMENT_BYTES];
	fill_segment(segment, v);
	int result = head_decode(&h, segment);
	if (result != 0)
		return result;
	head_encode(again, &h);
	is_bytes(again, segment, sizeof(again), "%s is encoded again as it was", name);
	return strcmp(h.route, "tax") == 0 ? VERDICT_OK : VERDICT_WRONG_ROUTE;
}

static int judge_manifest(struct world *w, const char *name, const struct bytes *v)
{
	(void)w;
	struct manifest m = {0};
	int result = manifest_decode(&m, v->data, v->len);
	if (result == 0) {
		uint8_t *again = NULL;
		size_t len = 0;
		is_number(manifest_encode(&m, &again, &len), 0, "%s can be encoded", name);
		ok(len == v->len && memcmp(again, v->data, len) == 0, "%s is encoded again as it was", name);
		free(again);
		manifest_free(&m);
	}
	return result;
}

static int judge_message(struct world *w, const uint8_t *message, size_t len)
{
	const uint8_t *box_key;
	struct heartbeat beat;
	static struct page page;
	static struct heads heads;
	int result = VERDICT_BAD_MAGIC;
	switch (message_kind(message, len)) {
	case MESSAGE_HEARTBEAT:
		result = heartbeat_decode(&beat, message, len);
		box_key = beat.box_key;
		break;
	case MESSAGE_PAGE:
		result = page_decode(&page, message, len);
		box_key = page.box_key;
		break;
	case MESSAGE_HEADS:
		result = heads_decode(&heads, message, len);
		box_key = heads.box_key;
		break;
	case MESSAGE_UNKNOWN:
		break;
	}
	if (result != 0)
		return result;
	const struct party *box = registry_party_by_key(w->registry, KEY_SENDER, box_key);
	if (box == NULL)
		return VERDICT_UNKNOWN_KEY;
	return message_verify(message, len, box->card.public_key);
}

static int judge_control(struct world *w, const char *name, const struct bytes *v)
{
	(void)name;
	return judge_message(w, v->data, v->len);
}

static int judge_datagram(struct world *w, const char *name, const struct bytes *v)
{
	(void)name;
	struct datagram d;
	if (!datagram_tag_is_right(v->data, v->len, w->tagger))
		return VERDICT_BAD_TAG;
	int result = datagram_decode(&d, v->data, v->len);
	if (result == 0 && d.type == DATAGRAM_TYPE_CONTROL)
		result = judge_message(w, d.payload, d.payload_len);
	return result;
}

static int judge_trial(struct world *w, const char *name, const struct bytes *v)
{
	(void)name;
	struct trial t;
	uint8_t pattern[TRIAL_SIZE_MAX];
	trial_pattern(pattern, sizeof(pattern));
	return datagram_tag_is_right(v->data, v->len, w->tagger) ? trial_decode(&t, v->data, v->len, pattern)
								  : VERDICT_BAD_TAG;
}

/* What a sink was given. */
struct released {
	uint64_t bytes;
	uint32_t begun;
	uint32_t ended;
};

static int on_begin(void *context, uint32_t index, const struct member *member)
{
	(void)index, (void)member;
	((struct released *)context)->begun++;
	return 0;
}

static int on_data(void *context, const void *data, size_t len)
{
	(void)data;
	((struct released *)context)->bytes += len;
	return 0;
}

static int on_end(void *context, uint32_t index, const struct member *member)
{
	(void)index, (void)member;
	((struct released *)context)->ended++;
	return 0;
}

/*
 * Digest and count of a member are known behind its last byte, and a frame is opened when the one
 * before is out: there bytes may pass, but the member is never ended.
 */
static void check_release_of_nothing(const char *name, int result, const struct released *r,
				     uint32_t members)
{
	ok(r->ended < members, "%s: no sink hears that all members are done", name);
	if (result == VERDICT_BAD_DIGEST || result == VERDICT_BAD_COUNT)
		ok(r->ended + 1 == r->begun, "%s: the member with the fault is begun and not ended", name);
	else if (strstr(name, "second") != NULL || strstr(name, "last-segment") != NULL)
		ok(r->bytes <= FRAME_BYTES && r->ended == 0, "%s: nothing behind the fault is released", name);
	else
		ok(r->bytes == 0, "%s: nothing was released", name);
}

static int open_all(struct unpack *u, const char *name, const struct key *recipient,
		    const struct key *psk)
{
	int result = unpack_unlock(u, recipient, psk->secret);
	if (result != 0)
		return result;
	struct released r = {0};
	const struct unpack_visitor visitor = {on_begin, on_data, on_end, &r};
	const struct manifest *m = unpack_manifest(u);
	result = unpack_all(u, 2, &visitor);
	if (result != 0)
		check_release_of_nothing(name, result, &r, m->member_count);
	else
		ok(r.ended == m->member_count && r.bytes == m->content_len, "%s: all is released", name);
	return result;
}

static int judge_file(struct world *w, const char *name, int fd, bool has_registry, unsigned int reader)
{
	struct unpack *u = NULL;
	struct registry *own = NULL;
	uint8_t *text = NULL;
	size_t len = 0;
	char problem[PROBLEM_BYTES];
	int result = unpack_open(&u, fd);
	if (result == 0 && has_registry) {
		result = unpack_registry_text(u, &text, &len);
		if (result == 0)
			result = text == NULL ? VERDICT_TRUNCATED :
				 registry_parse(&own, text, len, w->roots, problem);
	}
	if (result == 0)
		result = unpack_verify(u, has_registry ? own : w->registry, NULL, NULL);
	if (result == 0)
		result = open_all(u, name, &w->recipients[reader], &w->psks[reader]);
	unpack_free(u);
	registry_free(own);
	free(text);
	return result;
}

static int judge_bytes(struct world *w, const char *name, const struct bytes *v, bool has_registry,
		       unsigned int reader)
{
	int fd = memfd_create("vector", MFD_CLOEXEC);
	int result = fd < 0 ? -errno : io_write(fd, v->data, v->len);
	if (result == 0)
		result = judge_file(w, name, fd, has_registry, reader);
	io_close(fd);
	return result;
}

static int judge_object(struct world *w, const char *name, const struct bytes *v)
{
	if (strstr(name, "three-recipients") != NULL)
		for (unsigned int reader = 1; reader < 3; reader++)
			is_number(judge_bytes(w, name, v, false, reader), 0, "%s opens for recipient %u", name,
				  reader + 1);
	return judge_bytes(w, name, v, false, 0);
}

static int judge_weir(struct world *w, const char *name, const struct bytes *v)
{
	return judge_bytes(w, name, v, true, 0);
}

/* "release/bad-signature--person.bin": bad-signature */
static int wanted_verdict(const char *file)
{
	char word[256];
	snprintf(word, sizeof(word), "%s", file);
	char *end = strstr(word, "--");
	word[end != NULL ? (size_t)(end - word) : strcspn(word, ".")] = '\0';
	return verdict_from_name(word);
}

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void check_folder(struct world *w, const char *folder, judge *judge_one)
{
	char path[PATH_BYTES];
	struct dirent **files;
	snprintf(path, sizeof(path), VECTORS "%s", folder);
	int count = scandir(path, &files, is_no_dot, alphasort);
	ok(count > 0, "there are vectors for %s", folder);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]->d_name);
		bool is_recipe = strstr(path, ".patch") != NULL;
		struct bytes vector = is_recipe ? read_recipe(path) : read_vector(path);
		int wanted = wanted_verdict(files[i]->d_name);
		int got = judge_one(w, path, &vector);
		is_text(got < 0 ? strerror(-got) : verdict_name(got), verdict_name(wanted), "%s", path);
		if (wanted >= 0)
			w->seen[wanted] = true;
		free(vector.data);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
}

static void read_secret(struct key *key, const char *hex)
{
	ok(text_unhex(key->secret, sizeof(key->secret), hex) == 0, "%s has a secret", key->card.name);
	key_complete(key);
}

/* card/ok.txt: KIND NAME SECRET PUBLIC SECOND KEYID FINGERPRINT.  Fills the keys that the objects need. */
static void take_link_secret(struct world *w, const uint8_t *link_secret)
{
	uint8_t secret[TAGGER_SECRET_BYTES];
	tagger_secret(secret, link_secret);
	ok(w->tagger == NULL && tagger_new(&w->tagger, secret) == 0, "the one link secret makes tags");
}

static void check_cards(struct world *w)
{
	struct bytes text = read_vector("card/ok.txt");
	unsigned int recipients = 0, psks = 0;
	char *rest = (char *)text.data;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		char kind[16], name[NAME_BYTES], secret[65], public_hex[65], second[65], id_hex[33],
			hex[65];
		int at = 0;
		struct key key = {0};
		ok(sscanf(line, "%15s %31s %64s %64s %64s %32s %n", kind, name, secret, public_hex,
			  second, id_hex, &at) == 6, "a card is a line");
		key.card.kind = key_kind_from_name(kind);
		memcpy(key.card.name, name, strlen(name));
		read_secret(&key, secret);
		char fingerprint[FINGERPRINT_BYTES];
		card_fingerprint(fingerprint, &key.card);
		is_text(text_hex(hex, sizeof(hex), key.card.public_key, SUITE_KEY_BYTES), public_hex,
			"%s %s: public", kind, name);
		text_hex(hex, sizeof(hex), key.card.second, SUITE_KEY_BYTES);
		is_text(bytes_are_zero(key.card.second, SUITE_KEY_BYTES) ? "-" : hex, second,
			"%s %s: second", kind, name);
		is_text(text_hex(hex, sizeof(hex), key.card.id, KEY_ID_BYTES), id_hex, "%s %s: key id",
			kind, name);
		is_text(fingerprint, line + at, "%s %s: fingerprint", kind, name);
		if (key.card.kind == KEY_RECIPIENT && recipients < 3)
			w->recipients[recipients++] = key;
		if (key.card.kind == KEY_PSK && psks < 3)
			w->psks[psks++] = key;
		if (key.card.kind == KEY_LINK)
			take_link_secret(w, key.secret);
	}
	free(text.data);
}

/* The refusals of the formats that are in no bytes. */
static void check_permissions(struct world *w)
{
	struct bytes raw = read_vector("key/ok--person.bin");
	struct key *key = NULL;
	const char *path = test_path("loose.key");
	FILE *file = fopen(path, "w");
	ok(file != NULL && fwrite(raw.data, raw.len, 1, file) == 1 && fclose(file) == 0, "a key file is written");
	ok(chmod(path, 0640) == 0, "it has a mode bit for its group");
	is_text(verdict_name(key_load(&key, path, NULL)), "loose-permissions", "such a key file is refused");
	w->seen[VERDICT_LOOSE_PERMISSIONS] = true;
	ok(chmod(path, 0600) == 0 && chmod(test_dir(), 0770) == 0, "its directory has one");
	is_text(verdict_name(key_load(&key, path, NULL)), "loose-directory", "it is refused, too");
	ok(chmod(test_dir(), 0700) == 0, "the directory is as before");
	w->seen[VERDICT_LOOSE_DIRECTORY] = true;
	free(raw.data);
}

static void check_passphrase(struct world *w)
{
	const char *what = NULL;
	int result = passphrase_check("A123456789", 1780272000, &what);
	is_text(verdict_name(result), "weak-passphrase", "an identity number is no passphrase");
	w->seen[VERDICT_WEAK_PASSPHRASE] = true;
}

/* And of what a box has loaded before. */
static void check_memory(struct world *w)
{
	int dir_fd = io_open_dir(AT_FDCWD, test_dir());
	bool written = io_write_file(dir_fd, "registry-name", "elsewhere\n", 10, 0600) == 0;
	ok(written, "a box of another installation");
	is_text(verdict_name(registry_admit(dir_fd, w->registry)), "other-registry",
		"does not take the registry of this one");
	io_close(dir_fd);
	w->seen[VERDICT_OTHER_REGISTRY] = true;
}

/* Every verdict that a format page names has a vector. */
static void check_page(const struct world *w, const char *path)
{
	struct bytes text = read_all(path);
	char *rest = (char *)text.data;
	for (char *word; (word = strsep(&rest, "`")) != NULL;) {
		int verdict = verdict_from_name(word);
		if (verdict > 0 && !w->seen[verdict])
			ok(false, "%s names %s, so there is a vector of it", path, word);
	}
	ok(true, "the verdicts of %s have vectors", path);
	free(text.data);
}

int main(void)
{
	static struct world w;
	char problem[PROBLEM_BYTES];
	if (suite_start() != 0)
		return EXIT_FAILURE;
	struct bytes roots = read_vector("roots/ok.conf"), registry = read_vector("registry/ok.conf");
	ok(roots_parse(&w.roots, roots.data, roots.len, problem) == 0, "the roots of the vectors are good");
	ok(registry_parse(&w.registry, registry.data, registry.len, w.roots, problem) == 0,
	   "the registry of the vectors is good");
	if (w.registry == NULL)
		return done_testing();
	check_cards(&w);
	check_folder(&w, "key", judge_key);
	check_folder(&w, "roots", judge_roots);
	check_folder(&w, "registry", judge_registry);
	check_folder(&w, "statement", judge_statement);
	check_folder(&w, "release", judge_release);
	check_folder(&w, "head", judge_head);
	check_folder(&w, "manifest", judge_manifest);
	check_folder(&w, "object", judge_object);
	check_folder(&w, "weir", judge_weir);
	check_folder(&w, "datagram", judge_datagram);
	check_folder(&w, "trial", judge_trial);
	check_folder(&w, "heartbeat", judge_control);
	check_folder(&w, "page", judge_control);
	check_folder(&w, "heads", judge_control);
	check_permissions(&w);
	check_passphrase(&w);
	check_memory(&w);
	check_page(&w, "common/BUNDLE.md");
	check_page(&w, "common/LINK.md");
	check_page(&w, "common/REGISTRY.md");
	registry_free(w.registry);
	roots_free(w.roots);
	free(roots.data);
	free(registry.data);
	return done_testing();
}
