/* What is refused of a whole object, what waits, and what gets its place in the vault. */
#include "receiver/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/openbundle.h"
#include "common/verdict.h"
#include "receiver/vault.h"
#include "tests/lib/tap.h"
#include "tests/lib/whole.h"

static struct night night;
static struct partial_site site;
static int vault = -1;

static void must(bool good, const char *what)
{
	if (good)
		return;
	note("the test cannot go on: %s", what);
	exit(2);
}

static void make_site(void)
{
	must(mkdir(test_path("vault"), 0700) == 0 && mkdir(test_path("maps"), 0700) == 0, "folders");
	vault = io_open_dir(AT_FDCWD, test_path("vault"));
	must(vault_prepare(vault) == 0 && partial_site_boot(&site) == 0, "a vault");
	site.dir_fd = io_open_dir(vault, "partial");
	site.maps_fd = io_open_dir(AT_FDCWD, test_path("maps"));
}

static struct acceptance acceptance_of(const struct whole *w)
{
	return (struct acceptance){
		.site = &site, .vault_fd = vault, .id = {w->entry.epoch, w->entry.number, w->entry.route_id}, .entry = w->entry,
		.registry = night.registry, .sender_registry_version = 1,
	};
}

/* All of it has come under this id. */
static void arrive(const struct whole *w, const struct bundle_id *id)
{
	struct partial *partial = NULL;
	must(partial_create(&partial, &site, id, &w->entry.geometry) == 0 && whole_place(w, partial) == 0, "it arrives");
	partial_close(partial);
}

static int judge(const struct whole *w, struct acceptance *a)
{
	arrive(w, &a->id);
	int result = accept_judge(a);
	must(partial_remove(&site, &a->id) == 0, "it goes");
	return result;
}

static void judged_is(const struct whole *w, struct acceptance *a, int wanted, const char *sentence)
{
	is_text(verdict_name(judge(w, a)), verdict_name(wanted), "%s is %s", sentence, verdict_name(wanted));
}

/* The catalogue named another bundle than the release. */
static void test_entry(const struct whole *w)
{
	struct acceptance a = acceptance_of(w);
	a.id.epoch++;
	judged_is(w, &a, VERDICT_WRONG_ROUTE, "one of another epoch");
	a = acceptance_of(w);
	a.id.number++;
	judged_is(w, &a, VERDICT_WRONG_ROUTE, "one of another number");
	a = acceptance_of(w);
	a.id.route_id++;
	judged_is(w, &a, VERDICT_WRONG_ROUTE, "one of another route");
	a = acceptance_of(w);
	a.entry.geometry.row_len += ROW_UNIT_BYTES;
	judged_is(w, &a, VERDICT_BAD_GEOMETRY, "one with longer rows");
	a = acceptance_of(w);
	a.entry.geometry.source_rows++;
	judged_is(w, &a, VERDICT_BAD_GEOMETRY, "one with more source rows");
	a = acceptance_of(w);
	a.entry.geometry.repair_rows++;
	judged_is(w, &a, VERDICT_BAD_GEOMETRY, "one with more repair rows");
	a = acceptance_of(w);
	a.entry.geometry.object_len -= SEGMENT_BYTES;
	judged_is(w, &a, VERDICT_BAD_GEOMETRY, "one that is longer");
	a = acceptance_of(w);
	a.entry.destroy_by++;
	judged_is(w, &a, VERDICT_BAD_TIME, "one to be destroyed at another time");
	a = acceptance_of(w);
	a.entry.root[0] ^= 1;
	judged_is(w, &a, VERDICT_BAD_ROOT, "one with another root");
	is_text(a.name, "", "nothing that the catalogue did not name has a name");
}

static void test_bytes(const struct whole *w)
{
	static struct whole other;
	struct acceptance a = acceptance_of(w);
	other = *w;
	other.object[WHOLE_BYTES - 1] ^= 1;
	judged_is(&other, &a, VERDICT_BAD_ROOT, "one with another bit in its body");
	is_text(a.name, "tax-000001", "it is named in what tells of it");
	other = *w;
	other.object[SEGMENT_BYTES - 1] ^= 1;
	judged_is(&other, &a, VERDICT_BAD_SIGNATURE, "one with another bit in its signature");
	other = *w;
	other.object[0] ^= 1;
	judged_is(&other, &a, VERDICT_BAD_MAGIC, "what is no release");
}

static void test_keys(const struct whole *w)
{
	static struct whole other;
	struct key *stranger = key_new(KEY_SENDER, "inside-9");
	struct acceptance a = acceptance_of(w);
	other = *w;
	whole_sign(&other, &night, stranger);
	judged_is(&other, &a, VERDICT_UNKNOWN_KEY, "one of a box that nobody knows");
	a.sender_registry_version = 2;
	is_number(judge(&other, &a), -EAGAIN, "it waits while the sender has a newer registry");
	is_number((int64_t)a.wanted_version, 2, "for that");
	a.sender_registry_version = 0;
	is_number(judge(&other, &a), -EAGAIN, "and until a heartbeat has said which one it has");
	is_number((int64_t)a.wanted_version, 0, "for none in particular");
	key_free(stranger);
	other = *w;
	other.release.statement.registry_version = 3;
	whole_sign(&other, &night, night.inside);
	a = acceptance_of(w);
	is_number(judge(&other, &a), -EAGAIN, "what was sealed under a newer registry waits");
	is_number((int64_t)a.wanted_version, 3, "for that one");
	other.object[SEGMENT_BYTES - 1] ^= 1;
	judged_is(&other, &a, VERDICT_BAD_SIGNATURE, "but not when it is not even its box's");
}

static void test_delivery(const struct whole *w)
{
	struct acceptance a = acceptance_of(w), found;
	uint8_t *bytes = NULL;
	size_t len = 0, text_len;
	const uint8_t *text = registry_text(night.registry, &text_len);
	arrive(w, &a.id);
	is_number(accept_judge(&a), 0, "one that is right is right");
	is_number(accept_deliver(&a), 0, "it gets its place");
	must(io_read_file(vault, "bundles/0000000000000005/tax-000001.weir", WHOLE_BYTES + 65536, &bytes, &len) == 0, "read");
	ok(len == WHOLE_BYTES + text_len && memcmp(bytes, w->object, WHOLE_BYTES) == 0 &&
		   memcmp(bytes + WHOLE_BYTES, text, text_len) == 0, "as it came, with the registry behind it");
	free(bytes);
	int fd = vault_open_bundle(vault, "tax-000001");
	ok(accept_describe(&found, fd) == 0 && found.id.number == 1 && strcmp(found.evidence.person, "wang-mei") == 0 &&
		   strcmp(found.evidence.officers, "tseng-yu kuo-an") + strcmp(found.evidence.officers, "kuo-an tseng-yu") != 0 &&
		   memcmp(found.edges, a.edges, EDGES_BYTES) == 0, "it can be described from what lies there");
	io_close(fd);
	is_number(accept_deliver(&a), -ENOENT, "what has its place cannot get it again");
	ok(a.is_lost, "its partial file is gone");
	arrive(w, &a.id);
	is_number(accept_judge(&a), 0, "when it comes again it is right again");
	is_number(accept_deliver(&a), -EEXIST, "but there is one already");
	ok(!a.is_lost, "and nothing is lost by it");
	must(partial_remove(&site, &a.id) == 0, "it goes");
	is_number(accept_judge(&a), -ENOENT, "what is not there is no bundle");
	ok(a.is_lost, "and has to begin again");
	is_number(accept_deliver(&a), -ENOENT, "nor can it be delivered");
	arrive(w, &a.id);
	int dir = partial_open_dir(&site, &a.id);
	must(unlinkat(dir, PARTIAL_OBJECT, 0) == 0, "unlink");
	io_close(dir);
	ok(accept_judge(&a) == -ENOENT && a.is_lost, "nor what has lost its object");
	must(partial_remove(&site, &a.id) == 0, "it goes");
}

/* A registry that crosses: version 2, of the same installation, signed by our root. */
static void test_registry(void)
{
	static struct whole w;
	struct key *root = key_new(KEY_ROOT, "root-1");
	char hex[2 * SUITE_KEY_BYTES + 1], roots[512], text[256];
	uint8_t *signed_text = NULL, *body = NULL;
	size_t len, body_len;
	FILE *out = fopen(test_path("roots"), "we");
	snprintf(roots, sizeof(roots), "[root root-1]\npublic = %s\n[roots]\nquorum = 1\n",
		 text_hex(hex, sizeof(hex), root->card.public_key, SUITE_KEY_BYTES));
	must(out != NULL && fputs(roots, out) >= 0 && fclose(out) == 0, "a roots file");
	int n = snprintf(text, sizeof(text), "[registry]\nformat = 1\nname = moi\nversion = 2\nissued = 2026-11-24\n"
			 "expires = 2027-11-24\n");
	must(registry_sign(&signed_text, &len, (const uint8_t *)text, (size_t)n, root) == 0, "signing");
	struct statement *s = &w.release.statement;
	*s = (struct statement){.created = WHOLE_NOW, .destroy_by = night_midnight + NIGHT_DAY, .push_id = {9}};
	must(open_make(&body, &body_len, s, OPEN_REGISTRY, signed_text, len) == 0 &&
		     body_len + SEGMENT_BYTES <= sizeof(w.object), "an open bundle");
	memcpy(s->person, night.inside->card.name, NAME_BYTES);
	memcpy(s->person_key, night.inside->card.id, KEY_ID_BYTES);
	memcpy(w.object + SEGMENT_BYTES, body, body_len);
	const struct geometry g = geometry_choose(SEGMENT_BYTES + body_len, 125);
	w.release.route_id = OPEN_ROUTE_ID;
	w.release.epoch = 5;
	w.release.number = 1;
	w.release.released_at = WHOLE_NOW;
	w.release.row_len = g.row_len;
	w.release.source_rows = g.source_rows;
	w.release.repair_rows = g.repair_rows;
	memcpy(w.release.box, night.inside->card.name, NAME_BYTES);
	memcpy(w.release.box_key, night.inside->card.id, KEY_ID_BYTES);
	endorse_push(&w.endorsements, s, night.inside->secret);
	must(release_segment_encode(w.object, &w.release, &w.endorsements, night.inside->secret) == 0, "signing");
	w.entry = (struct entry){.route_id = OPEN_ROUTE_ID, .epoch = 5, .number = 1, .geometry = g,
				 .destroy_by = s->destroy_by};
	memcpy(w.entry.root, s->root, SUITE_DIGEST_BYTES);
	char path[4300];
	snprintf(path, sizeof(path), "%s", test_path("roots"));
	struct acceptance a = acceptance_of(&w);
	a.roots = path;
	arrive(&w, &a.id);
	is_text(verdict_name(accept_judge(&a)), "ok", "a newer registry that crosses is right");
	is_number(accept_deliver(&a), 0, "and gets its place");
	ok(a.has_registry, "the vault has a newer registry then");
	ok(faccessat(vault, "registry", F_OK, 0) == 0, "in its file");
	free(signed_text);
	free(body);
	key_free(root);
}

int main(void)
{
	static struct whole w;
	if (suite_start() != 0)
		return 2;
	night_make(&night, "");
	make_site();
	whole_make(&w, &night);
	test_entry(&w);
	test_bytes(&w);
	test_keys(&w);
	test_delivery(&w);
	test_registry();
	night_end(&night);
	io_close(site.dir_fd);
	io_close(site.maps_fd);
	io_close(vault);
	return done_testing();
}
