#include "local.h"

#include "common/bundle_parts.h"
#include "common/cursor.h"
#include "common/verdict.h"

size_t local_order_encode(uint8_t out[static LOCAL_ORDER_MAX], const struct local_order *order)
{
	struct writer w = writer_of(out, LOCAL_ORDER_MAX);
	write_u8(&w, order->is_revoked);
	write_zeros(&w, 3);
	write_u32(&w, order->released_today);
	order_write(&w, &order->order);
	return w.at;
}

int local_order_decode(struct local_order *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	uint8_t is_revoked = read_u8(&r);
	bool reserved_are_zero = read_zeros(&r, 3);
	uint32_t released_today = read_u32(&r);
	struct order order;
	if (r.overrun || is_revoked > 1 || !reserved_are_zero)
		return VERDICT_BAD_PROTOCOL;
	int result = order_decode(&order, in + r.at, len - r.at);
	if (result != 0)
		return result;
	*out = (struct local_order){is_revoked == 1, released_today, order};
	return 0;
}

void local_revoked_encode(uint8_t out[static LOCAL_REVOKED_BYTES], const struct local_revoked *revoked)
{
	struct writer w = writer_of(out, LOCAL_REVOKED_BYTES);
	write_bytes(&w, revoked->order_id, ORDER_ID_BYTES);
	bundle_write_name(&w, revoked->route);
	bundle_write_name(&w, revoked->person);
	write_u64(&w, revoked->at);
}

int local_revoked_decode(struct local_revoked *out, const uint8_t *in, size_t len)
{
	struct local_revoked revoked;
	struct reader r = reader_of(in, len);
	read_bytes(&r, revoked.order_id, ORDER_ID_BYTES);
	read_bytes(&r, revoked.route, NAME_BYTES);
	read_bytes(&r, revoked.person, NAME_BYTES);
	revoked.at = read_u64(&r);
	if (r.overrun || reader_left(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	if (!name32_is_valid(revoked.route) ||
	    (!bytes_are_zero(revoked.person, NAME_BYTES) && !name32_is_valid(revoked.person)))
		return VERDICT_BAD_NAME;
	*out = revoked;
	return 0;
}
