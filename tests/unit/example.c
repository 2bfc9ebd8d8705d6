/* The worked example of BUNDLE.md 8, made again from its inputs by the modules and read from the page. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle.h"
#include "common/compress.h"
#include "common/cursor.h"
#include "common/io.h"
#include "common/key.h"
#include "common/manifest.h"
#include "common/sha256.h"
#include "common/text.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

enum { PAGE_BYTES_MAX = 1 << 20, HEX_MAX = 1024, SHOWN_BYTES = 32 };

static char *page; /* from the section's title on */

/* The hex behind a label, with the lines that go on with it. */
static bool find(char *hex, const char *label)
{
	char start[64];
	size_t len = 0;
	snprintf(start, sizeof(start), "\n    %s  ", label);
	const char *p = strstr(page, start);
	if (p == NULL)
		return false;
	for (p += strlen(start); *p != 0 && len < HEX_MAX - 1; p++) {
		if (strchr("0123456789abcdef", *p) != NULL)
			hex[len++] = *p;
		else if (*p == '\n' && strncmp(p, "\n     ", 6) != 0)
			break;
		else if (*p != ' ' && *p != '\n')
			return false;
	}
	hex[len] = 0;
	return true;
}

static void given(uint8_t *out, size_t len, const char *label)
{
	char hex[HEX_MAX];
	ok(find(hex, label) && text_unhex(out, len, hex) == 0, "the page gives the %s", label);
}

static void shows(const char *label, const void *bytes, size_t len)
{
	char hex[HEX_MAX] = "", made[HEX_MAX];
	find(hex, label);
	is_text(hex, text_hex(made, sizeof(made), bytes, len), "the page shows the %s", label);
}

/* What is too long to be shown is shown by its beginning and its end. */
static void shows_ends(const char *label, const uint8_t *segment)
{
	uint8_t ends[2 * SHOWN_BYTES];
	memcpy(ends, segment, SHOWN_BYTES);
	memcpy(ends + SHOWN_BYTES, segment + SEGMENT_BYTES - SHOWN_BYTES, SHOWN_BYTES);
	shows(label, ends, sizeof(ends));
}

static const char member_data[] = "one\ntwo\n";

struct example {
	struct sealer *sealer;
	struct bundle_keys keys;
	uint8_t recipient_secret[SUITE_KEY_BYTES], psk[SUITE_KEY_BYTES], ephemeral_secret[SUITE_KEY_BYTES];
	uint8_t person_seed[SUITE_KEY_BYTES], box_seed[SUITE_KEY_BYTES], push_id[PUSH_ID_BYTES];
	struct card recipient, person, box;
	uint8_t frame[17], manifest[141];
	uint8_t body[3][SEGMENT_BYTES];
	uint8_t root[SUITE_DIGEST_BYTES];
	struct statement statement;
};

static void name_card(struct card *card, enum key_kind kind, const char *name)
{
	card->kind = kind;
	memcpy(card->name, name, strlen(name));
	card_identify(card);
}

static void read_inputs(struct example *e)
{
	given(e->keys.file, SUITE_KEY_BYTES, "file key");
	given(e->recipient_secret, SUITE_KEY_BYTES, "recipient's secret");
	given(e->psk, SUITE_KEY_BYTES, "pre-shared key");
	given(e->ephemeral_secret, SUITE_KEY_BYTES, "ephemeral secret");
	given(e->person_seed, SUITE_KEY_BYTES, "person's seed");
	given(e->box_seed, SUITE_KEY_BYTES, "box's seed");
	given(e->push_id, PUSH_ID_BYTES, "push id");
	suite_exchange_public(e->recipient.public_key, e->recipient_secret);
	suite_sign_public(e->person.public_key, e->person_seed);
	suite_sign_public(e->box.public_key, e->box_seed);
	name_card(&e->recipient, KEY_RECIPIENT, "tax-agency");
	name_card(&e->person, KEY_PERSON, "wang-mei");
	name_card(&e->box, KEY_SENDER, "inside-1");
}

static void make_keys(struct example *e)
{
	bundle_keys_derive(&e->keys);
	shows("content key", e->keys.content, SUITE_KEY_BYTES);
	shows("manifest key", e->keys.manifest, SUITE_KEY_BYTES);
	shows("recipient's public key", e->recipient.public_key, SUITE_KEY_BYTES);
	shows("recipient's key id", e->recipient.id, KEY_ID_BYTES);
	shows("person's key id", e->person.id, KEY_ID_BYTES);
	shows("box's key id", e->box.id, KEY_ID_BYTES);
}

/* By the formulas of section 4, since stanza_seal makes an ephemeral key of its own. */
static void make_stanza(struct stanza *stanza, const struct example *e)
{
	uint8_t shared[SUITE_KEY_BYTES], wrap[SUITE_KEY_BYTES], input[2 + 4 * SUITE_KEY_BYTES] = {1, 0};
	static const uint8_t nonce[SUITE_NONCE_BYTES] = {0};
	char route[NAME_BYTES] = "tax";
	memcpy(stanza->key_id, e->recipient.id, KEY_ID_BYTES);
	suite_exchange_public(stanza->ephemeral, e->ephemeral_secret);
	is_number(suite_exchange(shared, e->ephemeral_secret, e->recipient.public_key), 0, "the exchange works");
	memcpy(input + 2, shared, SUITE_KEY_BYTES);
	memcpy(input + 34, stanza->ephemeral, SUITE_KEY_BYTES);
	memcpy(input + 66, e->recipient.public_key, SUITE_KEY_BYTES);
	memcpy(input + 98, route, NAME_BYTES);
	suite_hash(wrap, sizeof(wrap), "weir1 wrap", e->psk, SUITE_KEY_BYTES, input, sizeof(input));
	suite_seal(stanza->sealed, e->keys.file, SUITE_KEY_BYTES, stanza->key_id, KEY_ID_BYTES, nonce, wrap);
	shows("ephemeral public key", stanza->ephemeral, SUITE_KEY_BYTES);
	shows("shared", shared, sizeof(shared));
	shows("wrap", wrap, sizeof(wrap));
	shows("sealed file key", stanza->sealed, sizeof(stanza->sealed));
}

static void make_head(struct example *e)
{
	struct head head = {.route = "tax", .count = 1}, got;
	struct bundle_keys opened;
	make_stanza(&head.stanzas[0], e);
	bundle_keys_commit(&head, &e->keys);
	shows("commitment to the file key", head.file_commitment, SUITE_DIGEST_BYTES);
	shows("commitment to the manifest key", head.manifest_commitment, SUITE_DIGEST_BYTES);
	head_encode(e->body[0], &head);
	shows("head, 208 bytes", e->body[0], 208);
	is_number(head_decode(&got, e->body[0]), 0, "the head is read");
	is_number(head_open(&opened, &got, e->recipient.id, e->recipient_secret, e->psk), 0, "its recipient opens it");
	is_bytes(&opened, &e->keys, sizeof(opened), "and has the keys");
}

/* A zstd frame of one raw block, as any compressor may make it: 9 bytes and the data. */
static void raw_frame(uint8_t *out, const void *data, uint8_t len)
{
	struct writer w = writer_of(out, (size_t)9 + len);
	write_bytes(&w, "\x28\xb5\x2f\xfd\x20", 5);
	write_u8(&w, len);
	write_u16(&w, (uint16_t)(len << 3 | 1));
	write_u8(&w, 0);
	write_bytes(&w, data, len);
}

static void make_content(struct example *e)
{
	uint8_t plain[SEGMENT_PLAIN_BYTES] = {0}, opened[8];
	raw_frame(e->frame, member_data, 8);
	shows("frame", e->frame, sizeof(e->frame));
	struct decompressor *d = decompressor_new();
	is_number(decompress_frame(d, opened, sizeof(opened), e->frame, sizeof(e->frame)), 0, "the frame opens");
	is_bytes(opened, member_data, sizeof(opened), "to the member");
	decompressor_free(d);
	memcpy(plain, e->frame, sizeof(e->frame));
	segment_seal(e->sealer, e->body[1], plain, 0, true, e->keys.content);
	shows_ends("content segment", e->body[1]);
}

static void make_manifest(struct example *e)
{
	char name[] = "a.txt";
	struct member member = {
		.name = name,
		.size = strlen(member_data),
		.mtime_s = 1780272000,
		.rule = RECORDS_LINES,
		.records = 2,
	};
	struct sha256 hasher;
	sha256_start(&hasher);
	sha256_add(&hasher, member_data, strlen(member_data));
	sha256_end(&hasher, member.digest);
	struct manifest m = {0};
	uint8_t *encoded = NULL, plain[SEGMENT_PLAIN_BYTES] = {0};
	size_t len = 0;
	memcpy(m.push_id, e->push_id, PUSH_ID_BYTES);
	ok(manifest_add_member(&m, &member) == 0 && manifest_add_frame(&m, sizeof(e->frame)) == 0 &&
		   manifest_encode(&m, &encoded, &len) == 0 && len == sizeof(e->manifest),
	   "the manifest has 141 bytes");
	memcpy(e->manifest, encoded, sizeof(e->manifest));
	free(encoded);
	manifest_free(&m);
	shows("manifest", e->manifest, sizeof(e->manifest));
	manifest_digest(e->statement.manifest_digest, e->manifest, sizeof(e->manifest), e->keys.manifest);
	shows("manifest digest", e->statement.manifest_digest, SUITE_DIGEST_BYTES);
	plain[0] = 9 + sizeof(e->manifest);
	plain[4] = sizeof(e->manifest);
	raw_frame(plain + 8, e->manifest, sizeof(e->manifest));
	shows("manifest stream, 32 bytes", plain, 32);
	segment_seal(e->sealer, e->body[2], plain, 0, true, e->keys.manifest);
	shows_ends("manifest segment", e->body[2]);
}

static void hash_node(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t left[static SUITE_DIGEST_BYTES],
		      const uint8_t right[static SUITE_DIGEST_BYTES])
{
	struct sha256 hasher;
	sha256_start(&hasher);
	sha256_add(&hasher, "\1", 1);
	sha256_add(&hasher, left, SUITE_DIGEST_BYTES);
	sha256_add(&hasher, right, SUITE_DIGEST_BYTES);
	sha256_end(&hasher, out);
}

static void make_root(struct example *e)
{
	static const char *const labels[] = {"leaf 0", "leaf 1", "leaf 2"};
	uint8_t leaf[3][SUITE_DIGEST_BYTES], node[SUITE_DIGEST_BYTES], top[SUITE_DIGEST_BYTES];
	struct tree tree;
	tree_start(&tree);
	for (size_t i = 0; i < 3; i++) {
		tree_leaves(&leaf[i], e->body[i], 1);
		tree_add(&tree, leaf[i]);
		shows(labels[i], leaf[i], SUITE_DIGEST_BYTES);
	}
	hash_node(node, leaf[0], leaf[1]);
	hash_node(top, node, leaf[2]);
	tree_root(&tree, e->root);
	shows("node over leaves 0 and 1", node, sizeof(node));
	shows("top", top, sizeof(top));
	shows("root", e->root, sizeof(e->root));
}

static void make_release(struct example *e)
{
	struct statement *s = &e->statement;
	memcpy(s->push_id, e->push_id, PUSH_ID_BYTES);
	memcpy(s->route, "tax", 3);
	memcpy(s->person, e->person.name, NAME_BYTES);
	memcpy(s->person_key, e->person.id, KEY_ID_BYTES);
	memcpy(s->root, e->root, SUITE_DIGEST_BYTES);
	s->registry_version = 7;
	s->created = 1780272000;
	s->destroy_by = s->created + 30 * 86400;
	s->segments = 3;
	s->manifest_segments = 1;
	uint8_t bytes[STATEMENT_BYTES], segment[SEGMENT_BYTES];
	struct endorsements endorsements;
	struct endorsement push;
	size_t at = 0;
	statement_encode(bytes, s);
	shows("push statement", bytes, STATEMENT_BYTES);
	struct release r = {
		.route_id = 1,
		.epoch = UINT64_C(0x0102030405060708),
		.number = 123,
		.released_at = s->created + 1,
		.row_len = 4096,
		.source_rows = 16,
		.repair_rows = 4,
		.statement = *s,
	};
	struct release got;
	memcpy(r.box, e->box.name, NAME_BYTES);
	memcpy(r.box_key, e->box.id, KEY_ID_BYTES);
	endorse_push(&endorsements, s, e->person_seed);
	is_number(release_segment_encode(segment, &r, &endorsements, e->box_seed), 0, "the box signs");
	shows("endorsement, the push", endorsements.bytes, endorsements.len);
	shows("release, bytes 0 to 95", segment, 96);
	shows("box's signature", segment + BOX_SIGNATURE_AT, SUITE_SIGNATURE_BYTES);
	is_number(release_segment_decode(&got, &endorsements, segment), 0, "the release is read");
	ok(endorsements_next(&endorsements, &at, &push) && push.type == ENDORSEMENT_PUSH &&
		   at == endorsements.len,
	   "with the push alone");
}

int main(void)
{
	static struct example e;
	uint8_t *text = NULL;
	size_t len = 0;
	if (suite_start() != 0 || sealer_new(&e.sealer) != 0 || io_read_file(AT_FDCWD, "common/BUNDLE.md", PAGE_BYTES_MAX, &text, &len) != 0 ||
	    (page = strstr((char *)text, "## 8 Worked example")) == NULL) {
		printf("Bail out! no worked example in common/BUNDLE.md\n");
		return 1;
	}
	read_inputs(&e);
	make_keys(&e);
	make_head(&e);
	make_content(&e);
	make_manifest(&e);
	make_root(&e);
	make_release(&e);
	free(text);
	sealer_free(e.sealer);
	return done_testing();
}
