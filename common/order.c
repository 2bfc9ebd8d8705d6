#include "order.h"

#include <assert.h>
#include <string.h>

#include "bundle_parts.h"
#include "verdict.h"

enum { MAGIC_BYTES = 8 };

static const char magic[MAGIC_BYTES] = {'W', 'E', 'I', 'R', 'O', 'R', 'D', 'R'};

static const struct {
	const char *name;
	enum key_kind machine;
	unsigned int signers_max;
} kinds[ORDER_KIND_END] = {
	[ORDER_PUSH] = {"push", KEY_MACHINE, 1},
	[ORDER_RELEASE] = {"release", KEY_SENDER, ORDER_SIGNERS_MAX},
};

static bool kind_is_known(unsigned int kind)
{
	return kind >= ORDER_PUSH && kind < ORDER_KIND_END;
}

const char *order_kind_name(enum order_kind kind)
{
	return kind_is_known(kind) ? kinds[kind].name : NULL;
}

enum order_kind order_kind_from_name(const char *name)
{
	for (unsigned int kind = ORDER_PUSH; kind < ORDER_KIND_END; kind++)
		if (strcmp(kinds[kind].name, name) == 0)
			return (enum order_kind)kind;
	return (enum order_kind)0;
}

enum key_kind order_machine_kind(enum order_kind kind)
{
	assert(kind_is_known(kind));
	return kinds[kind].machine;
}

/* ORDER.md 2.  The count stands apart because it is 0 in what is signed. */
static void write_fixed(struct writer *w, const struct order *order, uint8_t signer_count)
{
	bundle_write_start(w, magic);
	write_u8(w, (uint8_t)order->kind);
	write_u8(w, signer_count);
	write_u16(w, 0);
	write_bytes(w, order->id, ORDER_ID_BYTES);
	bundle_write_name(w, order->route);
	write_u64(w, order->policy_version);
	write_u64(w, order->not_before);
	write_u64(w, order->not_after);
	write_u16(w, order->window_start);
	write_u16(w, order->window_len);
	write_u8(w, order->weekdays);
	write_zeros(w, 3);
	write_u64(w, order->max_bytes);
	write_u64(w, order->max_records);
	write_u32(w, order->max_pushes);
	write_u32(w, 0);
	bundle_write_name(w, order->machine.name);
	write_bytes(w, order->machine.id, KEY_ID_BYTES);
	write_bytes(w, order->machine.public_key, SUITE_KEY_BYTES);
}

/* ORDER.md 3 */
static void write_signer(struct writer *w, const struct order_signer *signer)
{
	bundle_write_name(w, signer->name);
	write_bytes(w, signer->key_id, KEY_ID_BYTES);
	write_u64(w, signer->signed_at);
}

void order_write(struct writer *w, const struct order *order)
{
	write_fixed(w, order, order->signer_count);
	for (size_t i = 0; i < order->signer_count; i++) {
		write_signer(w, &order->signers[i]);
		signature_write(w, &order->signers[i].signature);
	}
}

size_t order_encoded_len(const struct order *order)
{
	size_t len = ORDER_FIXED_BYTES;
	for (size_t i = 0; i < order->signer_count; i++)
		len += ORDER_SIGNER_BYTES + signature_encoded_len(&order->signers[i].signature);
	return len;
}

size_t order_encode(uint8_t out[static ORDER_BYTES_MAX], const struct order *order)
{
	struct writer w = writer_of(out, ORDER_BYTES_MAX);
	order_write(&w, order);
	assert(!w.overrun && w.at == order_encoded_len(order));
	return w.at;
}

static int check_limits(const struct order *o)
{
	if (!name32_is_valid(o->route) || !name32_is_valid(o->machine.name))
		return VERDICT_BAD_NAME;
	if (o->not_after <= o->not_before)
		return VERDICT_BAD_TIME;
	if (bytes_are_zero(o->id, ORDER_ID_BYTES) || o->policy_version > INT64_MAX ||
	    o->not_after - o->not_before > ORDER_LIFE_MAX_S)
		return VERDICT_BAD_LIMIT;
	if (o->window_start >= ORDER_DAY_MINUTES || o->window_len < 1 ||
	    o->window_len > ORDER_DAY_MINUTES || o->weekdays < 1 || o->weekdays > ORDER_EVERY_DAY)
		return VERDICT_BAD_LIMIT;
	if (o->max_bytes < 1 || o->max_bytes > ORDER_CAP_MAX || o->max_records < 1 ||
	    o->max_records > ORDER_CAP_MAX || o->max_pushes < 1 || o->max_pushes > ORDER_PUSHES_MAX)
		return VERDICT_BAD_LIMIT;
	struct card again = o->machine;
	card_identify(&again);
	return memcmp(again.id, o->machine.id, KEY_ID_BYTES) == 0 ? VERDICT_OK : VERDICT_WRONG_KEY;
}

static int read_start(struct order *out, struct reader *r)
{
	size_t left = reader_left(r);
	if (left >= MAGIC_BYTES && left < ORDER_FIXED_BYTES &&
	    memcmp(r->data + r->at, magic, MAGIC_BYTES) != 0)
		return VERDICT_BAD_MAGIC;
	if (left < ORDER_FIXED_BYTES)
		return VERDICT_TRUNCATED;
	int result = bundle_read_start(r, magic);
	if (result != 0)
		return result;
	unsigned int kind = read_u8(r);
	out->signer_count = read_u8(r);
	if (!read_zeros(r, 2))
		return VERDICT_BAD_RESERVED;
	if (!kind_is_known(kind))
		return VERDICT_BAD_TYPE;
	out->kind = (enum order_kind)kind;
	return out->signer_count > kinds[kind].signers_max ? VERDICT_BAD_LIMIT : VERDICT_OK;
}

static int read_fixed(struct order *out, struct reader *r)
{
	int result = read_start(out, r);
	if (result != 0)
		return result;
	read_bytes(r, out->id, ORDER_ID_BYTES);
	read_bytes(r, out->route, NAME_BYTES);
	out->policy_version = read_u64(r);
	out->not_before = read_u64(r);
	out->not_after = read_u64(r);
	out->window_start = read_u16(r);
	out->window_len = read_u16(r);
	out->weekdays = read_u8(r);
	bool reserved = read_zeros(r, 3);
	out->max_bytes = read_u64(r);
	out->max_records = read_u64(r);
	out->max_pushes = read_u32(r);
	reserved = read_zeros(r, 4) && reserved;
	out->machine.kind = kinds[out->kind].machine;
	read_bytes(r, out->machine.name, NAME_BYTES);
	read_bytes(r, out->machine.id, KEY_ID_BYTES);
	read_bytes(r, out->machine.public_key, SUITE_KEY_BYTES);
	return reserved ? check_limits(out) : VERDICT_BAD_RESERVED;
}

static int read_signer(struct order *out, size_t index, struct reader *r)
{
	struct order_signer *signer = &out->signers[index];
	read_bytes(r, signer->name, NAME_BYTES);
	read_bytes(r, signer->key_id, KEY_ID_BYTES);
	signer->signed_at = read_u64(r);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (!name32_is_valid(signer->name))
		return VERDICT_BAD_NAME;
	if (signer->signed_at > out->not_after ||
	    (signer->signed_at < out->not_before &&
	     out->not_before - signer->signed_at > ORDER_LIFE_MAX_S))
		return VERDICT_BAD_TIME;
	if (index > 0 && memcmp(signer[-1].key_id, signer->key_id, KEY_ID_BYTES) >= 0)
		return VERDICT_BAD_ORDER;
	return signature_read(&signer->signature, r);
}

int order_read(struct order *out, struct reader *r)
{
	struct order order = {0};
	int result = read_fixed(&order, r);
	for (size_t i = 0; result == 0 && i < order.signer_count; i++)
		result = read_signer(&order, i, r);
	if (result == 0)
		*out = order;
	return result;
}

int order_decode(struct order *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	struct order order;
	int result = order_read(&order, &r);
	if (result == 0 && reader_left(&r) > 0)
		result = VERDICT_TRAILING_BYTES;
	if (result == 0)
		*out = order;
	return result;
}

void order_sign_input(uint8_t out[static ORDER_INPUT_BYTES], const struct order *order,
		      const struct order_signer *signer)
{
	struct writer w = writer_of(out, ORDER_INPUT_BYTES);
	write_fixed(&w, order, 0);
	write_signer(&w, signer);
	assert(!w.overrun && w.at == ORDER_INPUT_BYTES);
}

int order_add_signature(struct order *order, const struct order_signer *signer)
{
	assert(kind_is_known(order->kind));
	size_t at = 0, count = order->signer_count;
	while (at < count && memcmp(order->signers[at].key_id, signer->key_id, KEY_ID_BYTES) < 0)
		at++;
	bool is_again = at < count &&
			memcmp(order->signers[at].key_id, signer->key_id, KEY_ID_BYTES) == 0;
	if (!is_again) {
		if (count >= kinds[order->kind].signers_max)
			return VERDICT_BAD_LIMIT;
		memmove(&order->signers[at + 1], &order->signers[at],
			(count - at) * sizeof(order->signers[0]));
		order->signer_count++;
	}
	order->signers[at] = *signer;
	return VERDICT_OK;
}
